// cv::Mat as the predictor takes it; apart from predictor.h, whose users need not have OpenCV.
#pragma once

#include <opencv2/core/mat.hpp>

#include "skylift/infer/predictor.h"

namespace skylift {

/// 8-bit pixels of 3 channels, which must outlive the view.
inline ImageView view_of(const cv::Mat& pixels, bool bgr = false) {
  CV_Assert(pixels.type() == CV_8UC3);
  return {.pixels = pixels.data,
          .width = pixels.cols,
          .height = pixels.rows,
          .row_bytes = static_cast<std::ptrdiff_t>(pixels.step[0]),
          .bgr = bgr};
}

}  // namespace skylift
