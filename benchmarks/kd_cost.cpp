// What distillation costs: time per training step and peak memory of every method relative to training without a
// teacher, of CID joined to it, of Light-ML, and of stored teacher signals.
//   kd_cost [--rounds N] [--batch N] [--side PX] [--density D] [--student TOML] [--teacher TOML] [--only NAME,NAME]
//           [--json FILE]
// Models and options come from the configs (default: configs/visdrone/cpu_*.toml), images are synthetic scenes. The
// variants take turns, one step each, so that other work on the machine hits all alike; a ratio is the median over the
// rounds of (its step / the plain step of that round). CPU time counts all threads. Memory: tensors at the step's peak,
// with the parameters, gradients and the optimizer's state of what is trained and the teacher's parameters.
#include <c10/core/CPUAllocator.h>
#include <fmt/core.h>
#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/text.h"
#include "skylift/data/loader.h"
#include "skylift/kd/crosskd.h"
#include "skylift/kd/methods.h"
#include "skylift/models/model_file.h"
#include "skylift/synth/synth.h"
#include "skylift/train/optimizer.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/step.h"

namespace {

using namespace skylift;

struct Arguments {
  int rounds = 7, batch = 4, side = 384;
  double density = 2;  ///< of the scenes' objects
  std::string student = "configs/visdrone/cpu_student.toml", teacher = "configs/visdrone/cpu_teacher.toml", only, json;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--rounds")
      a.rounds = std::stoi(value);
    else if (name == "--batch")
      a.batch = std::stoi(value);
    else if (name == "--side")
      a.side = std::stoi(value);
    else if (name == "--density")
      a.density = std::stod(value);
    else if (name == "--student")
      a.student = value;
    else if (name == "--teacher")
      a.teacher = value;
    else if (name == "--only")
      a.only = value;
    else if (name == "--json")
      a.json = value;
    else
      throw Error("kd_cost: unknown argument {}", name);
  }
  return a;
}

// ---- memory: an allocator that counts

std::atomic<int64_t> bytes_now{0}, bytes_peak{0};

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    void* base = nullptr;
    if (posix_memalign(&base, kHeader, size + kHeader) != 0) throw std::bad_alloc();
    *static_cast<int64_t*>(base) = static_cast<int64_t>(size);
    const int64_t now = bytes_now += static_cast<int64_t>(size);
    for (int64_t peak = bytes_peak; now > peak && !bytes_peak.compare_exchange_weak(peak, now);) {
    }
    void* data = static_cast<char*>(base) + kHeader;
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }  // oneDNN asks for plain pointers
  void copy_data(void* to, const void* from, size_t size) const override { default_copy_data(to, from, size); }

 private:
  static constexpr size_t kHeader = 64;  // holds the size, and keeps libtorch's alignment
  static void release(void* data) {
    if (data == nullptr) return;
    void* base = static_cast<char*>(data) - kHeader;
    bytes_now -= *static_cast<int64_t*>(base);
    free(base);
  }
};

int64_t parameter_bytes(const torch::nn::Module& module) {
  int64_t bytes = 0;
  for (const auto& parameter : module.parameters()) bytes += static_cast<int64_t>(parameter.nbytes());
  return bytes;
}

// ---- what is measured

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A student that several variants train in turn, so that memory holds one and not fifty.
struct Student {
  explicit Student(const RunOptions& run, int classes, const ComputeDevice& compute) : options(run) {
    torch::manual_seed(1);
    detector = std::make_shared<Detector>(options.model, classes);
    place(*detector, compute);
    detector->train();
    NamedParameters parameters;
    for (const auto& entry : detector->named_parameters()) parameters.emplace_back(entry.key(), entry.value());
    optimizer = std::make_unique<ScheduledOptimizer>(options.train.optimizer, parameters, 16);
    optimizer->set_factor(0.01);
  }
  RunOptions options;
  std::shared_ptr<Detector> detector;
  std::unique_ptr<ScheduledOptimizer> optimizer;
};

struct Variant {
  std::string name, compared_with;  ///< the second: of which variant it is a form; empty: plain
  Student* student;
  DistillOptions kd;
  std::unique_ptr<Distiller> distiller = nullptr;  ///< null: no teacher
  std::unique_ptr<ScheduledOptimizer> adapters = nullptr;
  const SignalCache* cache = nullptr;
  std::vector<double> cpu = {}, wall = {};
  int64_t memory = 0;
};

struct Bench {
  Arguments arguments;
  RunOptions options;
  ComputeDevice compute;
  std::filesystem::path folder;
  std::optional<Dataset> data;
  std::optional<Teacher> teacher;
  std::unique_ptr<Student> plain, lifted;
  std::vector<std::unique_ptr<SignalCache>> caches;
  std::vector<Variant> variants;
  std::vector<Batch> batches;
};

