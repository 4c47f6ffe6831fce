// Zip archives whose entries are stored as they are, which is how PyTorch writes its files. A compressed entry is
// refused, so no archive unpacks to more than its own size. Nothing in a file is trusted.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace skylift {

/// Whether the bytes begin as an archive does.
bool looks_like_zip(std::string_view file);

/// Entries by name; the bytes lie in `file`. Checksums are not compared: PyTorch can be told not to write them.
/// Error, beginning with the path: cut off, compressed or encrypted entries, a name that stands twice, entries that
/// overlap or leave the file.
std::map<std::string, std::string_view> zip_entries(const std::filesystem::path& path, std::string_view file);

}  // namespace skylift
