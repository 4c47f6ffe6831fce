// Python's pickles, read as data: every call that a pickle asks for becomes a value that says so, and nothing is ever
// called. A global that the caller does not know is refused by its name. Protocols 0 to 5, without the opcodes that
// need a registry or buffers from outside.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace skylift {

struct PickleValue {
  enum class Kind {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,  ///< also integers beyond 64 bits, little-endian
    sequence,
    dict,
    global,     ///< `text`: "module.name"
    call,       ///< `text`: what would be called; `arguments` and `state`: with what
    persistent  ///< `arguments`: the id of something stored outside of the pickle
  };
  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;                                 ///< of a sequence
  std::vector<std::pair<const PickleValue*, const PickleValue*>> pairs;  ///< of a dict, or set in a called object
  const PickleValue* arguments = nullptr;
  const PickleValue* state = nullptr;

  bool is(Kind other) const { return kind == other; }
  bool is_call(std::string_view name) const { return kind == Kind::call && text == name; }

  /// The value under a text key of a dict or dict-like object, or null. The last of equal keys counts.
  const PickleValue* find(std::string_view key) const;
};

/// Reads pickles and owns their values, which may be shared and may contain themselves: walk them with a limit.
class PickleReader {
 public:
  /// `known` decides on "module.name"; `where` begins every message.
  PickleReader(std::string where, std::function<bool(const std::string& global)> known)
      : where_(std::move(where)), known_(std::move(known)) {}

  /// One pickle from `position`, which moves behind it. Error: a global that is not known (names it), an opcode that
  /// is not a pickle's, a cut off or damaged one, more values than any checkpoint has.
  const PickleValue& read(std::string_view bytes, size_t& position);

  /// All values of kind persistent, of all pickles read.
  const std::vector<const PickleValue*>& persistent_values() const { return persistent_; }

 private:
  friend class PickleMachine;
  std::string where_;
  std::function<bool(const std::string&)> known_;
  std::deque<PickleValue> values_;
  std::vector<const PickleValue*> persistent_;
};

}  // namespace skylift
