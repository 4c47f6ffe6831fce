// How fast training batches are made, without a network: what benchmarks/peers/loader.py measures of PyTorch's
// DataLoader. Images a second from asking for an epoch's first batch to having its last; an epoch before those that
// count warms the file cache. Prints JSON.
//   load_batches ANNOTATIONS [--side PX] [--batch N] [--workers N] [--epochs N] [--cache-mb MB]
#include <fmt/core.h>
#include <sys/resource.h>

#include <chrono>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "skylift/core/error.h"
#include "skylift/data/dataset.h"
#include "skylift/data/loader.h"
#include "skylift/data/options.h"
#include "skylift/data/sample_source.h"

namespace {

using namespace skylift;

double images_per_second(Loader& loader, int64_t epoch) {
  const auto begun = std::chrono::steady_clock::now();
  int64_t images = 0;
  loader.start(epoch);
  while (const auto batch = loader.next()) images += batch->unpacked().images.size(0);
  return static_cast<double>(images) / std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

void run(int argc, char** argv) {
  std::map<std::string, int> number = {
      {"--side", 640}, {"--batch", 4}, {"--workers", 2}, {"--epochs", 2}, {"--cache-mb", 0}};
  if (argc < 2) throw Error("load_batches: expected a data set");
  for (int i = 2; i + 1 < argc; i += 2) number.at(argv[i]) = std::stoi(argv[i + 1]);
  DataOptions options;
  options.train = argv[1];
  options.input.long_side = options.input.short_side = number["--side"];
  options.cache_mb = number["--cache-mb"];
  const Dataset dataset = open_training_set(options);
  Loader loader(dataset.size(), training_source(dataset, options),
                {.batch_size = number["--batch"], .shuffle = true, .drop_last = true, .threads = number["--workers"]},
                options.input);
  nlohmann::json rates = nlohmann::json::array();
  for (int epoch = 0; epoch <= number["--epochs"]; ++epoch) {
    const double rate = images_per_second(loader, epoch);
    if (epoch > 0) rates.push_back(rate);
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const nlohmann::json result = {{"images_per_s", rates},
                                 {"peak_memory_mib", static_cast<double>(usage.ru_maxrss) / 1024}};
  fmt::print("{}\n", result.dump());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "load_batches: {}\n", error.what());
    return 1;
  }
  return 0;
}
