#include "skylift/core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace skylift {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto created = std::make_shared<spdlog::logger>("skylift", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    created->set_pattern("%^%v%$");
    return created;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) {
  logger().set_level(level == LogLevel::off       ? spdlog::level::off
                     : level == LogLevel::warning ? spdlog::level::warn
                                                  : spdlog::level::info);
}

void write_log(LogLevel level, std::string_view message) {
  if (level == LogLevel::warning) {
    logger().warn("warning: {}", message);
  } else if (level == LogLevel::info) {
    logger().info("{}", message);
  }
}

}  // namespace skylift
