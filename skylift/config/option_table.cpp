#include "skylift/config/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>
#include <type_traits>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"
#include "skylift/core/toml.h"

namespace skylift {
namespace {

template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};

std::string quoted(const std::string& text) {
  std::ostringstream stream;
  stream << toml::value<std::string>(text);
  return stream.str();
}

std::string scalar_text(bool value) { return value ? "true" : "false"; }
std::string scalar_text(int value) { return std::to_string(value); }
std::string scalar_text(const std::string& value) { return quoted(value); }
std::string scalar_text(double value) {
  std::string text = fmt::format("{}", value);  // the shortest text that reads back as the same double
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

template <class T>
std::string any_text(const T& value) {
  if constexpr (is_list<T>::value) {
    std::vector<std::string> items;
    for (const auto& item : value) items.push_back(scalar_text(item));
    return fmt::format("[{}]", fmt::join(items, ", "));
  } else {
    return scalar_text(value);
  }
}

template <class T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, int>) return "an integer";
  if constexpr (std::is_same_v<T, double>) return "a number";
  return "a text";
}

/// A TOML scalar as T, or nothing when the type differs. Integers are good numbers; numbers are no integers.
template <class T>
std::optional<T> scalar_from(const toml::node& node) {
  if constexpr (std::is_same_v<T, double>) {
    if (const auto* integer = node.as_integer()) return static_cast<double>(integer->get());
    if (const auto* real = node.as_floating_point()) return real->get();
  } else if constexpr (std::is_same_v<T, int>) {
    const auto* integer = node.as_integer();
    if (integer && std::in_range<int>(integer->get())) return static_cast<int>(integer->get());
  } else if constexpr (std::is_same_v<T, bool>) {
    if (const auto* boolean = node.as_boolean()) return boolean->get();
  } else {
    if (const auto* text = node.as_string()) return text->get();
  }
  return std::nullopt;
}

template <class T>
bool is_allowed(const T& value, const Allowed& allowed) {
  if constexpr (std::is_same_v<T, std::string>) {
    return allowed.choices.empty() ||
           std::find(allowed.choices.begin(), allowed.choices.end(), value) != allowed.choices.end();
  } else if constexpr (!std::is_same_v<T, bool>) {
    const auto number = static_cast<double>(value);
    return (number >= allowed.low && number <= allowed.high) || (allowed.or_zero && number == 0);
  }
  return true;
}

std::string shown(const toml::node& node) {
  std::ostringstream stream;
  node.visit([&](const auto& value) { stream << value; });
  return stream.str();
}

template <class T>
T scalar_or_throw(const toml::node& node, const Option& option, const std::string& where) {
  const auto* integer = node.as_integer();
  if (std::is_same_v<T, int> && integer && !std::in_range<int>(integer->get())) {
    throw Error("{}: {}: got {}, expected an integer within {} and {}", where, option.key, shown(node),
                std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
  }
  const auto value = scalar_from<T>(node);
  if (!value || !is_allowed(*value, option.allowed)) {
    const std::string hint = std::is_same_v<T, std::string> && node.is_string() && !option.allowed.choices.empty()
                                 ? suggestion(node.as_string()->get(), option.allowed.choices)
                                 : "";
    throw Error("{}: {}: got {}, expected {}{}", where, option.key, shown(node), allowed_text(option), hint);
  }
  return *value;
}

/// Fills the bound field. A single value stands for a list of one.
void assign(const Option& option, const toml::node& node, const std::string& where) {
  std::visit(
      [&](auto* field) {
        using T = std::remove_pointer_t<decltype(field)>;
        if constexpr (is_list<T>::value) {
          T list;
          const auto take = [&](const toml::node& item) {
            list.push_back(scalar_or_throw<typename T::value_type>(item, option, where));
          };
          if (const auto* array = node.as_array()) {
            for (const auto& item : *array) take(item);
          } else {
            take(node);
          }
          *field = std::move(list);
        } else {
          *field = scalar_or_throw<T>(node, option, where);
        }
      },
      option.value);
}

bool takes_text(const Option& option) {
  return std::holds_alternative<std::string*>(option.value) ||
         std::holds_alternative<std::vector<std::string>*>(option.value);
}

/// The value of "--set key=value" as a TOML table {v = value}. For options of text, what is not TOML is a bare word:
/// sgd, a,b.
toml::table parse_assignment(const Option& option, std::string_view value) {
  try {
    return toml::parse(fmt::format("v = {}", value));
  } catch (const toml::parse_error&) {
    toml::table table;
    if (std::holds_alternative<std::vector<std::string>*>(option.value)) {
      toml::array items;
      for (const auto item : split(value, ',')) {
        if (!item.empty()) items.push_back(std::string(item));
      }
      table.insert("v", std::move(items));
    } else {
      table.insert("v", std::string(value));
    }
    return table;
  }
}

}  // namespace

