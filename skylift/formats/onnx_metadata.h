// The metadata of an ONNX file (ModelProto.metadata_props), without reading its graph.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace skylift {

/// Error: not a serialised protobuf message, or cut off.
std::map<std::string, std::string> onnx_metadata(std::string_view bytes, const std::string& name);

}  // namespace skylift
