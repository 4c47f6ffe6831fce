// One name for a training and a validation set: what --data of a training means.
#pragma once

#include <filesystem>
#include <string>

namespace skylift {

/// SPECs, as open_data reads them.
struct DataSplits {
  std::string train, val;
};

/// A data.yaml or obj.data, or a folder that holds one (a YAML under another name too); one with
/// annotations/instances_train*.json and instances_val*.json (COCO's layout); else a folder with a set in train/ and one
/// in val/, valid/ or validation/. Names in any case.
/// Error: none of these (says what was looked for).
DataSplits find_splits(const std::filesystem::path& place);

}  // namespace skylift
