// Where a command's --json says its machine-readable result goes.
#pragma once

#include <string>
#include <string_view>

namespace skylift {

/// Writes `json` (with its line end) to a file, to stdout for "-", nowhere for "". True: to stdout, which then carries
/// nothing else.
bool write_json(const std::string& where, std::string_view json);

}  // namespace skylift
