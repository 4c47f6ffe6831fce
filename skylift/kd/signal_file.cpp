#include "skylift/kd/signal_file.h"

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <ostream>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/json.h"

namespace skylift {
namespace {

constexpr std::array<char, 8> kMagic = {'S', 'K', 'Y', 'L', 'K', 'D', '0', '2'};

struct Trailer {
  uint64_t count, index_begin, metadata_bytes, checksum;  // of index and metadata
  std::array<char, 8> magic;
};

struct Header {
  int32_t points, cid, classes, box, levels, zero;
};

void append(std::string& bytes, const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); }
void append(std::string& bytes, const at::Tensor& tensor) {
  append(bytes, tensor.const_data_ptr(), static_cast<size_t>(tensor.nbytes()));
}

std::string record_of(const SignalEntry& entry) {
  const Header header{static_cast<int32_t>(entry.points.size(0)), static_cast<int32_t>(entry.cid_points.size(0)),
                      static_cast<int32_t>(entry.cls.size(1)),    static_cast<int32_t>(entry.box.size(1)),
                      static_cast<int32_t>(entry.sizes.size()),   0};
  std::string bytes;
  append(bytes, &header, sizeof(header));
  for (const auto& [height, width] : entry.sizes) {
    const std::array<int32_t, 2> size = {static_cast<int32_t>(height), static_cast<int32_t>(width)};
    append(bytes, size.data(), sizeof(size));
  }
  for (const at::Tensor& column : {entry.points, entry.cid_points, entry.cid_objects, entry.cid_weights,
                                   entry.cid_box_weights, entry.cls, entry.box})
    append(bytes, column);
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
  return bytes;
}

/// Takes a record apart; what would lie beyond its end is an error.
class RecordReader {
 public:
  RecordReader(std::string_view bytes, const std::filesystem::path& path) : bytes_(bytes), path_(path) {}

  const char* take(int64_t count, size_t size) {
    if (count < 0 || static_cast<uint64_t>(count) > (bytes_.size() - at_) / size)
      throw Error("{}: damaged: a record ends too early", path_.string());
    const char* data = bytes_.data() + at_;
    at_ += static_cast<size_t>(count) * size;
    return data;
  }
  at::Tensor tensor(at::IntArrayRef shape, at::ScalarType type) {
    const char* data = take(c10::multiply_integers(shape), c10::elementSize(type));
    return at::from_blob(const_cast<char*>(data), shape, at::TensorOptions(type));
  }

 private:
  std::string_view bytes_;
  const std::filesystem::path& path_;
  size_t at_ = 0;
};

}  // namespace

void write_signals(const std::filesystem::path& path, int64_t count, const std::function<SignalEntry(int64_t)>& entry,
                   const SignalMetadata& metadata) {
  write_file(path, [&](std::ostream& stream) {
    std::string index;
    uint64_t begin = 0;
    for (int64_t i = 0; i < count; ++i) {
      const std::string record = record_of(entry(i));
      const std::array<uint64_t, 2> place = {begin, checksum(record)};
      append(index, place.data(), sizeof(place));
      stream.write(record.data(), static_cast<std::streamsize>(record.size()));
      if (!stream) throw Error("{}: cannot write (is the disk full?)", path.string());
      begin += record.size();
    }
    const std::string json = dump_json(nlohmann::json(metadata));
    index += json;
    const Trailer trailer{static_cast<uint64_t>(count), begin, json.size(), checksum(index), kMagic};
    append(index, &trailer, sizeof(trailer));
    stream.write(index.data(), static_cast<std::streamsize>(index.size()));
  });
}

SignalFile::SignalFile(const std::filesystem::path& path) : path_(path), map_(path) {
  const std::string_view bytes = map_.bytes();
  Trailer trailer{};
  if (bytes.size() >= sizeof(trailer))
    std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof(trailer), sizeof(trailer));
  if (trailer.magic != kMagic) throw Error("{}: not a file of stored teacher signals, or cut off", path.string());
  const uint64_t end = bytes.size() - sizeof(trailer), index_bytes = trailer.count * sizeof(Record);
  const bool fits = trailer.index_begin <= end && trailer.count <= (end - trailer.index_begin) / sizeof(Record) &&
                    trailer.metadata_bytes == end - trailer.index_begin - index_bytes;
  if (!fits || checksum(bytes.substr(trailer.index_begin, end - trailer.index_begin)) != trailer.checksum)
    throw Error("{}: damaged: its index is not what was written", path.string());
  records_end_ = trailer.index_begin;
  records_.resize(trailer.count);
  if (trailer.count > 0) std::memcpy(records_.data(), bytes.data() + trailer.index_begin, index_bytes);
  const std::string_view metadata = bytes.substr(end - trailer.metadata_bytes, trailer.metadata_bytes);
  metadata_ = parse_json(metadata, path.string()).get<SignalMetadata>();
}

std::string_view SignalFile::bytes_of(int64_t index) const {
  if (index < 0 || index >= count()) {
    throw Error("{}: has no entry {} of {}: it was made for other data", path_.string(), index, count());
  }
  const Record& record = records_[static_cast<size_t>(index)];
  const uint64_t end = index + 1 < count() ? records_[static_cast<size_t>(index) + 1].begin : records_end_;
  if (record.begin > end || end > records_end_) throw Error("{}: damaged: entry {}", path_.string(), index);
  const std::string_view bytes = map_.bytes().substr(record.begin, end - record.begin);
  if (checksum(bytes) != record.checksum) {
    throw Error("{}: damaged: entry {} is not what was written (hint: delete the file, and it is made anew)",
                path_.string(), index);
  }
  return bytes;
}

SignalEntry SignalFile::entry(int64_t index) const {
  RecordReader reader(bytes_of(index), path_);
  Header header{};
  std::memcpy(&header, reader.take(1, sizeof(header)), sizeof(header));
  SignalEntry entry;
  const char* sizes = reader.take(header.levels, 2 * sizeof(int32_t));
  for (int32_t i = 0; i < header.levels; ++i) {
    std::array<int32_t, 2> size{};
    std::memcpy(size.data(), sizes + static_cast<size_t>(i) * sizeof(size), sizeof(size));
    entry.sizes.emplace_back(size[0], size[1]);
  }
  entry.points = reader.tensor({header.points}, at::kInt);
  entry.cid_points = reader.tensor({header.cid}, at::kInt);
  entry.cid_objects = reader.tensor({header.cid}, at::kInt);
  entry.cid_weights = reader.tensor({header.cid}, at::kFloat);
  entry.cid_box_weights = reader.tensor({header.cid}, at::kFloat);
  entry.cls = reader.tensor({header.points, header.classes}, at::kHalf);
  entry.box = reader.tensor({header.points, header.box}, at::kHalf);
  return entry;
}

}  // namespace skylift
