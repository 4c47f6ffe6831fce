#include "skylift/models/model_file.h"

#include <nlohmann/json.hpp>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/models/card_text.h"
#include "skylift/models/fold.h"
#include "skylift/models/tensor_file.h"

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

/// Options that a file lacks, because it is older than they are, keep their defaults.
ModelOptions options_from(const Json& json) {
  ModelOptions options;
  OptionTable table;
  bind(table.root(), options);
  for (const auto& [key, value] : json.items()) {
    std::visit([&value = value](auto* field) { *field = value.template get<std::remove_pointer_t<decltype(field)>>(); },
               option_named(table, key).value);
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

Preprocess preprocess_from(const Json& json) {
  Preprocess preprocess;
  json.at("long_side").get_to(preprocess.long_side);
  json.at("short_side").get_to(preprocess.short_side);
  json.at("pad_multiple").get_to(preprocess.pad_multiple);
  json.at("mean").get_to(preprocess.mean);
  json.at("deviation").get_to(preprocess.deviation);
  return preprocess;
}

ModelCard card_from(const std::string& text) {
  const Json json = Json::parse(text);
  if (const int version = json.at("version").get<int>(); version > file_version) {
    throw Error("model files of version {} are newer than this program, which reads up to {}", version, file_version);
  }
  ModelCard card;
  card.options = options_from(json.at("options"));
  json.at("classes").get_to(card.classes);
  card.preprocess = preprocess_from(json.at("preprocess"));
  card.recipe = json.value("recipe", "");
  if (json.contains("scores") && !json["scores"].is_null()) card.scores = json["scores"].dump();
  return card;
}

ModelCard read_card(const TextMap& metadata, const std::filesystem::path& path) {
  const auto found = metadata.find(model_card_key);
  if (found == metadata.end()) {
    throw Error(
        "{}: a safetensors file without '{}' in its metadata, expected a model that skylift wrote; a backbone's "
        "weights go into model.backbone.weights",
        path.string(), model_card_key);
  }
  return card_from_text(found->second, path.string());
}

}  // namespace

std::string card_text(const ModelCard& card) {
  Json json = {{"version", file_version}};
  json["options"] = options_json(card.options);
  json["classes"] = card.classes;
  json["preprocess"] = preprocess_json(card.preprocess);
  json["recipe"] = card.recipe;
  json["scores"] = card.scores.empty() ? Json(nullptr) : Json::parse(card.scores);
  return json.dump();
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

void save_model(const std::filesystem::path& path, const Detector& detector, ModelCard card, bool keep_lifting) {
  if (static_cast<int>(card.classes.size()) != detector.class_count()) {
    throw Error("{}: got {} class names for a detector of {} classes", path.string(), card.classes.size(),
                detector.class_count());
  }
  DetectorState state = keep_lifting ? plain_state(detector) : folded_state(detector);
  card.options = state.options;
  card.options.backbone.weights.clear();  // the file has them; the recipe says where they came from
  write_tensors(path, state.tensors, {{model_card_key, card_text(card)}, {"format", "pt"}});
}

Model load_model(const std::filesystem::path& path) {
  const TensorFile file = read_tensors(path);
  Model model;
  model.card = read_card(file.metadata, path);
  model.detector =
      make_detector({model.card.options, file.tensors}, static_cast<int>(model.card.classes.size()), path.string());
  return model;
}

}  // namespace skylift
