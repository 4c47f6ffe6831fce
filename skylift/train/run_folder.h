// One run a folder, one process a run.
#pragma once

#include <filesystem>
#include <optional>

#include "skylift/core/folder_lock.h"

namespace skylift {

/// Locks the folder of the states (a study locks the run's own), and removes what a killed process left half-written.
/// Error: another process trains there.
void lock_run(std::optional<FolderLock>& lock, const std::filesystem::path& folder);

/// Error: the folder holds a run.
void check_unused(const std::filesystem::path& folder);

}  // namespace skylift
