// Forward and backward of a detector on the CPU: contiguous against channels_last, float32 against bf16 autocast, and
// what Light-ML adds. Variants take turns and the best turn counts, in CPU time, so that other work on the machine
// disturbs little.
//   model_step [ROUNDS] [SIDE] [BATCH] [--full] [--ops]
// --full: ResNet-18 with the reference's pyramid and head instead of a thin detector. --ops: CPU time per torch
// operation too.
#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <fmt/core.h>
#include <torch/torch.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "skylift/models/detector.h"

namespace {

using skylift::Detector;
using skylift::ModelOptions;

struct Variant {
  std::string name;
  std::shared_ptr<Detector> detector;
  at::MemoryFormat format;
  bool bf16;
  double best = 1e9;
  std::map<std::string, double> operations = {};
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::map<std::string, double>* tally = nullptr;

struct Started : at::ObserverContext {
  double at = cpu_seconds();
};

void step(Variant& variant, const at::Tensor& images) {
  at::autocast::set_autocast_enabled(at::kCPU, variant.bf16);
  const auto output = variant.detector->forward(images);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  at::Tensor loss = torch::zeros({});
  for (const auto& level : output.levels) {
    loss = loss + level.cls_logits.to(at::kFloat).square().mean() + level.box_logits.square().mean();
  }
  variant.detector->zero_grad();
  loss.backward();
}

void run(std::vector<Variant>& variants, int rounds, int64_t side, int64_t batch) {
  const at::Tensor images = torch::randn({batch, 3, side, side});
  for (int round = 0; round < rounds; ++round) {
    for (auto& variant : variants) {
      const at::Tensor input = images.contiguous(variant.format);
      tally = round + 1 == rounds ? &variant.operations : nullptr;
      const double start = cpu_seconds();
      step(variant, input);
      variant.best = std::min(variant.best, cpu_seconds() - start);
    }
  }
  tally = nullptr;
}

std::shared_ptr<Detector> make(const ModelOptions& options, at::MemoryFormat format) {
  torch::manual_seed(1);
  auto detector = std::make_shared<Detector>(options, 10);
  for (auto& parameter : detector->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.data().contiguous(format));
  }
  return detector;
}

std::vector<Variant> variants_of(ModelOptions options) {
  constexpr auto plain = at::MemoryFormat::Contiguous, last = at::MemoryFormat::ChannelsLast;
  std::vector<Variant> variants = {{"contiguous float32", make(options, plain), plain, false},
                                   {"channels_last float32", make(options, last), last, false},
                                   {"contiguous bf16", make(options, plain), plain, true},
                                   {"channels_last bf16", make(options, last), last, true}};
  options.head.lifting.enabled = true;
  variants.push_back({"contiguous float32 + Light-ML", make(options, plain), plain, false});
  variants.push_back({"channels_last float32 + Light-ML", make(options, last), last, false});
  variants.push_back({"channels_last bf16 + Light-ML", make(options, last), last, true});
  return variants;
}

void print(const std::vector<Variant>& variants, bool operations) {
  for (const auto& variant : variants) {
    fmt::print("  {:<34} {:8.3f} s   {:.2f}\n", variant.name, variant.best, variant.best / variants.front().best);
    if (!operations) continue;
    std::vector<std::pair<double, std::string>> sorted;
    for (const auto& [name, seconds] : variant.operations) sorted.emplace_back(seconds, name);
    std::sort(sorted.rbegin(), sorted.rend());
    for (size_t i = 0; i < std::min<size_t>(sorted.size(), 16); ++i)
      fmt::print("      {:<46} {:8.3f}\n", sorted[i].second, sorted[i].first);
  }
}

void watch_operations() {
  at::addGlobalCallback(at::RecordFunctionCallback(
      [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> {
        return tally == nullptr ? nullptr : std::make_unique<Started>();
      },
      [](const at::RecordFunction& function, at::ObserverContext* context) {
        if (context != nullptr && tally != nullptr)
          (*tally)[function.name()] += cpu_seconds() - static_cast<Started*>(context)->at;
      }));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool operations = std::erase(arguments, "--ops") > 0;
  const bool full = std::erase(arguments, "--full") > 0;
  const auto number = [&](size_t i, int fallback) { return i < arguments.size() ? std::stoi(arguments[i]) : fallback; };
  const int rounds = number(0, 5), side = number(1, 512), batch = number(2, 4);
  torch::set_num_threads(1);
  if (operations) watch_operations();
  ModelOptions options;
  if (!full) {
    options.backbone.width = 0.25;
    options.neck.channels = options.head.channels = 32;
    options.head.depth = 2;
  }
  auto variants = variants_of(options);
  run(variants, rounds, side, batch);
  fmt::print("{}, {}x{}, batch {}, CPU seconds a step, one thread\n",
             full ? "ResNet-18, pyramid 256, head 4 x 256" : "ResNet-18 of width 0.25, pyramid 32, head 2 x 32", side,
             side, batch);
  print(variants, operations);
}
