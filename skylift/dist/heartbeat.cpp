#include "skylift/dist/heartbeat.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace skylift {
namespace {

constexpr std::chrono::seconds kBeat{1};
constexpr std::chrono::seconds kLost{30};

/// From a thread beside the work, which may hang in a system call: nothing but the end of the process ends that.
[[noreturn]] void end_process(const std::string& message) {
  fmt::print(stderr, "skylift: {}\n", message);
  ::_exit(2);
}

}  // namespace

Heartbeat::Heartbeat(c10::intrusive_ptr<c10d::Store> store, const ProcessPlace& place, const std::string& prefix)
    : store_(std::move(store)),
      place_(place),
      seen_(static_cast<size_t>(place.count)),
      heard_(static_cast<size_t>(place.count), Clock::now()) {
  for (int rank = 0; rank < place.count; ++rank) keys_.push_back(fmt::format("{}/beat/{}", prefix, rank));
  for (const std::string& key : keys_) store_->add(key, 0);  // so that none has to be waited for
  thread_ = std::thread([this] { run(); });
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

int Heartbeat::silent_for(std::chrono::seconds least) {
  const std::lock_guard lock(mutex_);
  const auto longest = std::min_element(heard_.begin(), heard_.end());
  return Clock::now() - *longest < least ? -1 : static_cast<int>(longest - heard_.begin());
}

void Heartbeat::beat() {
  store_->add(keys_[static_cast<size_t>(place_.rank)], 1);
  const auto counts = store_->multiGet(keys_);
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != seen_[i]) heard_[i] = Clock::now();
    seen_[i] = counts[i];
  }
}

void Heartbeat::run() {
  while (true) {
    try {
      beat();
    } catch (const std::exception&) {
      if (leaving_) return;
      end_process(
          fmt::format("rank {} of {}: the job's store at {}:{} is gone, and with it the machine or the process "
                      "that kept it",
                      place_.rank, place_.count, place_.host, place_.port));
    }
    const int silent = silent_for(kLost);
    if (silent >= 0 && !leaving_) {
      end_process(fmt::format("rank {} of {}: rank {} has been silent for {} s, so the job ends", place_.rank,
                              place_.count, silent, kLost.count()));
    }
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, kBeat, [this] { return stops_; })) return;
  }
}

}  // namespace skylift
