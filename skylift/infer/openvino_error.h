// What OpenVINO throws runs over many lines, the first of which name its own sources: the line that says what is wrong.
#pragma once

#include <exception>
#include <sstream>
#include <string>

namespace skylift {

inline std::string first_line(const std::exception& error) {
  std::istringstream lines(error.what());
  std::string first, line;
  while (std::getline(lines, line)) {
    if (!line.empty() && !line.starts_with("Exception from")) return line;
    if (first.empty()) first = line;
  }
  return first;
}

}  // namespace skylift