void OptionSection::add_value(std::string_view name, OptionValue value, std::string_view help, Allowed allowed) {
  Option option{path(name), std::string(help), value, std::move(allowed), ""};
  option.default_text = value_text(option);
  table_.options_.push_back(std::move(option));
}

Option& OptionTable::find(std::string_view key, const std::string& where) {
  std::vector<std::string> known;
  for (auto& option : options_) {
    if (option.key == key) return option;
    known.push_back(option.key);
  }
  const auto near = nearest_word(key, known);
  throw Error("{}: unknown key {}{}", where, in_quotes(key),
              near ? fmt::format(" (did you mean '{}'?)", *near) : "; `skylift options` lists all keys");
}

void OptionTable::load_toml(const std::filesystem::path& path) { load_toml(read_file(path), path.string()); }

void OptionTable::load_toml(std::string_view text, const std::string& name) {
  const auto walk = [&](const auto& self, const toml::table& table, const std::string& prefix) -> void {
    for (const auto& [own, node] : table) {
      const std::string key = prefix.empty() ? std::string(own.str()) : prefix + "." + std::string(own.str());
      if (const auto* inner = node.as_table()) {
        self(self, *inner, key);
      } else {
        const std::string where = fmt::format("{}:{}", name, own.source().begin.line);
        assign(find(key, where), node, where);
      }
    }
  };
  walk(walk, parse_toml(text, name), "");
}

void OptionTable::set(std::string_view assignment) {
  const std::string where = fmt::format("--set {}", assignment);
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) throw Error("{}: expected key=value", where);
  set(trim(assignment.substr(0, equals)), trim(assignment.substr(equals + 1)), where);
}

void OptionTable::set(std::string_view key, std::string_view value, const std::string& where) {
  const Option& option = find(key, where);
  check_toml_depth(value, where);
  const toml::table parsed = parse_assignment(option, value);
  const toml::node& node = *parsed.get("v");
  // A bare word may look like another type: --set name=2024 is still a text.
  if (takes_text(option) && !node.is_string() && !node.is_array()) {
    assign(option, toml::value<std::string>(std::string(value)), where);
  } else {
    assign(option, node, where);
  }
}

void OptionTable::check() const {
  for (const Option& option : options_) {
    const auto fits = [&](const auto* field) {
      if constexpr (is_list<std::remove_cvref_t<decltype(*field)>>::value)
        return std::ranges::all_of(*field, [&](const auto& item) { return is_allowed(item, option.allowed); });
      else
        return is_allowed(*field, option.allowed);
    };
    if (std::visit(fits, option.value)) continue;
    const auto* text = std::get_if<std::string*>(&option.value);
    throw Error("{}: got {}, expected {}{}", option.key, value_text(option), allowed_text(option),
                text ? suggestion(**text, option.allowed.choices) : "");
  }
}

std::string OptionTable::to_toml(bool with_help) const {
  std::string text, section;
  for (const Option& option : options_) {
    const size_t dot = option.key.rfind('.');
    const std::string parent = dot == std::string::npos ? "" : option.key.substr(0, dot);
    if (parent != section) {
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", parent);
      section = parent;
    }
    if (with_help) text += fmt::format("# {} ({})\n", option.help, allowed_text(option));
    text += fmt::format("{} = {}\n", option.key.substr(dot == std::string::npos ? 0 : dot + 1), value_text(option));
  }
  return text;
}

std::string value_text(const Option& option) {
  return std::visit([](const auto* field) { return any_text(*field); }, option.value);
}

std::string allowed_text(const Option& option) {
  return std::visit(
      [&](const auto* field) -> std::string {
        using T = std::remove_cv_t<std::remove_pointer_t<decltype(field)>>;
        std::string text;
        if constexpr (is_list<T>::value) {
          text = fmt::format("a list, each {}", type_name<typename T::value_type>());
        } else {
          text = type_name<T>();
        }
        const Allowed& allowed = option.allowed;
        if (!allowed.choices.empty())
          return fmt::format("{}{}", is_list<T>::value ? "a list of " : "one of ", fmt::join(allowed.choices, ", "));
        if (std::isfinite(allowed.low) && std::isfinite(allowed.high))
          return fmt::format("{}{} from {} to {}", allowed.or_zero ? "0 or " : "", text, allowed.low, allowed.high);
        if (std::isfinite(allowed.low)) return fmt::format("{} of at least {}", text, allowed.low);
        return text;
      },
      option.value);
}

}  // namespace skylift
