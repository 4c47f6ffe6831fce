// Small helpers on strings: splitting, strict numbers, and the nearest known word for error messages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skylift {

/// Pieces between separators; "a,,b" has three. Surrounding blanks of each piece are removed.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

/// The whole text as a number, or nothing: "12x", "" and "nan" are no numbers.
std::optional<double> parse_number(std::string_view text);
std::optional<long long> parse_integer(std::string_view text);

/// A number without a fraction that a cast to an integer keeps, or nothing: other casts from double are undefined.
std::optional<int64_t> to_integer(double value);

struct WidthHeight {
  int width = 0, height = 0;
};
/// "1344x800". Error: not two whole numbers of `low` to `high`; `name` says whose value it is.
WidthHeight parse_width_height(std::string_view text, std::string_view name, int low, int high);

/// The candidate with the smallest edit distance, or nothing if none is near (more than a third of the letters differ).
std::optional<std::string> nearest_word(std::string_view word, std::span<const std::string> candidates);

/// " (did you mean 'X'?)" with the nearest candidate, or the list of all where none is near. For the end of an error
/// message.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

/// Pairs FROM=TO, as --map takes them: what becomes of which name (nothing: left out). Error, told as `option`'s: no
/// pair, a FROM that is not among `known` (`whose`: "the model"), one that is named twice.
std::map<std::string, std::string> parse_renames(std::span<const std::string> pairs, std::span<const std::string> known,
                                                 std::string_view option, std::string_view whose);

/// A stream's address without the name and the password that may stand in it: "rtsp://user:word@host" -> "rtsp://host".
std::string without_password(std::string_view address);

/// Text of a file as it may stand in one line of a message: control characters as '?', at most 60 characters.
std::string in_quotes(std::string_view text);

}  // namespace skylift
