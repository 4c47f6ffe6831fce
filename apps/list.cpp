// skylift methods, skylift recipes, skylift options: what there is, from the declarations in the code.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "skylift/kd/methods.h"
#include "skylift/train/recipes.h"
#include "skylift/train/run_options.h"

namespace skylift {
namespace {

/// A cell of a Markdown table.
std::string cell(std::string text) {
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, 1, '\\');
  return text;
}

void list_methods_as_markdown() {
  fmt::print("| method | what | paper | stored signals (`kd.cache`) | terms |\n|---|---|---|---|---|\n");
  for (const MethodInfo& method : distill_methods()) {
    const bool stored = method.reads(DistillOptions{}).why_not.empty();
    fmt::print("| `{}` | {} | {} | {} | `{}` |\n", method.name, cell(method.summary), cell(method.paper),
               stored ? "yes" : "no", fmt::join(method.terms, "` `"));
  }
}

void list_options_as_markdown(const std::string& prefix, bool direct) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  fmt::print("| key | default | meaning | values |\n|---|---|---|---|\n");
  for (const Option& option : table.options()) {
    if (option.key.rfind(prefix, 0) != 0 || (direct && option.key.find('.', prefix.size()) != std::string::npos))
      continue;
    fmt::print("| `{}` | `{}` | {} | {} |\n", option.key, cell(option.default_text), cell(option.help),
               cell(allowed_text(option)));
  }
}

void list_methods() {
  for (const MethodInfo& method : distill_methods())
    fmt::print("{:10} {}  [{}]\n", method.name, method.summary, method.paper);
}

void list_options(const std::string& prefix) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  for (const Option& option : table.options()) {
    if (option.key.rfind(prefix, 0) != 0) continue;
    fmt::print("{:40} = {:16} {} ({})\n", option.key, option.default_text, option.help, allowed_text(option));
  }
}

/// A recipe's first comment line says what it is.
void list_recipes() {
  for (const Recipe& recipe : recipes()) {
    const std::string_view line = recipe.text.substr(0, recipe.text.find('\n'));
    fmt::print("{:30} {}\n", recipe.name, line.starts_with("# ") ? line.substr(2) : line);
  }
}

}  // namespace

void add_list_commands(CLI::App& app) {
  auto markdown = std::make_shared<bool>(false);
  CLI::App* methods = app.add_subcommand("methods", "List the distillation methods");
  methods->add_flag("--markdown", *markdown, "as a Markdown table");
  methods->callback([markdown] { *markdown ? list_methods_as_markdown() : list_methods(); });
  app.add_subcommand("recipes", "List the configs that the program holds, for --config")->callback(list_recipes);
  auto prefix = std::make_shared<std::string>();
  CLI::App* options = app.add_subcommand("options", "List every key of a config with its default and meaning");
  options->add_option("prefix", *prefix, "only keys that begin with this, e.g. train.optimizer");
  options->add_flag("--markdown", *markdown, "as a Markdown table");
  auto direct = std::make_shared<bool>(false);
  options->add_flag("--direct", *direct, "with --markdown: only keys without a further dot after the prefix");
  options->callback([=] { *markdown ? list_options_as_markdown(*prefix, *direct) : list_options(*prefix); });
}

}  // namespace skylift
