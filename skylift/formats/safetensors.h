// Safetensors files: named tensors and a map of texts, read without a copy. A file is 8 bytes of header length
// (little-endian), a JSON header {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text:
// text}} and the tensors' bytes. No torch here: skylift/models turns views into tensors. Nothing in a file is trusted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/core/file.h"

namespace skylift {

enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL, C64, U64, U32, U16, F8_E5M2, F8_E4M3 };

std::string_view dtype_name(DType dtype);
size_t dtype_bytes(DType dtype);

/// A tensor whose bytes lie elsewhere: row-major, little-endian. In files of other writers the bytes may be unaligned.
struct TensorView {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;  ///< empty: a scalar
  std::string_view bytes;

  int64_t elements() const;
};

using TextMap = std::map<std::string, std::string>;

/// An open file. Views point into its memory map and live as long as this object, also after a move.
class SafetensorsFile {
 public:
  /// Error: cannot be opened, or anything in it is not as the format says: lengths, JSON, dtypes, shapes, offsets
  /// (which must cover the bytes without a gap or an overlap), a name that stands twice.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const TextMap& metadata() const { return metadata_; }
  /// In the order of the header.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// Null: not in the file.
  const TensorView* find(std::string_view name) const;
  /// Error: not in the file; names the nearest one.
  const TensorView& tensor(std::string_view name) const;

 private:
  std::filesystem::path path_;
  MappedFile map_;
  TextMap metadata_;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> index_;
};

/// Writes atomically. The header keeps the order given; the bytes are laid out by falling element size, so every tensor
/// is aligned. Error: a name that stands twice or is "__metadata__", bytes that do not fit dtype and shape.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const TextMap& metadata = {});

}  // namespace skylift
