// Images and their tiles as what goes through the network, and back to detections of the images.
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>
#include <span>
#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/data/sample.h"
#include "skylift/infer/options.h"
#include "skylift/infer/predictor.h"

namespace skylift {

/// What goes through the network as one image: an image or a tile of one, as a view of its pixels.
struct ImagePart {
  size_t image = 0;
  cv::Mat pixels;
  bool bgr = false;
  cv::Point origin;  ///< in the image
  ImageGeometry geometry;
  std::vector<Detection> found;  ///< in pixels of the image
};

/// The tiles of each image, the whole image, or both, in the order of the images.
std::vector<ImagePart> image_parts(std::span<const ImageView> images, const TilingOptions& tiling,
                                   const Preprocess& preprocess);

/// Runs of the network: places in `parts`, of one size each, at most `batch`.
std::vector<std::vector<size_t>> group_parts(const std::vector<ImagePart>& parts, size_t batch);

/// Resizes straight into the network's memory: [height, width, 3] of its geometry's content, RGB.
void write_part(const ImagePart& part, uint8_t* input);

/// `count` images' detections from those of their parts; the parts of one image follow each other. Each part has had
/// its limit (max_detections): what tiles find together may be more.
DetectionSet collect_parts(std::vector<ImagePart> parts, size_t count, const MergeOptions& merge);

}  // namespace skylift
