#include "skylift/formats/zip.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

static_assert(std::endian::native == std::endian::little, "zip files are little-endian");

constexpr uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50, end64_mark = 0x06064b50,
                   locator64_mark = 0x07064b50;
constexpr uint64_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56, locator64_bytes = 20;
constexpr uint64_t longest_comment = 0xffff, entry_limit = 1 << 20;
constexpr uint16_t zip64_extra = 1;

struct Span {
  uint64_t begin, end;
  std::string name;
};

struct Directory {
  uint64_t entries, offset, bytes;
};

struct CentralRecord {
  uint64_t bytes, packed_bytes, local;
  std::string name;
};

class ZipReader {
 public:
  ZipReader(const std::filesystem::path& path, std::string_view file) : path_(path), file_(file) {}

  std::map<std::string, std::string_view> read() {
    const Directory directory = find_directory();
    if (directory.entries > entry_limit) fail("{} entries, expected at most {}", directory.entries, entry_limit);
    std::map<std::string, std::string_view> entries;
    uint64_t at = directory.offset;
    for (uint64_t i = 0; i < directory.entries; ++i) {
      const CentralRecord record = central(at);
      if (!entries.emplace(record.name, content(record, directory.offset)).second)
        fail("entry {} stands twice", in_quotes(record.name));
    }
    check_overlaps();
    return entries;
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error("{}: zip archive: {}", path_.string(), fmt::format(format, std::forward<Args>(args)...));
  }

  std::string_view part(uint64_t offset, uint64_t bytes) const {
    if (offset > file_.size() || bytes > file_.size() - offset)
      fail("{} bytes at {} lie beyond the file's {}; is it cut off?", bytes, offset, file_.size());
    return file_.substr(offset, bytes);
  }

  template <class Number>
  Number number(uint64_t offset) const {
    Number value{};
    std::memcpy(&value, part(offset, sizeof(Number)).data(), sizeof(Number));
    return value;
  }

  Directory find_directory() const {
    if (file_.size() < end_bytes) fail("{} bytes, expected at least {}; is it cut off?", file_.size(), end_bytes);
    const uint64_t last = file_.size() - end_bytes, first = last > longest_comment ? last - longest_comment : 0;
    uint64_t at = last;
    while (number<uint32_t>(at) != end_mark) {
      if (at-- == first) fail("no directory at its end; is it cut off?");
    }
    Directory directory = {number<uint16_t>(at + 10), number<uint32_t>(at + 16), number<uint32_t>(at + 12)};
    if (at >= locator64_bytes && number<uint32_t>(at - locator64_bytes) == locator64_mark) {
      const auto end64 = number<uint64_t>(at - locator64_bytes + 8);
      part(end64, end64_bytes);
      if (number<uint32_t>(end64) != end64_mark) fail("no 64-bit directory at {}", end64);
      directory = {number<uint64_t>(end64 + 32), number<uint64_t>(end64 + 48), number<uint64_t>(end64 + 40)};
    }
    part(directory.offset, directory.bytes);
    return directory;
  }

  /// The record at `at`, which moves on to the next one.
  CentralRecord central(uint64_t& at) const {
    part(at, central_bytes);
    if (number<uint32_t>(at) != central_mark) fail("no directory record at {}", at);
    const uint64_t name = number<uint16_t>(at + 28), extra = number<uint16_t>(at + 30);
    CentralRecord record = {number<uint32_t>(at + 24), number<uint32_t>(at + 20), number<uint32_t>(at + 42),
                            std::string(part(at + central_bytes, name))};
    if (number<uint16_t>(at + 8) & 1) fail("entry {} is encrypted", in_quotes(record.name));
    if (const auto method = number<uint16_t>(at + 10); method != 0) {
      fail("entry {} is compressed (method {}), expected it stored as torch.save does", in_quotes(record.name), method);
    }
    widen(record, at + central_bytes + name, extra);
    if (record.bytes != record.packed_bytes)
      fail("entry {} has {} bytes but {} stored", in_quotes(record.name), record.bytes, record.packed_bytes);
    at += central_bytes + name + extra + number<uint16_t>(at + 32);
    return record;
  }

  /// Fields of 32 bits that are all ones stand in the 64-bit extra field, in this order.
  void widen(CentralRecord& record, uint64_t at, uint64_t bytes) const {
    const uint64_t end = at + bytes;
    while (at + 4 <= end) {
      const auto id = number<uint16_t>(at);
      const uint64_t next = at + 4 + number<uint16_t>(at + 2);
      if (next > end) fail("entry {}: an extra field leaves its record", in_quotes(record.name));
      uint64_t field = at + 4;
      for (uint64_t* value : {&record.bytes, &record.packed_bytes, &record.local}) {
        if (id != zip64_extra || *value != 0xffffffff || field + 8 > next) continue;
        *value = number<uint64_t>(field);
        field += 8;
      }
      at = next;
    }
  }

  std::string_view content(const CentralRecord& record, uint64_t directory) {
    part(record.local, local_bytes);
    const uint64_t name = number<uint16_t>(record.local + 26), extra = number<uint16_t>(record.local + 28);
    if (number<uint32_t>(record.local) != local_mark || part(record.local + local_bytes, name) != record.name)
      fail("entry {} is not at {}, where the directory says", in_quotes(record.name), record.local);
    const uint64_t begin = record.local + local_bytes + name + extra;
    const std::string_view bytes = part(begin, record.bytes);
    if (begin + record.bytes > directory) fail("entry {} reaches into the directory", in_quotes(record.name));
    spans_.push_back({record.local, begin + record.bytes, record.name});
    return bytes;
  }

  void check_overlaps() {
    std::sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < spans_.size(); ++i) {
      if (spans_[i].begin < spans_[i - 1].end)
        fail("entries {} and {} overlap", in_quotes(spans_[i - 1].name), in_quotes(spans_[i].name));
    }
  }

  const std::filesystem::path& path_;
  std::string_view file_;
  std::vector<Span> spans_;
};

}  // namespace

bool looks_like_zip(std::string_view file) { return file.starts_with("PK\x03\x04"); }

std::map<std::string, std::string_view> zip_entries(const std::filesystem::path& path, std::string_view file) {
  return ZipReader(path, file).read();
}

}  // namespace skylift
