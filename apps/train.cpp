// skylift train: a detector without a teacher.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/run_command.h"

namespace skylift {

void add_train_command(CLI::App& app) {
  auto arguments = std::make_shared<RunArguments>();
  arguments->config = "lite0_plain";  // what is best without a teacher is not what is best under one (docs/results.md)
  CLI::App* command = app.add_subcommand("train", "Train a detector without a teacher");
  add_run_arguments(*command, *arguments);
  command->footer(
      "Examples: skylift train --data DATA --out runs/plain\n"
      "          skylift train --config lite2_teacher --data DATA --out runs/teacher --set train.epochs=60");
  command->callback([arguments] {
    run_training({.options = read_run_options(*arguments),
                  .folder = run_folder(*arguments),
                  .init = init_of(*arguments),
                  .resume = arguments->resume,
                  .keep_lifting = arguments->keep_lifting},
                 arguments->json);
  });
}

}  // namespace skylift
