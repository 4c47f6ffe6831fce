// VisDrone-DET folders: images/NAME.jpg and annotations/NAME.txt with lines
// x,y,w,h,score,category,truncation,occlusion; both may have folders within. Category 0 is an ignored region, 1..10 are
// the classes, 11 ("others") is an object of no class; score 0 means ignored.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

bool is_visdrone(const std::filesystem::path& folder);

/// Error: no such folders, an image without an annotation file or the reverse, a malformed line.
AnnotationSet read_visdrone(const std::filesystem::path& folder, Problems* problems = nullptr);

/// "FILE:LINE".
std::string visdrone_position(const AnnotationSet& set, const ImageRecord& image, const Object& object);

/// Writes annotations/ (the images are placed by write_data). Classes are found by their names; objects of other
/// classes are written as 11, "others".
void write_visdrone(const std::filesystem::path& folder, const AnnotationSet& set);

/// The category of objects of no class.
constexpr int visdrone_others = 11;

/// Category id in VisDrone's files of each of `classes`; visdrone_others where VisDrone has no such class.
std::vector<int> visdrone_categories(const std::vector<std::string>& classes);

}  // namespace skylift
