// Pixels between OpenCV and numpy.
#pragma once

#include <nanobind/nanobind.h>

#include <opencv2/core/mat.hpp>

namespace skylift::python {

/// [H,W,3] uint8 without a copy.
nanobind::object to_numpy(const cv::Mat& pixels);

}  // namespace skylift::python
