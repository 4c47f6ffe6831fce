#include "skylift/core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "skylift/core/error.h"

namespace skylift {
namespace {

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost 1 each.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before = previous;
    std::swap(previous, current);
  }
  return previous[b.size()];
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  text = trim(text);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t end = text.find(separator);
    pieces.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> parse_number(std::string_view text) {
  const auto value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<long long> parse_integer(std::string_view text) { return parse_whole<long long>(text); }

std::optional<int64_t> to_integer(double value) {
  constexpr double beyond = 9223372036854775808.0;  // 2^63
  if (!(value >= -beyond && value < beyond) || value != std::floor(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

WidthHeight parse_width_height(std::string_view text, std::string_view name, int low, int high) {
  const auto sides = split(text, 'x');
  const auto side = [&](size_t i) {
    return sides.size() == 2 ? parse_integer(sides[i]).value_or(low - 1LL) : low - 1LL;
  };
  const long long width = side(0), height = side(1);
  if (width < low || height < low || width > high || height > high)
    throw Error("{}: got '{}', expected WIDTHxHEIGHT in px, both {}..{}, e.g. 960x540", name, text, low, high);
  return {static_cast<int>(width), static_cast<int>(height)};
}

std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  if (word.size() > 100) return best;  // nobody's typo, and the time grows with its length
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  if (const auto near = nearest_word(word, candidates)) return fmt::format(" (did you mean '{}'?)", *near);
  return fmt::format(" (known: {})", fmt::join(candidates, ", "));
}

std::map<std::string, std::string> parse_renames(std::span<const std::string> pairs, std::span<const std::string> known,
                                                 std::string_view option, std::string_view whose) {
  std::map<std::string, std::string> renamed;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) throw Error("{}: got '{}', expected FROM=TO", option, pair);
    const std::string from = pair.substr(0, equals);
    if (std::ranges::find(known, from) == known.end())
      throw Error("{}: {} has no class '{}'{}", option, whose, from, suggestion(from, known));
    if (!renamed.emplace(from, pair.substr(equals + 1)).second) throw Error("{}: '{}' is named twice", option, from);
  }
  return renamed;
}

std::string without_password(std::string_view address) {
  const size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return std::string(address);
  const size_t begin = scheme + 3, end = std::min(address.find_first_of("/?#", begin), address.size());
  const size_t at = address.substr(0, end).rfind('@');  // a password may hold another one
  if (at == std::string_view::npos || at < begin) return std::string(address);
  return std::string(address.substr(0, begin)) + std::string(address.substr(at + 1));
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
