#include "skylift/report/error_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "skylift/core/error.h"
#include "skylift/core/parallel.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/image/draw.h"
#include "skylift/image/resize.h"
#include "skylift/report/plot.h"

namespace skylift {
namespace {

cv::Scalar rgb_of(const char* colour) {
  const long value = std::stol(colour + 1, nullptr, 16);
  return {static_cast<double>(value >> 16), static_cast<double>(value >> 8 & 255), static_cast<double>(value & 255)};
}

void outline(cv::Mat& picture, const BoxXywh& box, double scale, const cv::Scalar& colour, int thickness) {
  const cv::Rect2d scaled(box.x * scale, box.y * scale, box.w * scale, box.h * scale);
  cv::rectangle(picture, scaled, colour, thickness, cv::LINE_AA);
}

cv::Mat draw(const cv::Mat& rgb, const ImageRecord& image, const std::vector<Detection>& detections,
             const std::vector<DetectionError>& errors, double scale) {
  cv::Mat picture;
  cv::resize(rgb, picture, scaled_size(rgb.size(), scale), 0, 0, cv::INTER_AREA);
  std::vector<cv::Rect2f> regions;
  for (const auto& region : image.ignored_regions)
    regions.emplace_back(cv::Rect2d(region.x * scale, region.y * scale, region.w * scale, region.h * scale));
  draw_ignored(picture, regions);
  std::vector<bool> wrong(detections.size());
  for (const auto& error : errors) {
    if (error.detection >= 0) wrong[static_cast<size_t>(error.detection)] = true;
  }
  for (size_t d = 0; d < detections.size(); ++d) {
    if (!wrong[d]) outline(picture, detections[d].box, scale, {90, 220, 120}, 1);
  }
  for (const auto& error : errors) {
    const bool missed = error.kind == ErrorKind::missed;
    const auto& box = missed ? image.objects[static_cast<size_t>(error.object)].box
                             : detections[static_cast<size_t>(error.detection)].box;
    outline(picture, box, scale, rgb_of(colour_of(error.kind)), std::max(box.w, box.h) * scale < 20 ? 1 : 2);
  }
  return picture;
}

std::string caption_of(const ImageRecord& image, const std::vector<DetectionError>& errors) {
  std::array<int, error_kinds> counts{};
  for (const auto& error : errors) ++counts[static_cast<size_t>(error.kind)];
  std::string caption = fmt::format("{}: {} errors", image.file, errors.size());
  for (size_t kind = 0; kind < error_kinds; ++kind) {
    if (counts[kind] > 0) caption += fmt::format(", {} {}", counts[kind], name_of(static_cast<ErrorKind>(kind)));
  }
  return caption;
}

DetectionSet at_least(const DetectionSet& detections, double score) {
  DetectionSet kept = detections;
  for (auto& list : kept) std::erase_if(list, [&](const Detection& detection) { return detection.score < score; });
  return kept;
}

}  // namespace

const char* colour_of(ErrorKind kind) {
  static constexpr std::array<const char*, error_kinds> colours = {"#b07cf0", "#f0a030", "#d65fa8",
                                                                   "#40b8d8", "#f0e040", "#f04848"};
  return colours[static_cast<size_t>(kind)];
}

std::vector<ErrorPicture> draw_worst_images(const AnnotationSet& truth, const DetectionSet& detections, double score,
                                            int count, int longest_px) {
  const DetectionSet kept = at_least(detections, score);
  const auto errors = break_down_errors(truth, kept).images;
  std::vector<size_t> order(errors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return errors[a].size() > errors[b].size(); });
  std::erase_if(order, [&](size_t i) { return errors[i].empty(); });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(0, count))));
  std::vector<ErrorPicture> pictures(order.size());
  parallel_for(order.size(), 0, [&](size_t p) {
    const size_t i = order[p];
    pictures[p].caption = caption_of(truth.images[i], errors[i]);
    try {
      const cv::Mat rgb = decode_rgb(truth.image_path(truth.images[i]), truth.reading);
      const double scale = std::min(1.0, static_cast<double>(longest_px) / std::max(rgb.cols, rgb.rows));
      pictures[p].jpeg = encode_jpeg(draw(rgb, truth.images[i], kept[i], errors[i], scale), 85);
    } catch (const Error& error) {
      pictures[p].caption += fmt::format(" (not drawn: {})", error.what());
    }
  });
  return pictures;
}

}  // namespace skylift
