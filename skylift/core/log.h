// Talk for people, to stderr: results never go through here. A thin front of spdlog, so that only log.cpp includes it.
// A program that embeds the library may silence it with set_log_level(LogLevel::off).
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skylift {

enum class LogLevel { info, warning, off };

void set_log_level(LogLevel level);
void write_log(LogLevel level, std::string_view message);

/// While it lives, what this thread warns of, whatever the level: for who has another place to say it.
class HeardWarnings {
 public:
  HeardWarnings();
  ~HeardWarnings();
  HeardWarnings(const HeardWarnings&) = delete;
  HeardWarnings& operator=(const HeardWarnings&) = delete;

  std::vector<std::string> messages;

 private:
  HeardWarnings* outer_;
};

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  write_log(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  write_log(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace skylift
