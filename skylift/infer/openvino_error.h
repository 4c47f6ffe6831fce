// What OpenVINO throws runs over many lines, the first of which name its own sources, and the last what is wrong.
#pragma once

#include <exception>
#include <sstream>
#include <string>

namespace skylift {

inline std::string telling_line(const std::exception& error) {
  std::istringstream lines(error.what());
  std::string last, line;
  const auto names_a_source = [](const std::string& text) {
    return text.starts_with("Exception from") || text.starts_with("While validating") || text.ends_with(":");
  };
  while (std::getline(lines, line)) {
    if (last.empty() || (!line.empty() && !names_a_source(line))) last = line;
  }
  return last;
}

}  // namespace skylift
