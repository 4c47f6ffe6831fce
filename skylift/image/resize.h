// Keep-ratio resizing as the reference models were trained: the size is rounded half up from scale * size, sampling is
// bilinear with half-pixel centres and without anti-aliasing.
#pragma once

#include <opencv2/core/mat.hpp>

#include "skylift/image/preprocess.h"

namespace skylift {

/// min(long_side / the image's long side, short_side / its short side).
double keep_ratio_scale(cv::Size size, const Preprocess& preprocess);

/// int(side * scale + 0.5) a side, at least 1. The true factors are then new / old for each side apart.
cv::Size scaled_size(cv::Size size, double scale);

cv::Size keep_ratio_size(cv::Size size, const Preprocess& preprocess);

cv::Mat resize_rgb(const cv::Mat& rgb, cv::Size size);

/// `length` rounded up to a multiple.
inline int round_up(int length, int multiple) { return (length + multiple - 1) / multiple * multiple; }

}  // namespace skylift
