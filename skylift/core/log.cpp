#include "skylift/core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>

#include "skylift/core/log_interlude.h"

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

struct Interlude {
  std::mutex mutex;
  std::function<void()> clear;
};

Interlude& interlude() {
  static Interlude instance;
  return instance;
}

thread_local HeardWarnings* listener = nullptr;

}  // namespace

HeardWarnings::HeardWarnings() : outer_(std::exchange(listener, this)) {}
HeardWarnings::~HeardWarnings() { listener = outer_; }

void set_before_log(std::function<void()> clear) {
  const std::lock_guard lock(interlude().mutex);
  interlude().clear = std::move(clear);
}

void set_log_level(LogLevel level) {
  logger().set_level(level == LogLevel::off       ? spdlog::level::off
                     : level == LogLevel::warning ? spdlog::level::warn
                                                  : spdlog::level::info);
}

void write_log(LogLevel level, std::string_view message) {
  if (listener && level == LogLevel::warning) listener->messages.emplace_back(message);
  const std::lock_guard lock(interlude().mutex);
  if (interlude().clear && logger().should_log(level == LogLevel::warning ? spdlog::level::warn : spdlog::level::info))
    interlude().clear();
  if (level == LogLevel::warning) {
    logger().warn("warning: {}", message);
  } else if (level == LogLevel::info) {
    logger().info("{}", message);
  }
}

}  // namespace skylift