RunOptions read_config(const std::string& path) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  table.load_toml(path);
  return options;
}

void make_data(Bench& bench) {
  const Arguments& a = bench.arguments;
  bench.folder = std::filesystem::temp_directory_path() / fmt::format("skylift-kd-cost-{}", ::getpid());
  const int images = 3 * a.batch;
  const SynthOptions scenes{
      .width = a.side, .height = a.side, .seed = 7, .car_px_min = 10, .car_px_max = 24, .density = a.density};
  bench.data.emplace(write_scenes(scenes, images, bench.folder / "scenes", "coco"),
                     DatasetOptions{.classes = synth_classes(), .keep_empty = true});
  bench.options.data.input = {.long_side = a.side, .short_side = a.side};
  bench.options.data.augment = {.scale_min = 1, .scale_max = 1, .flip = 0.5, .photometric = 0};
  Loader loader(images, training_source(*bench.data, bench.options.data), {.batch_size = a.batch},
                bench.options.data.input);
  loader.start(0);
  while (auto batch = loader.next())
    bench.batches.push_back(batch->unpacked(bench.compute.device, bench.compute.memory_format));
}

void make_models(Bench& bench) {
  const int classes = static_cast<int>(synth_classes().size());
  torch::manual_seed(2);
  const RunOptions teacher = read_config(bench.arguments.teacher);
  const auto path = bench.folder / "teacher.safetensors";
  ModelCard card;
  card.options = teacher.model;
  card.classes = synth_classes();
  save_model(path, Detector(teacher.model, classes), card);
  bench.teacher.emplace(std::vector{path}, bench.options, *bench.data, bench.compute);
  bench.plain = std::make_unique<Student>(bench.options, classes, bench.compute);
  RunOptions lifted = bench.options;
  lifted.model.head.lifting.enabled = true;
  bench.lifted = std::make_unique<Student>(lifted, classes, bench.compute);
}

DistillOptions with(const Bench& bench, std::vector<std::string> methods, const std::string& region = "default") {
  DistillOptions kd = bench.options.kd;
  kd.methods = std::move(methods);
  kd.region = region;
  return kd;
}

/// BCKD everywhere and features at a region: the recipe's, where that is CID's.
DistillOptions with_features_at(const std::string& region) {
  DistillOptions kd = read_config("configs/visdrone/lite0_student.toml").kd;
  kd.own_region("pkd") = region;
  return kd;
}

void add(Bench& bench, const std::string& name, const std::string& compared_with, Student& student,
         const DistillOptions& kd, bool cached = false) {
  const auto chosen = split(bench.arguments.only, ',');
  if (!bench.arguments.only.empty() && !kd.methods.empty() && std::ranges::find(chosen, name) == chosen.end()) return;
  Variant variant{.name = name, .compared_with = compared_with, .student = &student, .kd = kd};
  variant.kd.of<CrossKdOptions>().tower_convs =
      std::min(variant.kd.of<CrossKdOptions>().tower_convs, bench.options.model.head.depth);
  if (!variant.kd.methods.empty()) {
    variant.distiller = std::make_unique<Distiller>(variant.kd, *student.detector, *bench.teacher->network->detector(),
                                                    bench.options.assign);
    place(*variant.distiller, bench.compute);
    NamedParameters parameters;
    for (const auto& entry : variant.distiller->named_parameters()) parameters.emplace_back(entry.key(), entry.value());
    if (!parameters.empty())
      variant.adapters = std::make_unique<ScheduledOptimizer>(bench.options.train.optimizer, parameters, 16);
  }
  if (cached) {
    RunOptions run = bench.options;
    run.kd = variant.kd;
    run.kd.cache = (bench.folder / fmt::format("signals-{}", bench.caches.size())).string();
    bench.caches.push_back(std::make_unique<SignalCache>(run, *bench.data, *bench.teacher));
    variant.cache = bench.caches.back().get();
  }
  bench.variants.push_back(std::move(variant));
}

void add_variants(Bench& bench) {
  Student &plain = *bench.plain, &lifted = *bench.lifted;
  add(bench, "plain", "", plain, with(bench, {}));
  add(bench, "plain + Light-ML", "", lifted, with(bench, {}));
  for (const std::string& method : distill_method_names()) {
    add(bench, method, "", plain, with(bench, {method}));
    if (method == "cid") continue;
    add(bench, method + " at CID's region", method, plain, with(bench, {method}, "cid"));
    add(bench, method + " + cid", method, plain, with(bench, {method, "cid"}));
  }
  add(bench, "bckd + features in boxes", "bckd", plain, with_features_at("boxes"));
  add(bench, "bckd + features at CID's region", "bckd", plain, with_features_at("cid"));
  add(bench, "the same + Light-ML", "bckd", lifted, with_features_at("cid"));
  add(bench, "cid + Light-ML", "cid", lifted, with(bench, {"cid"}));
  add(bench, "bckd + cid + Light-ML", "bckd", lifted, with(bench, {"bckd", "cid"}));
  add(bench, "cid (stored signals)", "cid", plain, with(bench, {"cid"}), true);
  add(bench, "ld (stored signals)", "ld", plain, with(bench, {"ld"}), true);
  add(bench, "ld + logit at CID's region (stored signals)", "ld", plain, with(bench, {"ld", "logit"}, "cid"), true);
  add(bench, "bckd (stored signals)", "bckd", plain, with(bench, {"bckd"}), true);
  add(bench, "cwd (stored signals)", "cwd", plain, with(bench, {"cwd"}), true);
}

