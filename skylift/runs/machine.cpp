#include "skylift/runs/machine.h"

#include <fmt/core.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "skylift/core/file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

/// What a file of "key : value" lines says first for a key; empty: nothing.
std::string first_value(const fs::path& path, const std::string& key) {
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    const size_t colon = line.find(':');
    if (colon != std::string::npos && trim(line.substr(0, colon)) == key)
      return std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return {};
}

utsname system_names() {
  utsname names{};
  ::uname(&names);
  return names;
}

/// Field 22 of /proc/PID/stat; the fields are counted behind the name, which may hold blanks. Empty: no such process,
/// or one that has ended and is only waited for.
std::string start_of(int64_t pid) {
  std::ifstream stream(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(stream, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::string state, field;
  fields >> state;
  if (state == "Z" || state == "X") return {};
  for (int i = 4; i <= 22; ++i) fields >> field;
  return field;
}

}  // namespace

std::map<std::string, std::string> machine_facts() {
  const utsname names = system_names();
  const auto kilobytes = parse_number(split(first_value("/proc/meminfo", "MemTotal"), ' ').front());
  return {{"host", names.nodename},
          {"cpu", first_value("/proc/cpuinfo", "model name")},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"memory", fmt::format("{:.1f} GiB", kilobytes.value_or(0) / (1 << 20))},
          {"system", fmt::format("{} {} {}", names.sysname, names.release, names.machine)}};
}

std::vector<std::string> command_line() {
  std::vector<std::string> arguments;
  std::ifstream stream("/proc/self/cmdline", std::ios::binary);
  for (std::string argument; std::getline(stream, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

ProcessId this_process() {
  ProcessId id{.host = system_names().nodename, .boot = {}, .numbers = {}, .pid = ::getpid(), .started = {}};
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id.boot;
  std::error_code unknown;
  id.numbers = fs::read_symlink("/proc/self/ns/pid", unknown).string();
  id.started = start_of(id.pid);
  return id;
}

bool may_be_alive(const ProcessId& process) {
  const ProcessId here = this_process();
  if (process.host != here.host) return true;
  if (process.boot != here.boot) return false;
  if (process.numbers != here.numbers) return true;
  return !process.started.empty() && start_of(process.pid) == process.started;
}

}  // namespace skylift
