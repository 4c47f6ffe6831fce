// Which files a data set's folders hold, and which file a name in somebody's list means.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Every file below a folder, as paths relative to it, sorted byte by byte. Linked folders count, hidden files and
/// folders do not; a folder that several links lead to is read once. Error: the folder cannot be listed.
std::vector<std::string> list_files(const std::filesystem::path& folder);

/// Those that are images by name. What is neither an image nor named after one is counted and named in `notes`.
std::vector<std::string> list_images(const std::filesystem::path& folder, Problems& notes);

/// What is left of a path without its first folder, its first two, and so on. Nothing of one that is longer than any on
/// the disk: its ends would take its square.
std::vector<std::string> path_ends(const std::string& path);

/// The same name in other hands, the given one first: with '/' for '\', with %20 and the like resolved, and of each
/// what is left without its first folders.
std::vector<std::string> path_spellings(const std::string& path);

/// The first of a path's spellings below `folder` that exists, or the path as it is. Of an absolute path, or of one that
/// leads out of the folder, that is the part that lies within.
std::string existing_spelling(const std::filesystem::path& folder, const std::string& path);

/// What is in a folder, by name; nothing where it cannot be read.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder);

/// The name of a file or folder without its folders, in small letters.
std::string lower_name(const std::filesystem::path& path);

/// The first of `names` (in small letters) that is a folder in `place`, in whatever case where not in this one.
std::optional<std::filesystem::path> first_folder(const std::filesystem::path& place,
                                                  const std::vector<std::string>& names);

/// A path relative to its folder without the ending: what an image and its annotation file have in common.
std::string stem_path(const std::filesystem::path& file);

/// Reports annotation files with this ending in `folder` that have no image. `image_folder` is for the message.
void report_annotations_without_image(const std::filesystem::path& folder, const char* ending,
                                      const std::vector<std::string>& images, const std::filesystem::path& image_folder,
                                      Problems* problems);

}  // namespace skylift
