// A TOML config, and a KEY=VALUE of the command line.
#include "fuzz/fuzz.h"
#include "skylift/models/model_options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace skylift;
  static const MemoryFile memory("config");
  ModelOptions options;
  OptionTable table;
  bind(table.root().section("model"), options);
  if (size > 0 && data[0] == '=') return fuzz([&] { table.set(text_of(data + 1, size - 1)); });
  return fuzz([&] {
    table.load_toml(memory.fill(text_of(data, size)));
    table.to_toml(true);
  });
}