void step(Bench& bench, Variant& variant, const Batch& batch) {
  const StepContext context{.student = *variant.student->detector,
                            .teacher = bench.teacher->network.get(),
                            .distiller = variant.distiller.get(),
                            .assign = bench.options.assign,
                            .loss = bench.options.loss,
                            .compute = bench.compute,
                            .cache = variant.cache};
  const LossTerms terms = loss_terms(context, batch);
  total_of(terms).backward();
  loss_values({terms});
  variant.student->optimizer->step();
  if (variant.adapters) {
    variant.adapters->set_factor(0.01);
    variant.adapters->step();
  }
}

/// Resident bytes of what a variant needs besides what a step allocates: weights, gradients and two moments (or one) of
/// what is trained, and the teacher.
int64_t resident_bytes(const Bench& bench, const Variant& variant) {
  const int64_t copies = bench.options.train.optimizer.name == "adamw" ? 4 : 3;
  int64_t bytes = copies * parameter_bytes(*variant.student->detector);
  if (variant.distiller) bytes += copies * parameter_bytes(*variant.distiller);
  if (variant.distiller && !variant.cache) bytes += parameter_bytes(*bench.teacher->network->detector());
  return bytes;
}

void measure(Bench& bench) {
  for (int round = -1; round < bench.arguments.rounds; ++round) {  // the first round warms up
    const Batch& batch = bench.batches[static_cast<size_t>(round + 1) % bench.batches.size()];
    for (Variant& variant : bench.variants) {
      const int64_t before = bytes_now;
      bytes_peak = before;
      const double cpu = cpu_seconds(), wall = wall_seconds();
      step(bench, variant, batch);
      if (round < 0) continue;
      variant.cpu.push_back(cpu_seconds() - cpu);
      variant.wall.push_back(wall_seconds() - wall);
      variant.memory = std::max(variant.memory, bytes_peak - before + resident_bytes(bench, variant));
    }
    fmt::print(stderr, "round {}/{}\n", round + 1, bench.arguments.rounds);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown CPU";
}

void print(const Bench& bench) {
  const Variant& plain = bench.variants.front();
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  double objects = 0;
  for (const Batch& batch : bench.batches) {
    for (const Targets& targets : batch.targets) objects += static_cast<double>(targets.labels.size(0));
  }
  fmt::print("{}; {}; batches of {} images of {} px with {:.0f} objects each; {} rounds; plain step {:.3f} s CPU\n\n",
             cpu_name(), bench.compute.description(), bench.arguments.batch, bench.arguments.side,
             objects / static_cast<double>(bench.data->size()), bench.arguments.rounds, median(plain.cpu));
  fmt::print("| training | CPU time / plain | wall time / plain | peak memory / plain | CPU time / method alone |\n");
  fmt::print("|---|---|---|---|---|\n");
  for (const Variant& variant : bench.variants) {
    const double cpu = ratio(variant.cpu, plain.cpu), wall = ratio(variant.wall, plain.wall);
    const double memory = static_cast<double>(variant.memory) / static_cast<double>(plain.memory);
    std::string alone;
    for (const Variant& other : bench.variants) {
      if (other.name == variant.compared_with) alone = fmt::format("{:.3f}", ratio(variant.cpu, other.cpu));
    }
    fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} | {} |\n", variant.name, cpu, wall, memory, alone);
    rows.push_back({{"name", variant.name}, {"cpu", cpu}, {"wall", wall}, {"memory", memory}});
  }
  if (!bench.arguments.json.empty()) write_file(bench.arguments.json, rows.dump(1) + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  static CountingAllocator allocator;
  c10::SetCPUAllocator(&allocator, 1);
  try {
    Bench bench;
    bench.arguments = parse(argc, argv);
    bench.options = read_config(bench.arguments.student);
    bench.compute = open_device(bench.options.train.compute);
    make_data(bench);
    make_models(bench);
    add_variants(bench);
    measure(bench);
    print(bench);
    std::filesystem::remove_all(bench.folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kd_cost: {}\n", error.what());
    return 1;
  }
  return 0;
}
