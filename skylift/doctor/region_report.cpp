#include "skylift/doctor/region_report.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "skylift/assign/coverage.h"
#include "skylift/assign/grid_cells.h"
#include "skylift/image/draw.h"

namespace skylift {
namespace {

constexpr int kLeastPictureWidth = 640;  // px

/// A region's rows on the CPU.
struct Rows {
  explicit Rows(const Region& region)
      : image(region.image.cpu().contiguous()),
        point(region.point.cpu().contiguous()),
        object(region.object.cpu().contiguous()),
        weight(region.weights.to(at::kCPU, at::kDouble).contiguous()) {}
  int64_t count() const { return image.size(0); }
  int64_t image_of(int64_t i) const { return image.const_data_ptr<int64_t>()[i]; }
  int64_t point_of(int64_t i) const { return point.const_data_ptr<int64_t>()[i]; }
  int64_t object_of(int64_t i) const { return object.const_data_ptr<int64_t>()[i]; }
  double weight_of(int64_t i) const { return weight.const_data_ptr<double>()[i]; }

 private:
  at::Tensor image, point, object, weight;
};

/// [H,W,3] 8-bit RGB of a normalised image, its padding cut off.
cv::Mat to_picture(const at::Tensor& image, const ImageGeometry& geometry, const Preprocess& preprocess) {
  const at::Tensor planes = image.to(at::kCPU, at::kFloat);
  cv::Mat rgb(geometry.content_height, geometry.content_width, CV_8UC3);
  const auto value = planes.accessor<float, 3>();
  for (int y = 0; y < rgb.rows; ++y) {
    for (int x = 0; x < rgb.cols; ++x) {
      for (int c = 0; c < 3; ++c) {
        const auto k = static_cast<size_t>(c);
        rgb.at<cv::Vec3b>(y, x)[c] =
            cv::saturate_cast<uchar>(value[c][y][x] * preprocess.deviation[k] + preprocess.mean[k]);
      }
    }
  }
  return rgb;
}

/// Weights painted as squares of a stride around their points; where several meet, the largest.
cv::Mat heat_of(const Rows& rows, const PointGrid& grid, int64_t image, cv::Size size) {
  cv::Mat heat = cv::Mat::zeros(size, CV_32F);
  for (int64_t i = 0; i < rows.count(); ++i) {
    if (rows.image_of(i) != image) continue;
    const GridPosition at = position_of(grid, rows.point_of(i));
    const double half = grid.strides[rows.point_of(i)].item<double>() / 2;
    const cv::Rect cell = cv::Rect(cv::Point(static_cast<int>(at.x - half), static_cast<int>(at.y - half)),
                                   cv::Point(static_cast<int>(at.x + half), static_cast<int>(at.y + half))) &
                          cv::Rect({}, size);
    if (cell.empty()) continue;
    cv::Mat part = heat(cell);
    cv::max(part, rows.weight_of(i), part);
  }
  return heat;
}

/// The value that this share of the non-zero cells does not exceed.
double quantile(const cv::Mat& heat, double share) {
  std::vector<float> values;
  for (auto value = heat.begin<float>(); value != heat.end<float>(); ++value) {
    if (*value > 0) values.push_back(*value);
  }
  if (values.empty()) return 1;
  const auto at = values.begin() + static_cast<int64_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

void add_region(RegionReport& report, const Region& region, const DistillInputs& inputs) {
  if (report.sizes.empty()) {
    for (const std::string& name : size_range_names()) report.sizes.push_back({.range = name});
  }
  std::vector<std::vector<size_t>> range_of;
  std::vector<std::vector<int64_t>> found;
  for (const Targets& targets : inputs.batch.targets) {
    range_of.emplace_back();
    for (const BoxXyxy& box : to_boxes(targets.boxes_xyxy)) {
      range_of.back().push_back(size_range_of(std::sqrt(std::max(0.0, double{box.width()} * box.height()))));
      ++report.sizes[range_of.back().back()].objects;
    }
    found.emplace_back(range_of.back().size());
  }
  const Rows rows(region);
  for (int64_t i = 0; i < rows.count(); ++i) {
    const auto image = static_cast<size_t>(rows.image_of(i)), object = static_cast<size_t>(rows.object_of(i));
    ++report.locations;
    if (rows.object_of(i) < 0) {
      report.background += rows.weight_of(i);
      continue;
    }
    SizeReport& size = report.sizes[range_of[image][object]];
    ++found[image][object];
    ++size.locations;
    size.weight += rows.weight_of(i);
  }
  for (size_t b = 0; b < found.size(); ++b) {
    for (size_t o = 0; o < found[b].size(); ++o) report.sizes[range_of[b][o]].without_location += found[b][o] == 0;
  }
}

void finish_shares(RegionReport& report, double locations) {
  double weight = report.background;
  for (const SizeReport& size : report.sizes) weight += size.weight;
  report.share = static_cast<double>(report.locations) / std::max(locations, 1.0);
  for (SizeReport& size : report.sizes) size.weight /= std::max(weight, 1e-12);
  report.background /= std::max(weight, 1e-12);
}

std::vector<cv::Mat> region_pictures(RegionSet& regions, const DistillInputs& inputs, int64_t image,
                                     const Preprocess& preprocess) {
  const auto b = static_cast<size_t>(image);
  const cv::Mat rgb = to_picture(inputs.batch.images[image], inputs.batch.geometries[b], preprocess);
  const double zoom = std::max(1.0, std::ceil(double{kLeastPictureWidth} / rgb.cols));
  cv::Mat large;
  cv::resize(rgb, large, {}, zoom, zoom, cv::INTER_LINEAR);
  std::vector<cv::Mat> pictures;
  for (const char* name : {"cid", "vlr", "positives"}) {
    cv::Mat heat = heat_of(Rows(regions.region(name)), inputs.grid, image, rgb.size());
    const double high = quantile(heat, 0.98);
    cv::sqrt(heat / high, heat);  // small weights stay visible beside large ones
    cv::resize(heat, heat, large.size(), 0, 0, cv::INTER_NEAREST);
    cv::Mat picture = heat_overlay(large, heat, 0, 1);
    for (const BoxXyxy& box : to_boxes(inputs.batch.targets[b].boxes_xyxy)) {
      const cv::Rect2d scaled(box.x1 * zoom, box.y1 * zoom, box.width() * zoom, box.height() * zoom);
      cv::rectangle(picture, scaled, {110, 230, 160}, 1, cv::LINE_AA);
    }
    pictures.push_back(picture);
  }
  return pictures;
}

}  // namespace skylift
