// The model card that travels in an ONNX file of ours.
#pragma once

#include <string>
#include <string_view>

#include "skylift/models/model_file.h"

namespace skylift {

/// Of the file with these bytes. Error, beginning with `where`: it has none.
ModelCard onnx_card(std::string_view bytes, const std::string& where);

}  // namespace skylift
