#include "skylift/teachers/metadata_names.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "skylift/core/text.h"

namespace skylift {
namespace {

/// The number that stands before a name, "7: 'truck'" or "\"7\": "; none.
std::optional<int64_t> number_before(std::string_view text) {
  const size_t last = text.find_last_not_of(" :\"'");
  if (last == std::string_view::npos) return std::nullopt;
  text = text.substr(0, last + 1);
  return parse_integer(text.substr(text.find_last_not_of("0123456789") + 1));
}

}  // namespace

std::vector<std::string> names_in_metadata(const std::string& text) {
  std::vector<std::pair<int64_t, std::string>> names;
  for (size_t at = 0; (at = text.find_first_of("'\"", at)) != std::string::npos;) {
    const size_t end = text.find(text[at], at + 1);
    if (end == std::string::npos) return {};
    const size_t next = text.find_first_not_of(' ', end + 1);
    if (next == std::string::npos || text[next] != ':') {
      const auto number = number_before(std::string_view(text).substr(0, at));
      names.emplace_back(number.value_or(static_cast<int64_t>(names.size())), text.substr(at + 1, end - at - 1));
    }
    at = end + 1;
  }
  std::ranges::stable_sort(names, {}, &std::pair<int64_t, std::string>::first);
  std::vector<std::string> ordered;
  for (auto& [number, name] : names) ordered.push_back(std::move(name));
  return ordered;
}

}  // namespace skylift
