#include "skylift/annotations/number_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "skylift/annotations/problem.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

/// Without the byte order mark of some editors.
std::string_view without_mark(std::string_view bytes) {
  return bytes.starts_with("\xEF\xBB\xBF") ? bytes.substr(3) : bytes;
}

std::string_view next_field(std::string_view& rest, char separator) {
  if (separator == ' ') {
    rest = trim(rest);
    const size_t end = rest.find_first_of(" \t");
    const std::string_view field = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : trim(rest.substr(end));
    return field;
  }
  const size_t end = rest.find(separator);
  const std::string_view field = trim(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return field;
}

/// Fills `values`; returns what is wrong with the line, or an empty text.
std::string parse_line(std::string_view line, const LineLayout& layout, std::vector<double>& values) {
  values.clear();
  const size_t required = layout.required ? layout.required : layout.columns.size();
  const std::string_view whole = line;
  while (!line.empty()) {
    const std::string_view field = next_field(line, layout.separator);
    if (layout.open_end || values.size() < layout.columns.size()) {
      const auto value = parse_number(field);
      if (!value)
        return fmt::format("got {} for {}, expected a number", in_quotes(field),
                           layout.columns[std::min(values.size(), layout.columns.size() - 1)]);
      values.push_back(*value);
    } else {
      values.push_back(0);  // too many: only counted
    }
  }
  if (values.size() >= required && (layout.open_end || values.size() <= layout.columns.size())) return {};
  const std::string wanted = required == layout.columns.size()
                                 ? fmt::format("{}", required)
                                 : fmt::format("{} to {}", required, layout.columns.size());
  return fmt::format("got {} field{} in {}, expected {} ({})", values.size(), values.size() == 1 ? "" : "s",
                     in_quotes(whole), wanted, fmt::join(layout.columns, layout.separator == ' ' ? " " : ","));
}

}  // namespace

std::string line_position(const std::filesystem::path& path, size_t line) {
  return fmt::format("{}:{}", path.string(), line);
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::vector<std::string> lines;
  for (const auto line : split(without_mark(bytes), '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

void read_number_lines(const std::filesystem::path& path, const LineLayout& layout, Problems* problems,
                       const std::function<void(size_t, std::span<const double>)>& body) {
  const std::string bytes = read_file(path);
  std::string_view rest = without_mark(bytes);
  std::vector<double> values;
  for (size_t line = 1; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    const std::string_view text = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (text.empty()) continue;
    std::string wrong = parse_line(text, layout, values);
    if (wrong.empty()) {
      body(line, values);
    } else {
      report(problems, line_position(path, line), std::move(wrong));
    }
  }
}

bool integer_field(const std::filesystem::path& path, size_t line, const LineLayout& layout,
                   std::span<const double> values, size_t column, int low, int high, Problems* problems, int& out) {
  const double value = values[column];
  if (value == std::floor(value) && value >= low && value <= high) {
    out = static_cast<int>(value);
    return true;
  }
  report(problems, line_position(path, line),
         fmt::format("got {} for {}, expected an integer from {} to {}", value, layout.columns[column], low, high));
  return false;
}

}  // namespace skylift
