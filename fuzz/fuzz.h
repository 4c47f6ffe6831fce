// What the targets share. An input may be refused with an Error and nothing else: any other exception, signal,
// sanitizer report, or more memory or time than scripts/fuzz.sh grants is a finding.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "skylift/core/error.h"

namespace skylift {

/// Readers take paths: a file in memory, filled anew for each input.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name)
      : descriptor_(::memfd_create(name, 0)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {}

  const std::filesystem::path& fill(std::string_view bytes) const {
    if (::ftruncate(descriptor_, static_cast<off_t>(bytes.size())) != 0 ||
        ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      std::abort();
    return path_;
  }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

/// A folder in memory of this process alone.
inline std::filesystem::path memory_folder(const char* name) {
  const auto folder = std::filesystem::path("/dev/shm") / ("skylift-fuzz-" + std::to_string(::getpid())) / name;
  std::filesystem::create_directories(folder);
  static const bool registered =
      std::atexit([] {
        std::error_code ignored;
        std::filesystem::remove_all("/dev/shm/skylift-fuzz-" + std::to_string(::getpid()), ignored);
      }) == 0;
  static_cast<void>(registered);
  return folder;
}

template <class Body>
int fuzz(const Body& body) {
  try {
    body();
  } catch (const Error&) {
  }
  return 0;
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace skylift
