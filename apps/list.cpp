// skylift methods, skylift options: what there is, from the declarations in the code.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "skylift/kd/methods.h"
#include "skylift/train/run_options.h"

namespace skylift {
namespace {

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

}  // namespace

void add_list_commands(CLI::App& app) {
  app.add_subcommand("methods", "List the distillation methods")->callback(list_methods);
  auto prefix = std::make_shared<std::string>();
  CLI::App* options = app.add_subcommand("options", "List every key of a config with its default and meaning");
  options->add_option("prefix", *prefix, "only keys that begin with this, e.g. train.optimizer");
  options->callback([prefix] { list_options(*prefix); });
}

}  // namespace skylift
