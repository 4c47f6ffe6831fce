// JSON in and out, the same way everywhere: what is written is always valid, what is read is never too deep.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace skylift {

/// The document as text, on one line or with `indent` blanks a level. Bytes that are no UTF-8 (file names, class names
/// and headers may hold any) become U+FFFD: a foreign byte must not cost the whole result.
std::string dump_json(const nlohmann::json& json, int indent = -1);
std::string dump_json(const nlohmann::ordered_json& json, int indent = -1);

/// A document of foreign origin. Error, beginning with `where`: not JSON, or nested deeper than anything we write
/// (copying and printing a document recurses, so depth is stack).
nlohmann::ordered_json parse_json(std::string_view text, const std::string& where);

/// Whether JSON and safetensors can hold the text as it is.
bool is_utf8(std::string_view text);

}  // namespace skylift
