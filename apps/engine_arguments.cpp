#include "apps/engine_arguments.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "skylift/infer/bind_options.h"
#include "skylift/train/validation.h"

namespace skylift {

namespace {

std::string without_quotes(const std::string& text) {
  return text.starts_with('"') || text.starts_with('\'') ? text.substr(1, text.size() - 2) : text;
}

void add_argument(CLI::App& command, const std::shared_ptr<OptionTable>& table, const Option& option) {
  std::string name = option.key;
  std::ranges::replace(name, '_', '-');
  const auto set = [table, key = option.key](const std::string& flag, const std::string& value) {
    table->set(key, value, flag + " " + value);
  };
  if (std::holds_alternative<bool*>(option.value)) {  // all of them are on by default
    command.add_flag_callback(
        "--no-" + name, [set, name] { set("--no-" + name, "false"); }, "not: " + option.help);
    return;
  }
  const auto& choices = option.allowed.choices;
  command
      .add_option_function<std::string>(
          "--" + name, [set, name](const std::string& value) { set("--" + name, value); }, option.help)
      ->default_str(without_quotes(option.default_text))
      ->type_name(choices.empty() ? "VALUE" : fmt::format("{{{}}}", fmt::join(choices, ",")));
}

/// --KEY for every option of the struct, with dashes for underscores.
template <class Options>
void add_arguments(CLI::App& command, Options& options) {
  const auto table = std::make_shared<OptionTable>();
  bind(table->root(), options);
  for (const Option& option : table->options()) add_argument(command, table, option);
}

}  // namespace

void add_engine_arguments(CLI::App& command, EngineOptions& options) { add_arguments(command, options); }

void add_tiling_arguments(CLI::App& command, TilingOptions& options) { add_arguments(command, options); }

void add_reading_arguments(CLI::App& command, ImageReading& reading) {
  const auto add = [&](const char* key, const std::vector<std::string>& values, const char* description) {
    command
        .add_option_function<std::string>(
            fmt::format("--{}", key),
            [&reading, key](const std::string& value) { set_image_reading(reading, key, value); }, description)
        ->check(CLI::IsMember(values))
        ->default_str(values[0]);
  };
  add("orientation", {"upright", "stored"}, "of images: turned as EXIF says, or left as the file has them");
  add("depth", {"image", "type"}, "16 bits to 8: by the range that each image uses, or all by 65535");
}

DetectOptions decoded_as_trained(DetectOptions detect, const ModelCard& card, const std::string& model) {
  const double score = detect.decode.score_threshold;
  detect.decode = trained_decode(card, model);
  detect.decode.score_threshold = score;
  return detect;
}

}  // namespace skylift
