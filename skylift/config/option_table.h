// Options are plain structs with default values. A module declares each field of its struct once, in a `bind` function
// beside the struct; reading TOML, --set, printing, range checks, the resolved config.toml and the reference page all
// follow from that.
//
//   struct OptimizerOptions { std::string name = "sgd"; double lr = 0.01; };
//   inline void bind(OptionSection section, OptimizerOptions& options) {
//     section.add("name", options.name, "update rule", one_of({"sgd", "adamw"}));
//     section.add("lr", options.lr, "learning rate for a batch of 16 images", between(0, 10));
//   }
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skylift {

/// What values an option takes. Empty: anything of its type. Ranges include both ends and hold for each element of a
/// list.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;
  bool or_zero = false;  ///< 0 is allowed besides the range
};

inline Allowed between(double low, double high) { return {low, high, {}, false}; }
inline Allowed zero_or_between(double low, double high) { return {low, high, {}, true}; }
inline Allowed at_least(double low) { return {.low = low, .choices = {}}; }
inline Allowed one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

using OptionValue = std::variant<bool*, int*, double*, std::string*, std::vector<int>*, std::vector<double>*,
                                 std::vector<std::string>*>;

struct Option {
  std::string key;    ///< dotted, e.g. "train.optimizer.lr"
  std::string help;   ///< one sentence, with unit
  OptionValue value;  ///< the bound field
  Allowed allowed;
  std::string default_text;  ///< the field's value when it was bound, as TOML
};

class OptionTable;

/// The part of a table below a prefix: what a `bind` function gets.
class OptionSection {
 public:
  OptionSection(OptionTable& table, std::string prefix) : table_(table), prefix_(std::move(prefix)) {}
  template <class Field>
  void add(std::string_view name, Field& field, std::string_view help, Allowed allowed = {}) {
    add_value(name, &field, help, std::move(allowed));
  }
  OptionSection section(std::string_view name) const { return {table_, path(name)}; }

 private:
  void add_value(std::string_view name, OptionValue value, std::string_view help, Allowed allowed);
  std::string path(std::string_view name) const {
    return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
  }

  OptionTable& table_;
  std::string prefix_;
};

/// All options of a command, bound to the structs they fill. The structs must outlive the table and must not move.
class OptionTable {
 public:
  OptionSection root() { return {*this, ""}; }

  /// Error, with file and line: not TOML, an unknown key (names the nearest), a wrong type, a value out of range.
  void load_toml(const std::filesystem::path& path);
  /// The same from text; `name` stands for the file in messages.
  void load_toml(std::string_view text, const std::string& name);

  /// "key=value", the value as TOML or a bare word. Error: the same, naming the assignment.
  void set(std::string_view assignment);

  /// The same of one option by its key; `where` begins the message.
  void set(std::string_view key, std::string_view value, const std::string& where);

  /// Of fields that were filled without the table. Error: a value out of its range, naming its key.
  void check() const;

  /// Every option with its present value; reading it back gives the same state. Help as comments if wanted.
  std::string to_toml(bool with_help = false) const;

  const std::vector<Option>& options() const { return options_; }

 private:
  friend class OptionSection;
  Option& find(std::string_view key, const std::string& where);
  std::vector<Option> options_;
};

/// An option's present value as TOML: 0.01, "sgd", [1, 2].
std::string value_text(const Option& option);
/// "number 0..10", "one of sgd, adamw", "list of integers": for messages and the reference.
std::string allowed_text(const Option& option);

}  // namespace skylift
