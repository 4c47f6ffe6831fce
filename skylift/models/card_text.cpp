#include "skylift/models/card_text.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

constexpr int file_version = 1;

Json options_json(ModelOptions options) {
  Json json = Json::object();
  OptionTable table;
  bind(table.root(), options);
  for (const Option& option : table.options()) {
    std::visit([&](const auto* value) { json[option.key] = *value; }, option.value);
  }
  return json;
}

Option option_named(const OptionTable& table, const std::string& key) {
  for (const Option& option : table.options()) {
    if (option.key == key) return option;
  }
  throw Error("option '{}' is unknown; was the file written by a newer version?", key);
}

/// A number that JSON holds as a fraction or beyond the field's range must not be cast.
int integer_from(const Json& json) {
  const auto value = json.is_number_integer() ? json.get<int64_t>() : std::numeric_limits<int64_t>::min();
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
    throw Error("got {}, expected an integer", in_quotes(dump_json(json)));
  return static_cast<int>(value);
}

template <class T>
void take(const Json& json, T& field) {
  if constexpr (std::is_same_v<T, int>) {
    field = integer_from(json);
  } else if constexpr (std::is_same_v<T, std::vector<int>>) {
    field.clear();
    for (const Json& item : json) field.push_back(integer_from(item));
  } else {
    json.get_to(field);
  }
}

/// Options that a file lacks, because it is older than they are, keep their defaults.
ModelOptions options_from(const Json& json) {
  ModelOptions options;
  OptionTable table;
  bind(table.root(), options);
  for (const auto& [key, value] : json.items()) {
    std::visit([&value = value](auto* field) { take(value, *field); }, option_named(table, key).value);
  }
  return options;
}

Json preprocess_json(const Preprocess& preprocess) {
  return {{"long_side", preprocess.long_side},
          {"short_side", preprocess.short_side},
          {"pad_multiple", preprocess.pad_multiple},
          {"mean", preprocess.mean},
          {"deviation", preprocess.deviation}};
}

/// Sides are multiplied into memory and divided by, so a card must not choose them freely.
void check(const Preprocess& preprocess) {
  constexpr int longest = 1 << 14;
  constexpr int64_t most_pixels = int64_t{1} << 26;
  const auto check_side = [&](const char* name, int side) {
    if (side < 1 || side > longest) throw Error("preprocess.{}: got {}, expected 1..{}", name, side, longest);
  };
  check_side("long_side", preprocess.long_side);
  check_side("short_side", preprocess.short_side);
  check_side("pad_multiple", preprocess.pad_multiple);
  if (int64_t{preprocess.long_side} * preprocess.short_side > most_pixels)
    throw Error("preprocess: got {}x{} px, expected at most {} px in all", preprocess.long_side, preprocess.short_side,
                most_pixels);
  for (size_t i = 0; i < 3; ++i) {
    if (!std::isfinite(preprocess.mean[i]) || !std::isfinite(preprocess.deviation[i]) || preprocess.deviation[i] == 0)
      throw Error("preprocess: got mean {} and deviation {}, expected numbers, and no deviation of 0",
                  preprocess.mean[i], preprocess.deviation[i]);
  }
}

Preprocess preprocess_from(const Json& json) {
  Preprocess preprocess;
  take(json.at("long_side"), preprocess.long_side);
  take(json.at("short_side"), preprocess.short_side);
  take(json.at("pad_multiple"), preprocess.pad_multiple);
  json.at("mean").get_to(preprocess.mean);
  json.at("deviation").get_to(preprocess.deviation);
  check(preprocess);
  return preprocess;
}

ModelCard card_from(const std::string& text) {
  const Json json = parse_json(text, fmt::format("metadata '{}' is damaged", model_card_key));
  if (const int version = integer_from(json.at("version")); version > file_version) {
    throw Error("model files of version {} are newer than this program, which reads up to {}", version, file_version);
  }
  ModelCard card;
  card.options = options_from(json.at("options"));
  check(card.options);
  json.at("classes").get_to(card.classes);
  card.preprocess = preprocess_from(json.at("preprocess"));
  card.recipe = json.value("recipe", "");
  if (json.contains("scores") && !json["scores"].is_null()) card.scores = dump_json(json["scores"]);
  return card;
}

}  // namespace

std::string card_text(const ModelCard& card) {
  Json json = {{"version", file_version}};
  json["options"] = options_json(card.options);
  json["classes"] = card.classes;
  json["preprocess"] = preprocess_json(card.preprocess);
  json["recipe"] = card.recipe;
  json["scores"] = card.scores.empty() ? Json(nullptr) : Json::parse(card.scores);
  return dump_json(json);
}

ModelCard card_from_text(const std::string& text, const std::string& where) {
  try {
    return card_from(text);
  } catch (const nlohmann::json::exception& error) {
    throw Error("{}: metadata '{}' is damaged: {}", where, model_card_key, error.what());
  } catch (const Error& error) {
    throw Error("{}: {}", where, error.what());
  }
}

}  // namespace skylift
