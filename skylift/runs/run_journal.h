// Keeps run.json up to date while a run works: what the trainer calls when it starts, after each epoch, and at the end.
#pragma once

#include <chrono>

#include "skylift/runs/run_record.h"

namespace skylift {

/// What the trainer knows of a run when it starts.
struct RunFacts {
  std::string device;
  std::map<std::string, std::string> identity;  ///< see RunRecord
  std::vector<std::string> teachers = {};       ///< see RunRecord
  int64_t step = 0, total_steps = 0, epochs = 0;
};

/// Each change is written to FOLDER/run.json, and to the store of runs above the folder if there is one. The store is
/// an index: that it cannot be written is a warning, and the run goes on.
class RunJournal {
 public:
  /// The run is running. One that goes on keeps what its record says of earlier sessions.
  RunJournal(std::filesystem::path folder, const RunFacts& facts, bool goes_on);

  /// Unless it was said to have ended, it was interrupted.
  ~RunJournal();
  RunJournal(const RunJournal&) = delete;
  RunJournal& operator=(const RunJournal&) = delete;

  /// A step whose model files are written. `evaluation`: JSON; empty: none since the last one.
  void reached(int64_t step, double best_ap, const std::string& evaluation);

  void done();
  void diverged(const std::string& reason);

 private:
  void end(RunState state, const std::string& reason);
  void write();

  std::filesystem::path folder_;
  RunRecord record_;
  double seconds_before_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  bool store_is_told_ = true;
};

}  // namespace skylift
