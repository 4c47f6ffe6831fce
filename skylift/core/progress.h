// How the library tells a program that long work goes on; the program decides what to show (apps/progress_bar.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace skylift {

struct ProgressUpdate {
  std::string task;   ///< "train", "evaluate", ...
  int64_t done = 0;   ///< units finished
  int64_t total = 0;  ///< units in all; 0: not known
  std::string note;   ///< the latest numbers, e.g. "epoch 3/12  loss 1.24"
};

/// May be empty: nobody looks.
using ProgressCallback = std::function<void(const ProgressUpdate&)>;

}  // namespace skylift
