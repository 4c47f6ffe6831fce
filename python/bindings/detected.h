// Detections of a whole set, kept on the C++ side.
#pragma once

#include "skylift/annotations/detections.h"

namespace skylift::python {

struct Detected {
  DetectionSet set;
};

}  // namespace skylift::python
