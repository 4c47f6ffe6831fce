// One run a folder, one process a run.
#pragma once

#include <filesystem>
#include <optional>

#include "skylift/core/folder_lock.h"

namespace skylift {

/// Locks the folder of the states (a study locks the run's own), and removes what a killed process left half-written.
/// Error: another process trains there.
void lock_run(std::optional<FolderLock>& lock, const std::filesystem::path& folder);

/// Error: the folder holds a run, or a file that a run of this config (its text) would write over.
void check_unused(const std::filesystem::path& folder, const std::string& config);

}  // namespace skylift
