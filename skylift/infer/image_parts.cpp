#include "skylift/infer/image_parts.h"

#include <map>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/image/resize.h"
#include "skylift/infer/merge.h"
#include "skylift/infer/tiling.h"

namespace skylift {
namespace {

cv::Mat pixels_of(const ImageView& view) {
  if (!view.pixels || view.width <= 0 || view.height <= 0)
    throw Error("predict: got an image of {}x{} px, expected pixels", view.width, view.height);
  const auto step = view.row_bytes > 0 ? static_cast<size_t>(view.row_bytes) : size_t{cv::Mat::AUTO_STEP};
  return {view.height, view.width, CV_8UC3, const_cast<uint8_t*>(view.pixels), step};
}

ImagePart make_part(size_t image, const cv::Mat& pixels, const cv::Rect& window, bool bgr,
                    const Preprocess& preprocess) {
  const cv::Size content = keep_ratio_size(window.size(), preprocess);
  ImagePart part{
      .image = image, .pixels = pixels(window), .bgr = bgr, .origin = window.tl(), .geometry = {}, .found = {}};
  part.geometry = {.original_width = window.width,
                   .original_height = window.height,
                   .content_width = content.width,
                   .content_height = content.height,
                   .scale_x = content.width / static_cast<double>(window.width),
                   .scale_y = content.height / static_cast<double>(window.height)};
  return part;
}

}  // namespace

std::vector<ImagePart> image_parts(std::span<const ImageView> images, const TilingOptions& tiling,
                                   const Preprocess& preprocess) {
  std::vector<ImagePart> parts;
  for (size_t i = 0; i < images.size(); ++i) {
    const cv::Mat pixels = pixels_of(images[i]);
    const cv::Rect whole({0, 0}, pixels.size());
    const bool tiled = is_tiled(pixels.size(), tiling);
    if (tiled) {
      for (const cv::Rect& tile : tile_rects(pixels.size(), tiling))
        parts.push_back(make_part(i, pixels, tile, images[i].bgr, preprocess));
    }
    if (!tiled || tiling.full_image) parts.push_back(make_part(i, pixels, whole, images[i].bgr, preprocess));
  }
  return parts;
}

std::vector<std::vector<size_t>> group_parts(const std::vector<ImagePart>& parts, size_t batch) {
  std::vector<std::vector<size_t>> groups;
  std::map<std::pair<int, int>, size_t> open;  // the group that a size is filling
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::pair size(parts[i].geometry.content_width, parts[i].geometry.content_height);
    const auto found = open.find(size);
    if (found != open.end() && groups[found->second].size() < batch) {
      groups[found->second].push_back(i);
    } else {
      open[size] = groups.size();
      groups.push_back({i});
    }
  }
  return groups;
}

void write_part(const ImagePart& part, uint8_t* input) {
  cv::Mat target(part.geometry.content_height, part.geometry.content_width, CV_8UC3, input);
  if (part.pixels.size() == target.size()) {
    if (part.bgr) {
      cv::cvtColor(part.pixels, target, cv::COLOR_BGR2RGB);
    } else {
      part.pixels.copyTo(target);
    }
    return;
  }
  cv::resize(part.pixels, target, target.size(), 0, 0, cv::INTER_LINEAR);
  if (part.bgr) cv::cvtColor(target, target, cv::COLOR_BGR2RGB);
}

DetectionSet collect_parts(std::vector<ImagePart> parts, size_t count, const MergeOptions& merge) {
  DetectionSet detections(count);
  std::vector<int> part_count(count, 0);
  for (ImagePart& part : parts) {
    auto& found = detections[part.image];
    if (part_count[part.image]++ == 0) {
      found = std::move(part.found);
    } else {
      found.insert(found.end(), part.found.begin(), part.found.end());
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (part_count[i] > 1) {
      const auto all = static_cast<int>(detections[i].size());
      detections[i] = merge_detections(detections[i], merge, all);
    }
  }
  return detections;
}

}  // namespace skylift
