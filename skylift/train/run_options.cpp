#include "skylift/train/run_options.h"

namespace skylift {

void bind(OptionSection section, RunOptions& options) {
  bind(section.section("data"), options.data);
  bind(section.section("model"), options.model);
  bind(section.section("assign"), options.assign);
  bind(section.section("loss"), options.loss);
  bind(section.section("train"), options.train);
  bind(section.section("decode"), options.decode);
  bind(section.section("eval"), options.eval);
  bind(section.section("kd"), options.kd);
}

std::string config_text(RunOptions options) {
  OptionTable table;
  bind(table.root(), options);
  return table.to_toml();
}

}  // namespace skylift
