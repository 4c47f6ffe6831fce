// Text files with one record of numbers a line, as VisDrone, UAVDT and YOLO write them.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// The columns of a file. Lines may end in one separator too many (VisDrone's do) and in CR; blank lines are skipped.
struct LineLayout {
  char separator = ',';              ///< ',' or ' ' (any run of blanks)
  std::vector<std::string> columns;  ///< names for messages
  size_t required = 0;               ///< columns that must be there; 0: all
  bool open_end = false;             ///< any number of further ones may follow, and is handed over
};

/// "FILE:LINE".
std::string line_position(const std::filesystem::path& path, size_t line);

/// The lines of a text file that are not blank, without the blanks around them: lists of classes, of images.
std::vector<std::string> read_lines(const std::filesystem::path& path);

/// Calls body(line, values) for each good line. A bad one is reported: "FILE:LINE: got 7 fields, expected 8 (x,y,...)".
void read_number_lines(const std::filesystem::path& path, const LineLayout& layout, Problems* problems,
                       const std::function<void(size_t line, std::span<const double> values)>& body);

/// values[column] as an integer from low to high; otherwise reports and returns false.
bool integer_field(const std::filesystem::path& path, size_t line, const LineLayout& layout,
                   std::span<const double> values, size_t column, int low, int high, Problems* problems, int& out);

}  // namespace skylift
