#include "skylift/train/run_options.h"

#include "skylift/core/error.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/train/recipes.h"

namespace skylift {

void bind(OptionSection section, RunOptions& options) {
  bind(section.section("data"), options.data);
  bind(section.section("model"), options.model);
  bind(section.section("assign"), options.assign);
  bind(section.section("loss"), options.loss);
  bind(section.section("train"), options.train);
  bind(section.section("decode"), options.decode);
  bind(section.section("eval"), options.eval);
  bind(section.section("kd"), options.kd);
}

RunOptions read_run_options(const std::string& config, const std::vector<std::string>& assignments) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  const Recipe* recipe = is_file(config) ? nullptr : find_recipe(config);
  if (recipe) {
    table.load_toml(recipe->text, fmt::format("recipe {}", recipe->name));
  } else if (is_there(config)) {
    table.load_toml(std::filesystem::path(config));
  } else if (!config.empty()) {
    throw Error("config: '{}' is no file and no recipe{}", config, suggestion(config, recipe_names()));
  }
  for (const std::string& assignment : assignments) table.set(assignment);
  return options;
}

std::string config_text(RunOptions options) {
  OptionTable table;
  bind(table.root(), options);
  return table.to_toml();
}

/// An assignment a line, under its section.
RunOptions parse_config_text(const std::string& text) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  std::string_view section;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with('[')) {
      section = line.substr(1, line.find(']') - 1);
    } else if (!trim(line).empty()) {
      table.set(fmt::format("{}.{}", section, line));
    }
  }
  return options;
}

}  // namespace skylift
