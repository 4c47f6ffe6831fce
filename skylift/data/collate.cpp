// Samples to a batch: bytes are copied once, row by row; arithmetic is left to the device that trains.
#include <ATen/Functions.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <opencv2/core.hpp>

#include "skylift/boxes/upload.h"
#include "skylift/data/sample.h"
#include "skylift/image/resize.h"

namespace skylift {
namespace {

/// [height,width,3] of `out`; what the image does not cover becomes 0.
void write_image(const cv::Mat& rgb, uint8_t* out, int64_t height, int64_t width) {
  const size_t row = static_cast<size_t>(width) * 3, filled = static_cast<size_t>(rgb.cols) * 3;
  for (int64_t y = 0; y < height; ++y, out += row) {
    const size_t used = y < rgb.rows ? filled : 0;
    if (used > 0) std::memcpy(out, rgb.ptr(static_cast<int>(y)), used);
    std::memset(out + used, 0, row - used);
  }
}

/// [1,3,1,1] on the device of the images.
at::Tensor by_channel(const std::array<float, 3>& values, c10::Device device) {
  return upload(at::tensor({values[0], values[1], values[2]}, at::kFloat).view({1, 3, 1, 1}), device);
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

PackedBatch collate(const std::vector<Sample>& samples, const Preprocess& preprocess, bool pinned) {
  int64_t height = 0, width = 0;
  for (const auto& sample : samples) {
    CV_Assert(sample.rgb.type() == CV_8UC3);
    height = std::max<int64_t>(height, round_up(sample.rgb.rows, preprocess.pad_multiple));
    width = std::max<int64_t>(width, round_up(sample.rgb.cols, preprocess.pad_multiple));
  }
  PackedBatch packed{.rgb = {}, .sizes = {}, .preprocess = preprocess, .reduce = 1, .batch = {}};
  const auto options = at::TensorOptions(at::kByte).pinned_memory(pinned);
  packed.rgb = at::empty({static_cast<int64_t>(samples.size()), height, width, 3}, options);
  uint8_t* out = packed.rgb.data_ptr<uint8_t>();
  Batch& batch = packed.batch;
  for (const auto& sample : samples) {
    write_image(sample.rgb, out, height, width);
    out += height * width * 3;
    packed.sizes.push_back(sample.rgb.size());
    batch.targets.push_back(targets_of(sample));
    batch.geometries.push_back(sample.geometry);
    batch.image_indices.push_back(sample.image_index);
    batch.labelled.push_back(sample.labelled);
  }
  if (std::ranges::all_of(batch.labelled, [](bool labelled) { return labelled; })) batch.labelled.clear();
  return packed;
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

Batch PackedBatch::unpacked(c10::Device device, c10::MemoryFormat format) const {
  const at::Tensor sent = upload(rgb, device).permute({0, 3, 1, 2});
  Batch whole = batch;
  whole.images = sent.to(at::TensorOptions(at::kFloat), /*non_blocking=*/false, /*copy=*/true, format);
  whole.images.sub_(by_channel(preprocess.mean, device)).div_(by_channel(preprocess.deviation, device));
  for (size_t i = 0; i < sizes.size(); ++i) {  // beyond its own content an image is 0, as the padding of convolutions
    const at::Tensor image = whole.images[static_cast<int64_t>(i)];
    if (sizes[i].height < image.size(1)) image.slice(1, sizes[i].height).zero_();
    if (sizes[i].width < image.size(2)) image.slice(2, sizes[i].width).zero_();
  }
  return reduced(std::move(whole), reduce);
}

}  // namespace skylift
