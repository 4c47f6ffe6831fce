// Files of torch.save, the zip format and the older one, read without PyTorch and without running anything in them.
// Both are a pickle whose tensors name storages: raw bytes that lie beside it. Nothing in a file is trusted.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skylift/core/file.h"
#include "skylift/formats/pickle.h"
#include "skylift/formats/safetensors.h"

namespace skylift {

/// A tensor as a file holds it: a strided view of a storage. The view lies inside of the storage.
struct StridedView {
  DType dtype = DType::F32;
  std::vector<int64_t> shape, strides;  ///< in elements
  int64_t offset = 0;                   ///< of the first element
  std::string_view storage;

  int64_t elements() const;
  /// Row-major, little-endian: what TensorView wants.
  std::string row_major() const;
};

class PytorchFile {
 public:
  /// Error: cannot be opened, neither format, cut off, big-endian, TorchScript, a name in its pickle that no checkpoint
  /// of tensors needs (see pytorch_globals.h).
  explicit PytorchFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  size_t bytes() const { return map_.bytes().size(); }

  /// What was saved.
  const PickleValue& root() const { return *root_; }

  /// The tensor or parameter that a value of the pickle builds; nothing where it is something else. Error, naming
  /// `name`: a sparse or quantised tensor, a type that is not read, a view that leaves its storage.
  std::optional<StridedView> tensor(const PickleValue& value, const std::string& name) const;

 private:
  struct Storage {
    DType dtype;
    std::string_view bytes;
  };

  void read_zip();
  void read_legacy();
  void read_legacy_storages(const PickleValue& keys, size_t position);
  std::unordered_map<std::string_view, uint64_t> legacy_element_bytes() const;  ///< by storage key
  Storage storage(const PickleValue& id, const std::string& name, const std::optional<std::string>& torch_type) const;
  StridedView view(const PickleValue& call, const std::string& name) const;
  void check(const StridedView& view, const std::string& name) const;

  std::filesystem::path path_;
  MappedFile map_;
  PickleReader pickles_;
  const PickleValue* root_ = nullptr;
  std::map<std::string, std::string_view> storages_;  ///< raw bytes by key
};

/// Whether a file begins like one of torch.save, of either format.
bool looks_like_pytorch(const std::filesystem::path& path);

}  // namespace skylift
