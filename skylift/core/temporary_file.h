// What files are called while they are written, how they come to their own name, and what becomes of those that never
// do.
#pragma once

#include <filesystem>

namespace skylift {

/// Replaces `to` by `from`, and returns when that is on the disk.
void move_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// A name beside the target that no other process or container makes: NAME.tmp-0123456789abcdef.ENDING, with as much of a
/// long NAME as fits.
std::filesystem::path temporary_path(const std::filesystem::path& target);

/// Removes temporary files that a killed process left in a folder; those that are being written stay.
void remove_orphans(const std::filesystem::path& folder);

}  // namespace skylift
