// What the stack machine of a pickle works on: the bytes, the stack with its marks, and the memo. Every access is
// checked.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/formats/pickle.h"

namespace skylift {

// An optimizer's state of a large model has some 100,000 values; hostile files must not fill the memory.
inline constexpr size_t pickle_value_limit = 2'000'000, pickle_opcode_limit = 40'000'000;

class PickleStack {
 public:
  using Kind = PickleValue::Kind;

  PickleStack(std::string where, std::deque<PickleValue>& values, std::string_view bytes, size_t position)
      : where_(std::move(where)), values_(values), bytes_(bytes), position_(position) {}

  size_t position() const { return position_; }

  /// Before every opcode.
  void begin_opcode() {
    opcode_at_ = position_;
    if (++opcodes_ > pickle_opcode_limit ||
        std::max({stack_.size(), marks_.size(), memo_.size()}) > pickle_value_limit) {
      fail("more than any checkpoint holds");
    }
  }

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error("{}: byte {} of the pickle: {}", where_, opcode_at_, fmt::format(format, std::forward<Args>(args)...));
  }

  // Bytes.

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - position_)
      fail("{} bytes wanted, {} left; is the file cut off?", count, bytes_.size() - position_);
    const std::string_view part = bytes_.substr(position_, count);
    position_ += count;
    return part;
  }

  template <class Number>
  Number number() {
    Number value{};
    std::memcpy(&value, take(sizeof(Number)).data(), sizeof(Number));
    return value;
  }

  std::string_view line() {
    const size_t end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) fail("a line without end; is the file cut off?");
    const std::string_view text = take(end - position_);
    ++position_;
    return text;
  }

  // Stack.

  PickleValue& create(Kind kind) {
    if (values_.size() >= pickle_value_limit) fail("more than {} values", pickle_value_limit);
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    return value;
  }
  PickleValue& push(Kind kind) { return *stack_.emplace_back(&create(kind)); }
  void push_integer(int64_t value) { push(Kind::integer).integer = value; }
  void push_text(Kind kind, std::string_view text) { push(kind).text = text; }

  PickleValue* pop() {
    // What lies below the last mark is reached only once the mark is taken away.
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("the stack is empty");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }

  PickleValue* top() {
    PickleValue* value = pop();
    stack_.push_back(value);
    return value;
  }

  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("no mark on the stack");
    std::vector<const PickleValue*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  std::vector<const PickleValue*> pop_items(size_t count) {
    std::vector<const PickleValue*> items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  PickleValue* sequence(std::vector<const PickleValue*> items) {
    PickleValue& value = create(Kind::sequence);
    value.items = std::move(items);
    return &value;
  }

  /// Pops a mark too.
  void drop() {
    const bool mark_on_top = !marks_.empty() && marks_.back() == stack_.size();
    mark_on_top ? marks_.pop_back() : static_cast<void>(pop());
  }

  void memorise(uint64_t place) { memo_[place] = top(); }
  void memorise_next() { memorise(memo_.size()); }

  uint64_t memo_number(std::string_view text) const {
    const auto value = parse_integer(text);
    if (!value || *value < 0) fail("{} is no place in the memo", in_quotes(text));
    return static_cast<uint64_t>(*value);
  }

  void recall(uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) fail("nothing at place {} of the memo", place);
    stack_.push_back(found->second);
  }

  void mark() { marks_.push_back(stack_.size()); }
  void push(PickleValue* value) { stack_.push_back(value); }

 private:
  std::string where_;
  std::deque<PickleValue>& values_;
  std::string_view bytes_;
  size_t position_, opcode_at_ = 0, opcodes_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

}  // namespace skylift
