// Where a plain training step spends its time: the network's own forward and backward against all the rest, and what
// assigning very many objects costs.
//   step_parts CONFIG [--rounds N] [--batch N] [--side PX] [--objects N] [--classes N] [--assign N] [--ops]
// Objects are boxes of 8 to 48 px at random. The network's backward pass begins at its output maps: the losses are
// differentiated to there first. Parts are medians over the rounds, of the wall clock and of the CPU time of all threads,
// which other work on the machine disturbs less. --assign: of so many objects at 1333x800 px too, the best of 9 times
// (wall clock), with the resident memory it adds. --ops: time per torch operation outside the network. Prints JSON.
#include <ATen/record_function.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/train/learner.h"
#include "skylift/train/run_options.h"
#include "skylift/train/step.h"
#include "skylift/train/tensor_memory.h"

namespace {

using namespace skylift;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

bool in_network = true;
std::map<std::string, double> operations;  // ms outside the network

struct Started : at::ObserverContext {
  Clock::time_point at = Clock::now();
};

void watch_operations() {
  at::addGlobalCallback(at::RecordFunctionCallback(
      [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> {
        return in_network ? nullptr : std::make_unique<Started>();
      },
      [](const at::RecordFunction& function, at::ObserverContext* context) {
        if (context != nullptr)
          operations[function.name()] += Milliseconds(Clock::now() - static_cast<Started*>(context)->at).count();
      }));
}

Targets random_targets(int64_t objects, int64_t classes, double width, double height) {
  const at::Tensor size = 8 * at::pow(6.0, at::rand({objects, 2}));
  const at::Tensor corner = at::rand({objects, 2}) * (at::tensor({width, height}).to(at::kFloat) - size);
  return {at::cat({corner, corner + size}, 1), at::randint(classes, {objects}, at::kLong), at::empty({0, 4})};
}

ImageGeometry whole(int width, int height) {
  return {.original_width = width, .original_height = height, .content_width = width, .content_height = height};
}

PackedBatch random_batch(int batch_size, int side, int64_t objects, int64_t classes) {
  PackedBatch packed;
  packed.rgb = at::randint(256, {batch_size, side, side, 3}, at::kByte);
  packed.sizes.assign(static_cast<size_t>(batch_size), {side, side});
  Batch& batch = packed.batch;
  for (int i = 0; i < batch_size; ++i) {
    batch.targets.push_back(random_targets(objects, classes, side, side));
    batch.geometries.push_back(whole(side, side));
    batch.image_indices.push_back(i);
  }
  return packed;
}

/// The output cut off from the network: leaves that collect the losses' gradients.
DenseOutput cut(const DenseOutput& output) {
  DenseOutput leaves = output;
  for (LevelOutput& level : leaves.levels) {
    for (at::Tensor* map : {&level.cls_logits, &level.box_logits}) *map = map->detach().requires_grad_();
  }
  return leaves;
}

/// Backward through the network from what the leaves have collected.
void network_backward(const DenseOutput& output, const DenseOutput& leaves) {
  std::vector<at::Tensor> maps, gradients;
  for (size_t i = 0; i < output.levels.size(); ++i) {
    for (at::Tensor LevelOutput::*map : {&LevelOutput::cls_logits, &LevelOutput::box_logits}) {
      maps.push_back(output.levels[i].*map);
      gradients.push_back((leaves.levels[i].*map).grad());
    }
  }
  torch::autograd::backward(maps, gradients);
}

struct Parts {
  std::map<std::string, std::vector<double>> ms, cpu;
  bool counts = false;

  template <class Work>
  auto time(const std::string& name, const Work& work) {
    struct Stop {
      Parts& parts;
      const std::string& name;
      Clock::time_point begun = Clock::now();
      double cpu = cpu_ms();
      ~Stop() {
        in_network = true;
        if (!parts.counts) return;
        parts.ms[name].push_back(Milliseconds(Clock::now() - begun).count());
        parts.cpu[name].push_back(cpu_ms() - cpu);
      }
    };
    in_network = !counts || name.starts_with("network");
    const Stop stop{*this, name};
    return work();
  }
};

void step(Parts& parts, Learner& learner, const RunOptions& options, const ComputeDevice& compute,
          const PackedBatch& loaded, int64_t number) {
  const Batch batch = parts.time("batch", [&] { return loaded.unpacked(compute.device, compute.memory_format); });
  const DenseOutput output = parts.time("network forward", [&] {
    const AutocastScope autocast(compute);
    return learner.student().forward(batch.images);
  });
  const DenseOutput leaves = cut(output);
  const StepForward forward = parts.time("assignment", [&] { return assigned(leaves, {}, batch, options.assign); });
  const LossTerms terms = parts.time(
      "losses", [&] { return detection_loss(forward.student, forward.grid, forward.assignment, options.loss); });
  parts.time("losses backward", [&] {
    total_of(terms).backward();
    return loss_values({terms});
  });
  parts.time("network backward", [&] { network_backward(output, leaves); });
  parts.time("update", [&] { return learner.update(0.001, number); });
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// {part: ms} and the share outside the network.
nlohmann::json shares(const std::map<std::string, std::vector<double>>& parts) {
  nlohmann::json table;
  double all = 0, outside = 0;
  for (const auto& [name, ms] : parts) {
    table["ms"][name] = median(ms);
    all += median(ms);
    if (!name.starts_with("network")) outside += median(ms);
  }
  table["outside"] = outside / all;
  return table;
}

double resident_peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

nlohmann::json assign_many(int64_t objects, const AtssOptions& options) {
  const PointGrid grid =
      make_point_grid({{100, 167}, {50, 84}, {25, 42}, {13, 21}, {7, 11}}, {8, 16, 32, 64, 128}, c10::kCPU);
  const Targets targets = random_targets(objects, 10, 1333, 800);
  const auto assign = [&] { return assign_atss(grid, {targets}, {whole(1333, 800)}, options); };
  const double before = resident_peak_mib();
  std::vector<double> ms;
  for (int i = 0; i < 9; ++i) {
    const auto begun = Clock::now();
    assign();
    ms.push_back(Milliseconds(Clock::now() - begun).count());
  }
  return {{"objects", objects}, {"ms", std::ranges::min(ms)}, {"added_mib", resident_peak_mib() - before}};
}

void run(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool ops = std::erase(arguments, "--ops") > 0;
  if (arguments.empty()) throw Error("usage: step_parts CONFIG [--rounds N] [--batch N] ...");
  std::map<std::string, int> number = {{"--rounds", 7},    {"--batch", 4},    {"--side", 640},
                                       {"--objects", 300}, {"--classes", 10}, {"--assign", 0}};
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) number.at(arguments[i]) = std::stoi(arguments[i + 1]);
  reuse_tensor_memory();
  at::manual_seed(1);
  RunOptions options = read_run_options(arguments[0], {"model.backbone.weights=\"\""});
  nlohmann::json result;
  if (number["--assign"] > 0) result["assignment"] = assign_many(number["--assign"], options.assign);

  const ComputeDevice compute = open_device(options.train.compute);
  auto student = std::make_shared<Detector>(options.model, number["--classes"]);
  student->train();
  Learner learner(student, nullptr, options, compute, number["--batch"]);
  const PackedBatch batch = random_batch(number["--batch"], number["--side"], number["--objects"], number["--classes"]);
  Parts parts;
  if (ops) watch_operations();
  for (int round = -2; round < number["--rounds"]; ++round) {
    parts.counts = round >= 0;
    step(parts, learner, options, compute, batch, round + 2);
  }
  result["wall"] = shares(parts.ms);
  result["cpu"] = shares(parts.cpu);
  result["peak_memory_mib"] = resident_peak_mib();
  for (const auto& [name, ms] : operations) result["operations_ms"][name] = ms / number["--rounds"];
  fmt::print("{}\n", result.dump(1));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "step_parts: {}\n", error.what());
    return 1;
  }
  return 0;
}
