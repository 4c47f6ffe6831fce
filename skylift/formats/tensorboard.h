// TensorBoard event files: scalars and pictures over steps, and the options of a run as hyper-parameters. Records are
// length, masked CRC-32C of the length, data, masked CRC-32C of the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace skylift {

class TensorBoardWriter {
 public:
  /// A new file events.out.tfevents.<seconds>.<pid> in `folder`; TensorBoard merges several of one folder. Error:
  /// cannot be written.
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  void scalar(std::string_view tag, double value, int64_t step);

  /// `encoded`: the bytes of a JPEG or PNG file of this size.
  void picture(std::string_view tag, std::string_view encoded, int width_px, int height_px, int64_t step);

  /// What the HPARAMS page compares runs by: once a file. A text that is a number is one there; true and false too.
  void hyper_parameters(const std::map<std::string, std::string>& options);

  /// A run that goes on: TensorBoard forgets the points of earlier files that come after `step`.
  void goes_on_after(int64_t step);

  /// Error: the disk is full.
  void flush();

 private:
  /// An event with one Summary.Value.
  void summary(std::string_view value, int64_t step);
  void record(std::string_view data);
  std::filesystem::path path_;
  std::ofstream stream_;
};

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78).
uint32_t crc32c(std::string_view bytes);

}  // namespace skylift
