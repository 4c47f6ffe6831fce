// The explicit list of distillation methods.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/kd/method.h"

namespace skylift {

struct MethodInfo {
  std::string name;
  std::string summary;  ///< one line for `skylift methods`
  std::string paper;
  bool same_bins = false;     ///< teacher and student must have the same reg_max
  bool same_classes = false;  ///< and the same number of classes
  bool same_levels = false;   ///< and the same pyramid levels; else their common ones are distilled
  std::function<MethodPtr(const MethodContext&)> make;
};

const std::vector<MethodInfo>& distill_methods();

/// Error: unknown name (lists the known ones).
const MethodInfo& find_distill_method(std::string_view name);

std::vector<std::string> distill_method_names();

}  // namespace skylift
