#include "skylift/core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/local_path.h"
#include "skylift/core/log.h"
#include "skylift/core/temporary_file.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const fs::path& path, std::string_view what, int code) {
  check_local(path.string());
  throw Error("{}: {}: {}", path.string(), what, std::strerror(code));
}

/// A descriptor that is closed.
struct Descriptor {
  int number;
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
};

constexpr std::string_view kMark = ".tmp-";
constexpr size_t kLetters = 16;
constexpr size_t kLongestName = 143;  // bytes that every file system takes: eCryptfs has the least, most have 255

/// At most `size` bytes, whole letters of UTF-8.
std::string cut(std::string text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return text;
}

bool is_temporary(const std::string& name) {
  const size_t mark = name.rfind(kMark);
  if (mark == std::string::npos) return false;
  const std::string letters = name.substr(mark + kMark.size(), kLetters);
  return letters.size() == kLetters && letters.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// A new empty file beside the target, locked by this process as long as it is written, and removed unless the write
/// comes to its end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : path(temporary_path(target)), descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (descriptor_.number < 0) fail(target, "cannot write", errno);
    ::flock(descriptor_.number, LOCK_EX | LOCK_NB);  // where there are no locks nothing is swept, either
  }
  ~TemporaryFile() {
    std::error_code ignored;
    if (!keep) fs::remove(path, ignored);
  }

  void flush(const fs::path& target) const {
    if (::fsync(descriptor_.number) != 0) fail(target, "cannot flush to disk", errno);
  }

  const fs::path path;
  bool keep = false;

 private:
  Descriptor descriptor_;
};

/// A rename is on the disk when its folder is. Some file systems cannot flush a folder; then they do without.
void flush_folder(const fs::path& path) {
  const Descriptor folder(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number >= 0 && ::fsync(folder.number) != 0 && errno == EIO) fail(path, "cannot flush to disk", errno);
}

/// A file that nobody writes: its writer would hold its lock.
bool is_orphan(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file.number >= 0 && ::flock(file.number, LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) throw Error("{}: is a folder, expected a file", path.string());
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail(path, "cannot open", errno ? errno : ENOENT);
  // The size is a hint: pipes have none, and a file may shrink or grow meanwhile.
  const uintmax_t hint = fs::is_regular_file(path, code) ? fs::file_size(path, code) : 0;
  std::string bytes(code ? 0 : hint, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(stream.gcount()));
  bytes.append(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  if (stream.bad()) fail(path, "cannot read", errno ? errno : EIO);
  return bytes;
}

void write_file(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  if (path.has_parent_path()) make_folder(path.parent_path());
  TemporaryFile temporary(path);
  errno = 0;
  {
    std::ofstream stream(temporary.path, std::ios::binary);
    if (!stream) fail(path, "cannot write", errno ? errno : EACCES);
    write(stream);
    stream.close();
    if (!stream) fail(path, "cannot write (is the disk full?)", errno ? errno : ENOSPC);
  }
  temporary.flush(path);
  move_file(temporary.path, path);
  temporary.keep = true;
}

void write_file(const fs::path& path, std::string_view bytes) {
  write_file(path,
             [&](std::ostream& stream) { stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
}

void move_file(const fs::path& from, const fs::path& to) {
  std::error_code code;
  fs::rename(from, to, code);
  if (code) throw Error("{}: cannot replace: {}", to.string(), code.message());
  flush_folder(to.parent_path());
}

fs::path temporary_path(const fs::path& target) {
  // Not the process id: containers that share a folder have the same ones.
  static thread_local std::mt19937_64 letters{(uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
  std::string ending = target.extension().string();
  if (ending.size() > kLongestName / 2) ending.clear();  // a dot in the midst of a name
  const std::string stem = cut(target.stem().string(), kLongestName - kMark.size() - kLetters - ending.size());
  return target.parent_path() / fmt::format("{}{}{:016x}{}", stem, kMark, letters(), ending);
}

void remove_orphans(const fs::path& folder) {
  std::error_code absent;
  std::vector<fs::path> orphans;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, absent)) {
    if (is_temporary(entry.path().filename().string()) && is_orphan(entry.path())) orphans.push_back(entry.path());
  }
  for (const fs::path& path : orphans) {
    log_info("{}: left behind by a process that was ended, removed", path.string());
    fs::remove(path, absent);
  }
}

void make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code || !fs::is_directory(path)) {
    throw Error("{}: cannot make this folder: {}", path.string(), code ? code.message() : "a file has this name");
  }
}

void check_not_same_file(const fs::path& out, const fs::path& input, std::string_view option) {
  std::error_code absent;  // then they are not the same
  if (fs::equivalent(out, input, absent))
    throw Error("{}: got {}, which is the input {} itself, expected another file (hint: give it a new name)", option,
                out.string(), input.string());
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
  if (S_ISDIR(status.st_mode)) throw Error("{}: is a folder, expected a file in it", path.string());
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
