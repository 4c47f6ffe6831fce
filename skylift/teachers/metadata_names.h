// The names of classes in an ONNX file's metadata.
#pragma once

#include <string>
#include <vector>

namespace skylift {

/// {0: 'person', 1: 'bicycle'} as Ultralytics writes it, or a JSON list or object, in the order of its numbers. Empty: not
/// such.
std::vector<std::string> names_in_metadata(const std::string& text);

}  // namespace skylift
