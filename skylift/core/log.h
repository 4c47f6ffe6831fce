// Talk for people, to stderr: results never go through here. A thin front of spdlog, so that only log.cpp includes it.
// A program that embeds the library may silence it with set_log_level(LogLevel::off).
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace skylift {

enum class LogLevel { info, warning, off };

void set_log_level(LogLevel level);
void write_log(LogLevel level, std::string_view message);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  write_log(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  write_log(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace skylift
