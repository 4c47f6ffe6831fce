// The file of stored teacher signals: one record an image and orientation, written as they come, then an index.
//   record: int32 N, M, C, K, L, 0; (height, width) a level; points [N], cid_points [M], cid_objects [M] int32;
//           cid_weights [M], cid_box_weights [M] float; cls [N,C], box [N,K] half; zeros up to a multiple of 8 bytes
//   index:  uint64 a record: where it begins and its checksum; metadata as JSON; the trailer of signal_file.cpp
// Little-endian. Read through a memory map, so a data set may be larger than the memory. Nothing in a file is trusted.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "skylift/core/file.h"
#include "skylift/kd/stored_signals.h"

namespace skylift {

using SignalMetadata = std::map<std::string, std::string>;

/// Writes `count` entries, asked for one by one, and the metadata. Complete or absent. Error: the disk is full.
void write_signals(const std::filesystem::path& path, int64_t count, const std::function<SignalEntry(int64_t)>& entry,
                   const SignalMetadata& metadata);

class SignalFile {
 public:
  /// Error: not such a file, or damaged.
  explicit SignalFile(const std::filesystem::path& path);

  const SignalMetadata& metadata() const { return metadata_; }
  int64_t count() const { return static_cast<int64_t>(records_.size()); }
  size_t bytes() const { return map_.bytes().size(); }

  /// Its tensors point into the file and must not outlive it. Error: no such entry, or its bytes are damaged.
  SignalEntry entry(int64_t index) const;

 private:
  struct Record {
    uint64_t begin, checksum;
  };
  std::string_view bytes_of(int64_t index) const;

  std::filesystem::path path_;
  MappedFile map_;
  SignalMetadata metadata_;
  std::vector<Record> records_;
  uint64_t records_end_ = 0;
};

}  // namespace skylift
