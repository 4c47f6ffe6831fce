// Samples to a Batch: one pass over the pixels, from interleaved bytes to normalised planes.
#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <opencv2/core.hpp>

#include "skylift/data/sample.h"
#include "skylift/image/resize.h"

namespace skylift {
namespace {

/// Normalised value of each byte, by channel: exact, and faster than arithmetic on interleaved bytes.
using Table = std::array<std::array<float, 256>, 3>;

Table normalising_table(const Preprocess& preprocess) {
  Table table;
  for (size_t channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      table[channel][static_cast<size_t>(value)] =
          (static_cast<float>(value) - preprocess.mean[channel]) / preprocess.deviation[channel];
    }
  }
  return table;
}

void write_row(const uchar* rgb, int width, const Table& table, const std::array<float*, 3>& planes) {
  for (int x = 0; x < width; ++x, rgb += 3) {
    planes[0][x] = table[0][rgb[0]];
    planes[1][x] = table[1][rgb[1]];
    planes[2][x] = table[2][rgb[2]];
  }
}

/// One image into planes of [3,height,width]; what it does not cover becomes 0.
void write_planes(const cv::Mat& rgb, const Table& table, float* planes, int64_t height, int64_t width) {
  const int64_t plane_size = height * width;
  for (int64_t y = 0; y < height; ++y) {
    const std::array<float*, 3> rows = {planes + y * width, planes + plane_size + y * width,
                                        planes + 2 * plane_size + y * width};
    const int64_t filled = y < rgb.rows ? rgb.cols : 0;
    if (filled > 0) write_row(rgb.ptr<uchar>(static_cast<int>(y)), rgb.cols, table, rows);
    for (float* row : rows) std::fill(row + filled, row + width, 0.F);
  }
}

at::Tensor boxes_tensor(size_t count) { return at::empty({static_cast<int64_t>(count), 4}, at::kFloat); }

void write_box(const BoxXyxy& box, float*& out) {
  for (const float value : {box.x1, box.y1, box.x2, box.y2}) *out++ = value;
}

Targets targets_of(const Sample& sample) {
  Targets targets{boxes_tensor(sample.boxes.size()), at::empty({static_cast<int64_t>(sample.boxes.size())}, at::kLong),
                  boxes_tensor(sample.ignored.size())};
  float* box_out = targets.boxes_xyxy.data_ptr<float>();
  auto* label_out = targets.labels.data_ptr<int64_t>();
  for (const auto& object : sample.boxes) {
    write_box(object.box, box_out);
    *label_out++ = object.label;
  }
  float* ignored_out = targets.ignored_xyxy.data_ptr<float>();
  for (const auto& box : sample.ignored) write_box(box, ignored_out);
  return targets;
}

}  // namespace

Batch collate(const std::vector<Sample>& samples, const Preprocess& preprocess) {
  int height = 0, width = 0;
  for (const auto& sample : samples) {
    CV_Assert(sample.rgb.type() == CV_8UC3);
    height = std::max(height, round_up(sample.rgb.rows, preprocess.pad_multiple));
    width = std::max(width, round_up(sample.rgb.cols, preprocess.pad_multiple));
  }
  Batch batch;
  batch.images = at::empty({static_cast<int64_t>(samples.size()), 3, height, width}, at::kFloat);
  float* planes = batch.images.data_ptr<float>();
  const Table table = normalising_table(preprocess);
  for (const auto& sample : samples) {
    write_planes(sample.rgb, table, planes, height, width);
    planes += int64_t{3} * height * width;
    batch.targets.push_back(targets_of(sample));
    batch.geometries.push_back(sample.geometry);
    batch.image_indices.push_back(sample.image_index);
    batch.labelled.push_back(sample.labelled);
  }
  if (std::ranges::all_of(batch.labelled, [](bool labelled) { return labelled; })) batch.labelled.clear();
  return batch;
}

Batch reduced(Batch batch, int scale) {
  if (scale == 1) return batch;
  batch.fine_images = batch.images;
  batch.images = at::avg_pool2d(batch.fine_images, scale);
  for (Targets& targets : batch.targets) {
    targets.boxes_xyxy = targets.boxes_xyxy / scale;
    targets.ignored_xyxy = targets.ignored_xyxy / scale;
  }
  for (ImageGeometry& geometry : batch.geometries) {
    geometry.content_width = (geometry.content_width + scale - 1) / scale;
    geometry.content_height = (geometry.content_height + scale - 1) / scale;
    for (double* number : {&geometry.scale_x, &geometry.scale_y, &geometry.offset_x, &geometry.offset_y})
      *number /= scale;
  }
  return batch;
}

Batch Batch::to(c10::Device device, c10::MemoryFormat format) const {
  Batch moved = *this;
  moved.images = images.to(device).contiguous(format);
  if (fine_images.defined()) moved.fine_images = fine_images.to(device).contiguous(format);
  for (auto& target : moved.targets) {
    target = {target.boxes_xyxy.to(device), target.labels.to(device), target.ignored_xyxy.to(device)};
  }
  return moved;
}

}  // namespace skylift
