#include "skylift/assign/coverage.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "skylift/image/resize.h"

namespace skylift {
namespace {

constexpr double kEdges[] = {8, 16, 32, 96};  // px

std::vector<SizeCoverage> empty_ranges() {
  std::vector<SizeCoverage> ranges;
  for (const std::string& name : size_range_names()) ranges.push_back({name});
  return ranges;
}

/// The objects that count, in pixels of the network's input.
std::vector<BoxXyxy> scaled_boxes(const ImageRecord& image, const ImageGeometry& geometry) {
  std::vector<BoxXyxy> boxes;
  for (const Object& object : image.objects) {
    const BoxXywh& b = object.box;
    if (object.class_index < 0 || object.crowd || object.ignored || b.w <= 0 || b.h <= 0) continue;
    boxes.push_back({static_cast<float>(b.x * geometry.scale_x), static_cast<float>(b.y * geometry.scale_y),
                     static_cast<float>((b.x + b.w) * geometry.scale_x),
                     static_cast<float>((b.y + b.h) * geometry.scale_y)});
  }
  return boxes;
}

PointGrid grid_of(cv::Size content, const Preprocess& preprocess, const std::vector<int>& strides) {
  const int width = round_up(content.width, preprocess.pad_multiple),
            height = round_up(content.height, preprocess.pad_multiple);
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (const int stride : strides) sizes.push_back(level_size(height, width, stride));
  return make_point_grid(sizes, strides, c10::kCPU);
}

/// For each box whether it has a positive location.
std::vector<bool> covered(const PointGrid& grid, const std::vector<BoxXyxy>& boxes, const ImageGeometry& geometry,
                          const AtssOptions& options) {
  const auto count = static_cast<int64_t>(boxes.size());
  Targets targets{at::empty({count, 4}), at::zeros({count}, at::kLong), at::empty({0, 4})};
  for (int64_t i = 0; i < count; ++i) {
    const BoxXyxy& box = boxes[static_cast<size_t>(i)];
    float* row = targets.boxes_xyxy.data_ptr<float>() + 4 * i;
    row[0] = box.x1, row[1] = box.y1, row[2] = box.x2, row[3] = box.y2;
  }
  std::vector<bool> has_positive(boxes.size());
  const at::Tensor objects = assign_atss(grid, {targets}, {geometry}, options).object.contiguous();
  for (int64_t i = 0; i < objects.size(0); ++i)
    has_positive[static_cast<size_t>(objects.data_ptr<int64_t>()[i])] = true;
  return has_positive;
}

}  // namespace

const std::vector<std::string>& size_range_names() {
  static const std::vector<std::string> names = {"under 8 px", "8 to 16 px", "16 to 32 px", "32 to 96 px",
                                                 "96 px and more"};
  return names;
}

size_t size_range_of(double side_px) {
  return static_cast<size_t>(std::upper_bound(std::begin(kEdges), std::end(kEdges), side_px) - std::begin(kEdges));
}

std::vector<SizeCoverage> anchor_coverage(const AnnotationSet& set, const Preprocess& preprocess,
                                          const std::vector<int>& strides, AtssOptions options) {
  options.rescue_small = false;
  std::vector<SizeCoverage> ranges = empty_ranges();
  for (const ImageRecord& image : set.images) {
    if (image.width <= 0 || image.height <= 0) continue;
    const cv::Size content = keep_ratio_size({image.width, image.height}, preprocess);
    const ImageGeometry geometry{.original_width = image.width,
                                 .original_height = image.height,
                                 .content_width = content.width,
                                 .content_height = content.height,
                                 .scale_x = static_cast<double>(content.width) / image.width,
                                 .scale_y = static_cast<double>(content.height) / image.height};
    const std::vector<BoxXyxy> boxes = scaled_boxes(image, geometry);
    if (boxes.empty()) continue;
    const std::vector<bool> has_positive = covered(grid_of(content, preprocess, strides), boxes, geometry, options);
    for (size_t i = 0; i < boxes.size(); ++i) {
      SizeCoverage& range = ranges[size_range_of(std::sqrt(double{boxes[i].width()} * boxes[i].height()))];
      ++range.objects;
      range.uncovered += !has_positive[i];
    }
  }
  return ranges;
}

}  // namespace skylift
