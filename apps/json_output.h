// Where a command's --json says its machine-readable result goes.
#pragma once

#include <string>
#include <string_view>

namespace skylift {

/// Writes `json` (with its line end) to a file, to stdout for "-", nowhere for "". For "-" stdout carries nothing else:
/// a command prints its text, if at all, before, so that a file that cannot be written loses no result.
void write_json(const std::string& where, std::string_view json);

}  // namespace skylift
