// What may stand in the pickle of a PyTorch checkpoint: all names that the reader lets pass.
#pragma once

#include <optional>
#include <string>

#include "skylift/formats/safetensors.h"

namespace skylift {

/// Names that build tensors and containers, and those of harmless metadata (mmcv's, mmengine's, numpy's and Python's
/// own types), which stay unread. Nothing on the list is ever called.
bool checkpoint_may_name(const std::string& global);

/// What one element of a storage class, or of a torch type, is.
struct ElementType {
  std::string name;            ///< "float16"
  std::optional<DType> dtype;  ///< none: a type that is not read, such as quantised ones
  size_t bytes;
};

/// "torch.HalfStorage" -> float16; nothing for names that are no storage class.
std::optional<ElementType> storage_type(const std::string& global);

/// "torch.float16" -> float16.
std::optional<ElementType> torch_type(const std::string& global);

}  // namespace skylift
