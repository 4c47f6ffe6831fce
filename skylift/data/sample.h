// What flows from the data set to the model: a Sample is one image on its way through the transforms, a PackedBatch what
// the loader's threads make of several, a Batch what the training step gets.
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <string>
#include <vector>

#include "skylift/image/preprocess.h"

namespace skylift {

/// Corners in pixels of the present (transformed) image.
struct BoxXyxy {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  float width() const { return x2 - x1; }
  float height() const { return y2 - y1; }
};

struct LabelledBox {
  BoxXyxy box;
  int label = 0;  ///< class index
};

/// How the transformed image lies on the original: x_original = (x + offset_x) / scale_x, after undoing the flip
/// (x -> content_width - x).
struct ImageGeometry {
  int original_width = 0, original_height = 0;  ///< px
  int content_width = 0, content_height = 0;    ///< px of the transformed image before padding
  double scale_x = 1, scale_y = 1;
  double offset_x = 0, offset_y = 0;  ///< px of the scaled image, left and above the crop
  bool flipped = false;               ///< mirrored left to right, as the last geometric step
};

struct Sample {
  cv::Mat rgb;                     ///< [H,W] 8-bit RGB
  std::vector<LabelledBox> boxes;  ///< objects to find, clipped to the image
  std::vector<BoxXyxy>
      ignored;  ///< ignored regions, crowds, objects of no trained class: neither positive nor negative
  ImageGeometry geometry;
  int64_t image_index = 0;  ///< into the data set
  bool labelled = true;     ///< false: nobody says what is on it (data.unlabelled)
};

/// The objects of one image. On the CPU whatever the training device: which location answers for which object is worked
/// out there.
struct Targets {
  at::Tensor boxes_xyxy;    ///< [G,4] float, px
  at::Tensor labels;        ///< [G] int64
  at::Tensor ignored_xyxy;  ///< [I,4] float, px
};

/// B images on the training device, normalised and padded on the right and below with 0 to one size.
struct Batch {
  at::Tensor images;  ///< [B,3,H,W] float
  std::vector<Targets> targets;
  std::vector<ImageGeometry> geometries;
  std::vector<int64_t> image_indices;
  std::vector<bool> labelled;  ///< B, or empty: all are
  at::Tensor fine_images;      ///< [B,3,sH,sW] what a teacher of kd.teacher_scale = s sees; undefined: `images`
};

/// A batch at 1 / scale of its size, by the mean of scale x scale pixels; the pixels as they were become fine_images.
Batch reduced(Batch batch, int scale);

/// A batch before it goes to its device: pixels are bytes, a quarter of what is to be sent otherwise.
struct PackedBatch {
  at::Tensor rgb;               ///< [B,H,W,3] uint8, on the CPU, in pinned memory where that was asked for
  std::vector<cv::Size> sizes;  ///< B, px: what the images cover of it
  Preprocess preprocess;
  int reduce = 1;  ///< see reduced
  Batch batch;     ///< all but the images

  /// Sent, normalised there, reduced; images in `format`.
  Batch unpacked(c10::Device device = c10::kCPU, c10::MemoryFormat format = c10::MemoryFormat::Contiguous) const;
};

/// Stacks, with room for the largest sample rounded up to `pad_multiple`. `pinned`: for sending to a GPU without a wait.
PackedBatch collate(const std::vector<Sample>& samples, const Preprocess& preprocess, bool pinned = false);

}  // namespace skylift
