#include "skylift/formats/problem.h"

#include "skylift/core/error.h"

namespace skylift {

void report(Problems* problems, std::string where, std::string what) {
  if (!problems) throw Error("{}: {}", where, what);
  problems->push_back({std::move(where), std::move(what)});
}

std::string in_quotes(std::string_view text) {
  constexpr size_t limit = 60;
  std::string out = "'";
  for (const char c : text.substr(0, limit)) out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  // A cut inside a multi-byte character would leave invalid UTF-8 on the terminal.
  if (text.size() > limit) {
    while (out.size() > 1 && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    if (out.size() > 1 && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
    out += "...";
  }
  return out + "'";
}

}  // namespace skylift
