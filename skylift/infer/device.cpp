#include "skylift/infer/device.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <dlfcn.h>

#include <filesystem>

#include "skylift/core/error.h"
#include "skylift/dist/place.h"

namespace skylift {
namespace {

bool cpu_computes_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");  // machines with AMX have it too
#else
  return false;
#endif
}

/// libtorch's CUDA half lies beside its CPU half, if there is one; only who asks for a CUDA device pays for loading it.
/// libtorch looks for it once, so this comes before anything else that could ask. Returns why it failed, or nothing.
std::string load_cuda() {
  static const std::string failure = [] {
    Dl_info cpu_half{};
    dladdr(reinterpret_cast<void*>(&at::globalContext), &cpu_half);
    const auto file = std::filesystem::path(cpu_half.dli_fname).replace_filename("libtorch_cuda.so");
    if (!std::filesystem::exists(file)) return std::string("this libtorch is a CPU build");
    return std::string(dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL) ? "" : dlerror());
  }();
  return failure;
}

/// Of several processes on this machine each has a device of its own.
c10::DeviceIndex own_index() { return static_cast<c10::DeviceIndex>(process_place().local_rank); }

c10::Device parse_device(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  if (name != "cuda" && name.rfind("cuda:", 0) != 0)
    throw Error("device: got '{}', expected cpu, cuda or cuda:N", name);
  const std::string failure = load_cuda();
  if (!failure.empty()) throw Error("device: got '{}', but {} (hint: --set train.device=cpu)", name, failure);
  if (!at::hasCUDA())
    throw Error("device: got '{}', but this libtorch sees no CUDA device (hint: --set train.device=cpu)", name);
  const c10::Device device = name == "cuda" ? c10::Device(c10::kCUDA, own_index()) : c10::Device(name);
  const int64_t known = at::accelerator::deviceCount();
  if (device.has_index() && device.index() >= known)
    throw Error("device: got '{}', but there are {} CUDA devices here, from cuda:0 on", device.str(), known);
  if (device.has_index()) at::accelerator::setDeviceIndex(device.index());
  return device;
}

}  // namespace

void bind(OptionSection section, DeviceOptions& options) {
  section.add("device", options.device, "cpu, cuda or cuda:N");
  section.add("precision", options.precision, "auto: bf16 autocast where the hardware computes in it",
              one_of({"auto", "float32", "bf16"}));
  section.add("memory_format", options.memory_format,
              "layout of images and features in memory; auto: what measured faster",
              one_of({"auto", "contiguous", "channels_last"}));
  section.add("threads", options.threads, "threads of one operation on the CPU, 0: libtorch's choice",
              between(0, 1024));
}

ComputeDevice open_device(const DeviceOptions& options) {
  ComputeDevice compute;
  compute.device = parse_device(options.device);
  const bool bf16_possible = compute.device.is_cuda() || cpu_computes_bf16();
  if (options.precision == "bf16" && !bf16_possible) {
    throw Error("precision: got bf16, but this CPU has no bf16 arithmetic (hint: --set train.precision=float32)");
  }
  compute.bf16 = bf16_possible && options.precision != "float32";
  compute.memory_format =
      options.memory_format == "contiguous" ? c10::MemoryFormat::Contiguous : c10::MemoryFormat::ChannelsLast;
  if (options.threads > 0) at::set_num_threads(options.threads);
  return compute;
}

std::string ComputeDevice::description() const {
  return fmt::format("{}, {}, {}, {} threads", device.str(), bf16 ? "bf16" : "float32",
                     memory_format == c10::MemoryFormat::ChannelsLast ? "channels_last" : "contiguous",
                     at::get_num_threads());
}

void place(torch::nn::Module& module, const ComputeDevice& compute) {
  module.to(compute.device);
  for (at::Tensor& parameter : module.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(compute.memory_format));
  }
}

AutocastScope::AutocastScope(const ComputeDevice& compute) : type_(compute.device.type()), active_(compute.bf16) {
  if (!active_) return;
  before_ = at::autocast::is_autocast_enabled(type_);
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  at::autocast::set_autocast_enabled(type_, before_);
  at::autocast::clear_cache();
}

}  // namespace skylift
