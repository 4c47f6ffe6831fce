// skylift report: a page about one or several runs.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "skylift/core/log.h"
#include "skylift/report/run_page.h"

namespace skylift {

void add_report_command(CLI::App& app) {
  struct Arguments {
    std::vector<std::string> runs;
    std::string out;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("report", "Write a page about one or several runs: scores, curves, options");
  command->add_option("runs", arguments->runs, "run folders")->required()->type_name("RUN");
  command->add_option("--out", arguments->out, "the page")->required()->type_name("FILE.html");
  command->footer("Example: skylift report runs/plain runs/distilled --out compare.html");
  command->callback([arguments] {
    write_run_page(arguments->out, {arguments->runs.begin(), arguments->runs.end()});
    log_info("written to {}", arguments->out);
  });
}

}  // namespace skylift
