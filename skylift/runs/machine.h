// On which machine, by which process and by which command a run is made. From /proc, so Linux alone.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skylift {

/// "host", "cpu" (its model), "cores", "memory" and "system", as texts for people.
std::map<std::string, std::string> machine_facts();

/// The command line of this process.
std::vector<std::string> command_line();

/// A process among all that ever ran: its number is given again, so the time it began stands beside it.
struct ProcessId {
  std::string host, boot;  ///< the machine's name, and which of its starts
  std::string numbers;     ///< the pid namespace: where the number means anything
  int64_t pid = 0;
  std::string started;  ///< clock ticks since boot
};

ProcessId this_process();

/// Whether it may still run. Of a process on another machine or in another container nothing is known: true.
bool may_be_alive(const ProcessId& process);

}  // namespace skylift
