// A run's folder as a trainer leaves it, without training.
#pragma once

#include <filesystem>
#include <string>

#include "skylift/core/file.h"
#include "skylift/runs/run_record.h"

namespace skylift {

struct RunFolder {
  int seed = 0;
  std::string method = "none";
  double ap = 0.2;
  RunState state = RunState::done;
  ProcessId process = this_process();
};

inline void write_run(const std::filesystem::path& folder, const RunFolder& run = {}) {
  const std::string teacher = run.method == "none" ? "none" : "1234";
  write_file(folder / "config.toml", "[train]\nseed = " + std::to_string(run.seed) +
                                         "\n[train.optimizer]\nlr = 0.01\nname = \"sgd\"\n[kd]\nmethods = [\"" +
                                         (run.method == "none" ? "ld" : run.method) + "\"]\ninherit = false\n");
  write_file(
      folder / "metrics.jsonl",
      "{\"kind\":\"train\",\"step\":1,\"epoch\":0,\"loss\":4}\n{\"kind\":\"train\",\"step\":2,\"epoch\":0,\"loss\":2}\n"
      "{\"kind\":\"eval\",\"step\":2,\"epoch\":0,\"AP\":0.1}\n{\"kind\":\"train\",\"step\":3,\"epoch\":1,\"loss\":1}"
      "\n");
  write_run_record(folder, {.state = run.state,
                            .reason = "",
                            .command = {"skylift", "train"},
                            .code = "0.1.0",
                            .machine = {{"host", "here"}},
                            .identity = {{"teacher", teacher}, {"validation images", "abcd"}},
                            .process = run.process,
                            .begun = "2026-01-01T00:00:0" + std::to_string(run.seed) + "Z",
                            .changed = "2026-01-01T01:00:00Z",
                            .step = 3,
                            .total_steps = 4,
                            .epochs = 2,
                            .best_ap = run.ap,
                            .evaluation = "{\"protocol\": \"coco\", \"AP\": " + std::to_string(run.ap) +
                                          ", \"AP50\": 0.5, \"AP_small\": -1, \"images\": 3, \"per_class\": {\"car\": "
                                          "{\"AP\": 0.25, \"AP50\": 0.5}}}",
                            .models = {}});
}

}  // namespace skylift
