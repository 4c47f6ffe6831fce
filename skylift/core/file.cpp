#include "skylift/core/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "skylift/core/error.h"
#include "skylift/core/local_path.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, std::string_view what, int code) {
  check_local(path.string());
  throw Error("{}: {}: {}", path.string(), what, std::strerror(code));
}

/// Removes the temporary file unless the write came to its end.
struct TemporaryFile {
  fs::path path;
  bool keep = false;
  ~TemporaryFile() {
    std::error_code ignored;
    if (!keep) fs::remove(path, ignored);
  }
};

void flush_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot reopen what was written", errno);
  const int status = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (status != 0) fail(path, "cannot flush to disk", code);
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) throw Error("{}: is a folder, expected a file", path.string());
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail(path, "cannot open", errno ? errno : ENOENT);
  std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (stream.bad()) fail(path, "cannot read", errno ? errno : EIO);
  return bytes;
}

void write_file(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  if (path.has_parent_path()) make_folder(path.parent_path());
  TemporaryFile temporary{path.string() + ".tmp-" + std::to_string(::getpid())};
  errno = 0;
  {
    std::ofstream stream(temporary.path, std::ios::binary);
    if (!stream) fail(path, "cannot write", errno ? errno : EACCES);
    write(stream);
    stream.close();
    if (!stream) fail(path, "cannot write (is the disk full?)", errno ? errno : ENOSPC);
  }
  flush_to_disk(temporary.path);
  std::error_code code;
  fs::rename(temporary.path, path, code);
  if (code) throw Error("{}: cannot replace: {}", path.string(), code.message());
  temporary.keep = true;
}

void write_file(const fs::path& path, std::string_view bytes) {
  write_file(path,
             [&](std::ostream& stream) { stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
}

void make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code || !fs::is_directory(path)) {
    throw Error("{}: cannot make this folder: {}", path.string(), code ? code.message() : "a file has this name");
  }
}

MappedFile::MappedFile(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot open", errno);
  struct stat status {};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  void* mapped = nullptr;
  if (is_file && status.st_size > 0) {
    mapped = ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  const int code = errno;
  ::close(descriptor);
  if (!is_file) throw Error("{}: not a regular file", path.string());
  if (mapped == MAP_FAILED) fail(path, "cannot map", code);
  data_ = static_cast<const char*>(mapped);
  size_ = static_cast<size_t>(status.st_size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept : data_(other.data_), size_(other.size_) {
  other.data_ = nullptr;
  other.size_ = 0;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace skylift
