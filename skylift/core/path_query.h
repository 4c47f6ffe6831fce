// What a name that may come from a file stands for on the disk. std::filesystem's own questions throw where the system
// refuses the name (longer than any file's, a folder that may not be entered): here it is the name of nothing.
#pragma once

#include <filesystem>

namespace skylift {

inline std::filesystem::file_type type_at(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::status(path, code).type();
}
inline bool is_there(const std::filesystem::path& path) {
  const auto type = type_at(path);
  return type != std::filesystem::file_type::not_found && type != std::filesystem::file_type::none;
}
inline bool is_file(const std::filesystem::path& path) { return type_at(path) == std::filesystem::file_type::regular; }
inline bool is_folder(const std::filesystem::path& path) {
  return type_at(path) == std::filesystem::file_type::directory;
}

}  // namespace skylift
