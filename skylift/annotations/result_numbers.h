// What the numbers in a file of results mean where no names stand beside them: the ground truth's own ids, or what
// Ultralytics' val writes into predictions.json: the image's stem (as a number where it looks like one), and the
// class's index (older versions) or index + 1.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

struct ImageNumbers {
  std::unordered_map<int64_t, size_t> places;  ///< number -> place in truth.images
  bool are_stems = false;
  bool are_both = false;  ///< a COCO file's own ids, which are its images' stems, too
};

/// The meaning of `numbers`, the image ids of a file. A COCO file's ids go before stems, which is said where these would
/// be other images, and texts are no numbers; sets of other formats have no ids of their own, only places, and where the
/// stems are those they are stems. Error, beginning with `where`: they may be other images as places.
ImageNumbers image_numbers(const std::string& where, const AnnotationSet& truth, std::vector<int64_t> numbers);

/// Whether an image id, `text` or else `number`, is the stem of a file's name; of any where `file` is empty.
bool is_stem(const std::string& text, int64_t number, const std::string& file);

/// The set's own category ids; VisDrone's 0 and 11 are -1.
std::unordered_map<int64_t, int> class_ids(const AnnotationSet& truth);

/// What Ultralytics' category ids mean: the ids of COCO's ninety numbers, or an index into the classes from 0 (a 0 is
/// among them) or from 1 (the number of classes is); where neither occurs from 1, as newer versions write, which is
/// said. A category of id 0 without objects (Roboflow's root) is no class of a network.
/// Error, beginning with `where`: 0 and the number of classes are both there.
std::unordered_map<int64_t, int> ultralytics_classes(const std::string& where, const AnnotationSet& truth,
                                                     const std::set<int64_t>& numbers);

/// Of a file whose image ids are both the ground truth's own and stems: the ground truth's own category ids, unless only
/// Ultralytics' fit. That both fit is said.
std::unordered_map<int64_t, int> own_or_ultralytics_classes(const std::string& where, const AnnotationSet& truth,
                                                            const std::set<int64_t>& numbers);

/// Tells of detections (counted by the name of their class) that the ground truth has no class for. Error, beginning
/// with `where`: there are such and no others.
void say_unknown_classes(const std::string& where, const AnnotationSet& truth,
                         const std::map<std::string, int64_t>& unknown, bool any_known);

}  // namespace skylift
