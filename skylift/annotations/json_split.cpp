#include "skylift/annotations/json_split.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

constexpr size_t kMaxDepth = 256;

/// Characters that matter inside a nested value.
constexpr std::array<bool, 256> kStructural = [] {
  std::array<bool, 256> table{};
  for (const char c : {'"', '[', ']', '{', '}'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

class Splitter {
 public:
  Splitter(std::string_view document, const std::filesystem::path& path)
      : begin_(document.data()), position_(begin_), end_(begin_ + document.size()), path_(path) {}

  std::vector<JsonMember> split() {
    const std::string_view start(begin_, std::min<size_t>(3, end_ - begin_));
    if (start == "\xEF\xBB\xBF") position_ += 3;
    if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF"))
      throw Error("{}: in UTF-16, expected UTF-8 (hint: save it as UTF-8)", path_.string());
    std::vector<JsonMember> members;
    if (peek() == '[') {
      members.push_back(value_of(""));
    } else {
      expect('{', "a JSON object or list");
      if (!skip('}')) {
        do members.push_back(member());
        while (skip(','));
        expect('}', "',' or '}'");
      }
    }
    if (peek() != '\0' || position_ != end_) fail("the end of the file");
    return members;
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    const auto line = std::count(begin_, position_, '\n') + 1;
    const std::string got = position_ == end_ ? "the end of the file"
                                              : in_quotes({position_, size_t(std::min<long>(20, end_ - position_))});
    throw Error("{}:{}: not JSON: got {} at byte {}, expected {}", path_.string(), line, got, position_ - begin_,
                expected);
  }

  /// The next character that is no blank, or '\0' at the end.
  char peek() {
    while (position_ != end_ && (*position_ == ' ' || *position_ == '\n' || *position_ == '\r' || *position_ == '\t'))
      ++position_;
    return position_ == end_ ? '\0' : *position_;
  }
  bool skip(char wanted) {
    if (peek() != wanted || position_ == end_) return false;
    ++position_;
    return true;
  }
  void expect(char wanted, const char* expected) {
    if (!skip(wanted)) fail(expected);
  }

  JsonMember member() {
    if (peek() != '"') fail("a name in quotes");
    const std::string_view key = string_text();
    expect(':', "':'");
    return value_of(std::string(key.substr(1, key.size() - 2)));
  }

  JsonMember value_of(std::string key) {
    JsonMember member{std::move(key), {}, false, {}};
    const char first = peek();
    const char* start = position_;
    if (first == '[') {
      member.is_list = true;
      ++position_;
      if (!skip(']')) {
        do member.elements.push_back(value_text());
        while (skip(','));
        expect(']', "',' or ']'");
      }
    } else {
      value_text();
    }
    member.text = {start, size_t(position_ - start)};
    return member;
  }

  /// Passes one value of any kind.
  std::string_view value_text() {
    const char first = peek();
    const char* start = position_;
    if (first == '"') return string_text();
    if (first == '{' || first == '[') {
      pass_nested();
    } else {
      while (position_ != end_ && !std::strchr(",]} \n\r\t", *position_)) ++position_;
    }
    if (position_ == start) fail("a value");
    return {start, size_t(position_ - start)};
  }

  /// Passes a text in quotes: to the first quote that has an even number of backslashes before it.
  std::string_view string_text() {
    const char* start = position_;
    const char* from = start + 1;
    while (true) {
      const auto* quote = static_cast<const char*>(std::memchr(from, '"', static_cast<size_t>(end_ - from)));
      if (!quote) fail("a closing quote");
      const char* slash = quote;
      while (slash[-1] == '\\') --slash;
      from = quote + 1;
      if ((quote - slash) % 2 == 0) break;
    }
    position_ = from;
    return {start, size_t(position_ - start)};
  }

  void pass_nested() {
    std::array<char, kMaxDepth> open;
    size_t depth = 0;
    do {
      while (position_ != end_ && !kStructural[static_cast<unsigned char>(*position_)]) ++position_;
      if (position_ == end_) fail("a closing bracket");
      const char c = *position_;
      if (c == '"') {
        string_text();
        continue;
      }
      if (c == '[' || c == '{') {
        if (depth == kMaxDepth) fail("less nesting");
        open[depth++] = c;
      } else if (open[--depth] != (c == ']' ? '[' : '{')) {
        fail(open[depth] == '[' ? "']'" : "'}'");
      }
      ++position_;
    } while (depth > 0);
  }

  const char* begin_;
  const char* position_;
  const char* end_;
  const std::filesystem::path& path_;
};

}  // namespace

std::vector<JsonMember> split_json(std::string_view document, const std::filesystem::path& path) {
  return Splitter(document, path).split();
}

}  // namespace skylift
