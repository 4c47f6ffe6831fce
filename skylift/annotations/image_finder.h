// Which image of a set another file means: files of two origins meet by the names of their images, never by numbers
// that each of them made up for itself.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

class ImageFinder {
 public:
  enum class By { name, stem };  ///< "day1/a.jpg", or "day1/a" where the ending is not known

  ImageFinder(const AnnotationSet& set, By by);

  /// Places in set.images: the image of this path, else those where one path is the end of the other ("a.jpg" and
  /// "day1/a.jpg"), the longest agreement only. None: not there. Several: the name does not tell which.
  std::vector<size_t> find(std::string_view name) const;

 private:
  std::vector<std::string> names_;  ///< parallel to set.images
  std::unordered_map<std::string, std::vector<size_t>> by_last_part_;
};

/// The path with '/' between its parts and nothing superfluous in it, its ending taken off for By::stem.
std::string plain_path(std::string_view name, ImageFinder::By by = ImageFinder::By::name);

/// ImageRecord::file of each image.
std::vector<std::string> image_files(const AnnotationSet& set);

/// The files without the folders that all of them lie in: "images/day1/a.jpg" is "day1/a.jpg" where others are of
/// images/day2/.
std::vector<std::string> without_common_folders(std::vector<std::string> files);

/// A name of its own for each file, for the files that stand for it elsewhere: its path without the ending, with it
/// where "a.jpg" and "a.png" would otherwise be one. The files are different.
std::vector<std::string> distinct_stems(const std::vector<std::string>& files);

}  // namespace skylift
