// Annotations and detections drawn over an image, as every command shows them.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "skylift/formats/annotations.h"
#include "skylift/formats/detections.h"

namespace skylift {

/// Detections with at least `min_score`, labelled with class and score. The image itself is left as it is.
cv::Mat with_detections(const cv::Mat& rgb, const std::vector<Detection>& detections, const std::vector<std::string>& classes,
                        double min_score = 0);

/// Objects labelled with their class, ignored regions hatched.
cv::Mat with_annotations(const cv::Mat& rgb, const ImageRecord& image, const std::vector<std::string>& classes);

}  // namespace skylift
