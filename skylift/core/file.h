// Files: whole reads, memory maps, and writes that are either complete or absent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace skylift {

/// The whole file. Error: it cannot be opened or read (says why).
std::string read_file(const std::filesystem::path& path);

/// Writes to a temporary_path() beside the target, flushes to disk and renames; a failure (a full disk, no permission)
/// is an Error, removes the temporary file and leaves an existing target as it was. Missing parent folders are made.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// The same for content too large to hold: `write` fills the stream.
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// Makes a folder and its parents. Error: impossible.
void make_folder(const std::filesystem::path& path);

/// Error, naming the option: `out` is the file `input`, by whatever path, and writing it would cost the input.
void check_not_same_file(const std::filesystem::path& out, const std::filesystem::path& input, std::string_view option);

/// A read-only memory map of a whole file. Error: it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace skylift
