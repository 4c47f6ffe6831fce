// toml++ as it is used here: for files that others may have written.
#pragma once

#include <string>
#include <string_view>

#define TOML_EXCEPTIONS 1
// It asserts what a file may break, such as a control character after '[', and refuses that in the next line.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

namespace skylift {

/// Error: keys of more parts than anybody writes. toml++ limits how deep brackets nest, but not dotted keys: a.a.a...
/// becomes a table a letter, each freed by the one around it, and names as long as the square of the line.
void check_toml_depth(std::string_view text, const std::string& name);

/// Error with file and line: not TOML, or too deep.
toml::table parse_toml(std::string_view text, const std::string& name);

}  // namespace skylift
