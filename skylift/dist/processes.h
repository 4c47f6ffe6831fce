// The processes of one training, as torchrun starts them: sums over all of them, and what they tell each other. Every
// function here is called by all processes alike, in the same order. One process alone is the same with nothing to say:
// then each function returns at once what it was given.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace skylift {

/// While it lives, this process is one of its job's (place.h), and a thread watches that the others are there: where
/// one has been silent for 30 s it names the rank and ends the process with status 2. Others inside it change nothing.
class JoinedProcesses {
 public:
  /// `on_gpu`: tensors of a CUDA device are summed too. Error: the others, or their store, cannot be reached.
  explicit JoinedProcesses(bool on_gpu);
  /// Waits for the others, unless an error is on its way.
  ~JoinedProcesses();
  JoinedProcesses(const JoinedProcesses&) = delete;
  JoinedProcesses& operator=(const JoinedProcesses&) = delete;
};

int process_rank();   ///< 0 while nothing is joined
int process_count();  ///< 1 while nothing is joined
inline bool is_first_process() { return process_rank() == 0; }

// All below: Error, naming the rank: another process is gone.

/// The sum over all processes, of any shape; the gradient of each part is the sum of all processes' gradients.
at::Tensor sum_over_processes(const at::Tensor& values);
std::vector<double> sum_over_processes(std::vector<double> values);

/// Whether it is so in any process.
bool in_any_process(bool here);

/// Begins to replace `values` (contiguous) by their sum over all processes; it is there when what is returned has been
/// called. Such sums stand in an order of their own, apart from all else.
std::function<void()> begin_sum(const at::Tensor& values);

/// Overwrites the tensors with those of rank 0.
void copy_from_first(const std::vector<at::Tensor>& tensors);

/// By rank, in every process.
std::vector<std::string> texts_of_processes(const std::string& own);

void wait_for_processes();

/// What the first process makes, the others read.
template <class Work>
void first_then_others(const Work& work) {
  if (is_first_process()) work();
  wait_for_processes();
  if (!is_first_process()) work();
}

/// Seconds in which this process has waited for others so far.
double seconds_waited_for_processes();

}  // namespace skylift
