// What an ONNX file says of itself, without reading its graph: its metadata (ModelProto.metadata_props) and outputs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace skylift {

/// Error: not a serialised protobuf message, or cut off.
std::map<std::string, std::string> onnx_metadata(std::string_view bytes, const std::string& name);

/// Names of the graph's outputs. Error: as onnx_metadata.
std::vector<std::string> onnx_outputs(std::string_view bytes, const std::string& name);

/// Names of the graph's inputs, constants with a default among them. Error: as onnx_metadata.
std::vector<std::string> onnx_inputs(std::string_view bytes, const std::string& name);

/// Files beside it that hold its constants, by their places as written, each once. Error: as onnx_metadata.
std::set<std::string> onnx_weight_files(std::string_view bytes, const std::string& name);

/// Whether these bytes are a whole ONNX model: its fields, with a version and a graph among them.
bool looks_like_onnx(std::string_view bytes);

}  // namespace skylift
