#include "skylift/train/step_clock.h"

#include <ATen/DeviceAccelerator.h>
#include <sys/resource.h>

#include <algorithm>

#include "skylift/dist/processes.h"

namespace skylift {
namespace {

double peak_memory_mib(const ComputeDevice& compute) {
  constexpr double mib = 1 << 20;
  if (compute.device.is_cpu()) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024 / mib;
  }
  const auto stats = at::accelerator::getDeviceStats(compute.device.has_index() ? compute.device.index() : 0);
  return static_cast<double>(stats.allocated_bytes.front().peak) / mib;
}

}  // namespace

std::vector<std::pair<std::string, double>> StepClock::values(int64_t images, double exchanged) const {
  using Seconds = std::chrono::duration<double>;
  const double all = std::max(Seconds(Clock::now() - begun_).count(), 1e-9);
  const double now = Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::pair<std::string, double>> values = {{"time", now},
                                                        {"images_per_s", static_cast<double>(images) / all},
                                                        {"data_wait", Seconds(waited_).count() / all},
                                                        {"peak_memory_mib", peak_memory_mib(compute_)}};
  if (process_count() > 1) values.emplace_back("exchange_wait", exchanged / all);
  return values;
}

}  // namespace skylift
