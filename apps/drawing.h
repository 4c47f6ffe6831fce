// Annotations and detections drawn over an image, as every command shows them.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/detections.h"

namespace skylift {

/// Detections with at least `min_score`, labelled with class and score, on a copy that is `zoom` times as large: small
/// pictures need room for the labels.
cv::Mat with_detections(const cv::Mat& rgb, const std::vector<Detection>& detections,
                        const std::vector<std::string>& classes, double min_score = 0, double zoom = 1);

/// Objects labelled with their class, ignored regions hatched.
cv::Mat with_annotations(const cv::Mat& rgb, const ImageRecord& image, const std::vector<std::string>& classes,
                         double zoom = 1);

}  // namespace skylift
