// skylift: the program. Exit status 0 done, 2 the user's mistake (one line on stderr), 130 and 143 stopped by Ctrl-C
// and SIGTERM, 1 anything else.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <opencv2/core/utils/logger.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands.h"
#include "skylift/core/error.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/text.h"

namespace {

int fail(int status, std::string_view message) {
  // libtorch appends a stack trace after the first line; a person needs the first.
  fmt::print(stderr, "skylift: {}\n", message.substr(0, message.find('\n')));
  return status;
}

/// CLI11 would only say that a command is missing.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    throw skylift::Error("unknown command '{}'{}", argv[1], skylift::suggestion(argv[1], names));
  }
}

bool may_run_network(const std::vector<std::string_view>& arguments) {
  static constexpr std::array<std::string_view, 9> commands = {"demo",   "distill", "eval",  "export", "predict",
                                                               "report", "serve",   "study", "train"};
  const auto is_detections = [](std::string_view argument) { return argument.starts_with("--dt"); };  // eval's
  return arguments.size() > 1 && std::ranges::find(commands, arguments[1]) != commands.end() &&
         std::ranges::none_of(arguments, is_detections);
}

/// OpenMP's idle threads spin by default. Training has several teams of them (forward, backward) beside the loader's
/// threads, so they take the cores from each other: passive waiting was up to three times as fast on a busy machine.
/// The runtime reads the variable only while it is loaded, so the program begins once more with it set: half a second,
/// in which libtorch is loaded again, and which commands without a network need not wait.
void wait_passively(int argc, char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || !may_run_network({argv, argv + argc})) return;
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  ::execv(program.c_str(), argv);  // returns only if it fails: then we go on as we are
}

/// OpenCV says of a damaged image in lines of its own what its caller says in one. Some go straight to std::cerr, which
/// nothing of ours writes to: messages and the log go to stderr itself.
void silence_opencv() {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  std::cerr.rdbuf(nullptr);
}

/// Large files are mapped, and a page that vanished under us (the file was cut meanwhile) is no fault of the program's.
void explain_vanished_pages() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    constexpr std::string_view message = "skylift: a file that is being read was cut off meanwhile\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
    ::_exit(2);
  };
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  wait_passively(argc, argv);
  explain_vanished_pages();
  silence_opencv();
  CLI::App app{"Skylift distils small, fast object detectors for drone imagery.", "skylift"};
  app.set_version_flag("--version", SKYLIFT_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  skylift::add_demo_command(app);
  skylift::add_synth_command(app);
  skylift::add_data_command(app);
  skylift::add_train_command(app);
  skylift::add_distill_command(app);
  skylift::add_eval_command(app);
  skylift::add_predict_command(app);
  skylift::add_serve_command(app);
  skylift::add_export_command(app);
  skylift::add_import_command(app);
  skylift::add_info_command(app);
  skylift::add_study_command(app);
  skylift::add_runs_command(app);
  skylift::add_report_command(app);
  skylift::add_models_command(app);
  skylift::add_list_commands(app);

  if (argc == 1) {
    fmt::print("{}", app.help());
    return 0;
  }
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail(1, "cannot write to stdout (is the disk full?)");
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::string command = argv[1][0] == '-' ? "" : fmt::format(" {}", argv[1]);
    return fail(2, fmt::format("{} (see skylift{} --help)", error.what(), command));
  } catch (const skylift::Error& error) {
    return fail(2, error.what());
  } catch (const skylift::StoppedBySignal& stopped) {
    return fail(stopped.exit_status, stopped.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
