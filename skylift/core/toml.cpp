#include "skylift/core/toml.h"

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {

void check_toml_depth(std::string_view text, const std::string& name) {
  constexpr int most_dots = 64;  // of a list of numbers as well, which may go on in the next line
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (std::count(line.begin(), line.end(), '.') > most_dots && !trim(line).starts_with('#'))
      throw Error("{}:{}: more than {} dots in a line (hint: break a long list)", name, number, most_dots);
  }
}

toml::table parse_toml(std::string_view text, const std::string& name) {
  check_toml_depth(text, name);
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw Error("{}:{}: not TOML: {}", name, error.source().begin.line, error.description());
  }
}

}  // namespace skylift
