#include "apps/model_readme.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/runs/run_record.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kWeakAp50 = 0.1;    // a class below is said not to work
constexpr int64_t kFewObjects = 50;  // a class with fewer has no score to rely on

std::string percent(const Json& value) {
  return value.is_number() && value.get<double>() >= 0 ? fmt::format("{:.2f}", 100 * value.get<double>()) : "-";
}

std::string scores_section(const Json& scores) {
  if (!scores.is_object()) return "Not evaluated.\n";
  std::string text = fmt::format(
      "{} protocol, {} images with {} objects, in percent:\n\n| AP | AP50 | AP75 | small | "
      "medium | large |\n|---|---|---|---|---|---|\n",
      scores.value("protocol", "unknown"), scores.value("images", 0), scores.value("ground_truths", 0));
  for (const char* key : {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"})
    text += fmt::format("| {} ", percent(scores.value(key, Json())));
  text += "|\n";
  const Json classes = scores.value("per_class", Json::object());
  if (classes.empty()) return text;
  text += "\n| class | AP | AP50 | objects |\n|---|---|---|---|\n";
  for (const auto& [name, one] : classes.items()) {
    text += fmt::format("| {} | {} | {} | {} |\n", name, percent(one.value("AP", Json())),
                        percent(one.value("AP50", Json())), one.value("ground_truths", 0));
  }
  return text +
         "\nThese are the scores of the model it was exported from, on the images that its training was followed "
         "by: where the best epoch was chosen by them, they flatter it.\n";
}

/// Classes that the scores do not speak for.
std::string weak_classes(const Json& scores) {
  std::vector<std::string> weak, rare;
  const Json classes = scores.value("per_class", Json::object());  // items() of a temporary would dangle
  for (const auto& [name, one] : classes.items()) {
    const auto objects = one.value("ground_truths", int64_t{0});
    const double ap50 = one.value("AP50", -1.0);
    if (objects < kFewObjects) {
      rare.push_back(fmt::format("{} ({})", name, objects));
    } else if (ap50 < kWeakAp50) {
      weak.push_back(fmt::format("{} (AP50 {:.1f})", name, 100 * ap50));
    }
  }
  std::string text;
  if (!weak.empty()) text += fmt::format("* It hardly finds {}.\n", fmt::join(weak, ", "));
  if (!rare.empty()) text += fmt::format("* Too few objects to judge by: {}.\n", fmt::join(rare, ", "));
  return text;
}

std::string limits_section(const ModelCard& card, const Json& scores) {
  std::string text = fmt::format(
      "* It knows {} classes: {}. Anything else is background or is taken for one of them.\n"
      "* Images are scaled to fit {} x {} px: an object that is then only a few pixels large is not found. Larger "
      "images "
      "of small objects are better cut into tiles (`skylift predict --tile`).\n"
      "* Nothing is known of images unlike those it was trained and scored on: other heights, angles, light, weather "
      "or "
      "countries. Score it on your own images before relying on it (`skylift eval`).\n",
      card.classes.size(), fmt::join(card.classes, ", "), card.preprocess.long_side, card.preprocess.short_side);
  if (scores.is_object()) text += weak_classes(scores);
  return text + "* The licence of its training images goes with it.\n";
}

/// The record of the run that made the model, where it lies in that run's folder.
std::optional<RunRecord> run_of(const fs::path& source) {
  const fs::path folder = source.parent_path().empty() ? "." : source.parent_path();
  if (!is_there(folder / kRunRecordFile)) return std::nullopt;
  try {
    RunRecord record = read_run_record(folder);
    const std::string sum = file_checksum(source);
    if (std::ranges::any_of(record.models, [&](const auto& model) { return model.second == sum; })) return record;
  } catch (const Error&) {  // some other program's
  }
  return std::nullopt;
}

std::string origin_section(const RunRecord& record) {
  std::string text =
      fmt::format("* command: `{}`\n* code: {}\n* trained: {}, {} of {} steps, {:.1f} minutes, state {}\n",
                  fmt::join(record.command, " "), record.code, record.begun, record.step, record.total_steps,
                  record.seconds / 60, state_name(record.state));
  for (const auto& [key, value] : record.machine) text += fmt::format("* {}: {}\n", key, value);
  return text;
}

/// The training and validation images: where they were, and their fingerprints where the run is at hand.
std::string data_section(const ModelCard& card, const std::optional<RunRecord>& run) {
  std::string text;
  size_t begin = card.recipe.find("[data]\n");
  for (size_t end = 0; begin != std::string::npos && begin < card.recipe.size(); begin = end + 1) {
    end = std::min(card.recipe.find('\n', begin), card.recipe.size());
    const std::string line = card.recipe.substr(begin, end - begin);
    if (line.starts_with("train = ") || line.starts_with("val = ") || line.starts_with("classes = "))
      text += "* `" + line + "`\n";
    if (line.empty()) break;  // the section ends
  }
  if (run) {
    for (const auto& [key, value] : run->identity) text += fmt::format("* {}: {}\n", key, value);
  }
  return text.empty() ? "Not recorded.\n" : text;
}

/// A card's first line; its checksum is of what follows and of the model file's name.
std::string first_line(std::string_view body, const std::string& name) {
  return fmt::format("<!-- written by skylift export, checksum {} -->\n",
                     checksum_text(checksum(body, checksum(name))));
}

/// Whether nothing is lost by writing there: no file, or our card of this model file as we wrote it.
bool may_write(const fs::path& path, const std::string& name) {
  if (!is_there(path)) return true;
  if (!is_file(path)) return false;
  const std::string text = read_file(path);
  const size_t end = text.find('\n');
  return end != std::string::npos &&
         text.substr(0, end + 1) == first_line(std::string_view(text).substr(end + 1), name);
}

}  // namespace

std::string model_readme(const ModelCard& card, const fs::path& source, const ExportedFile& file) {
  const Json scores = card.scores.empty() ? Json() : Json::parse(card.scores, nullptr, /*allow_exceptions=*/false);
  const std::optional<RunRecord> run = run_of(source);
  const std::string origin = run ? origin_section(*run) : "";
  const std::string body = fmt::format(
      "# {}\n\nA detector of {} classes in images from drones. {}; {}.\n\n"
      "* file: `{}`, checksum {}\n* exported from: `{}`, checksum {}\n* network: backbone {}, {} channels in neck and "
      "head\n\n## Scores\n\n{}\n## Limits\n\n{}\n## Data\n\n{}\n## Recipe\n\n{}\n```toml\n{}```\n",
      file.name, card.classes.size(), file.form, file.verified, file.name, file.checksum, source.string(),
      file_checksum(source), card.options.backbone.name, card.options.head.channels, scores_section(scores),
      limits_section(card, scores), data_section(card, run), origin, card.recipe);
  return first_line(body, file.name) + body;
}

fs::path write_model_readme(const fs::path& folder, const ModelCard& card, const fs::path& source,
                            const ExportedFile& file) {
  for (const fs::path& path : {folder / "README.md", folder / (file.name + ".README.md")}) {
    if (!may_write(path, file.name)) continue;
    write_file(path, model_readme(card, source, file));
    return path;
  }
  return {};
}

}  // namespace skylift
