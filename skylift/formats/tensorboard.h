// TensorBoard event files: scalars over steps. Records are length, masked CRC-32C of the length, data, masked CRC-32C
// of the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace skylift {

class TensorBoardWriter {
 public:
  /// A new file events.out.tfevents.<seconds>.<pid> in `folder`; TensorBoard merges several of one folder. Error:
  /// cannot be written.
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  void scalar(std::string_view tag, double value, int64_t step);
  void flush() { stream_.flush(); }

 private:
  void record(std::string_view data);
  std::ofstream stream_;
};

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78).
uint32_t crc32c(std::string_view bytes);

}  // namespace skylift
