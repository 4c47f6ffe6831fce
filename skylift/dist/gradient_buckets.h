// Sums the gradients of all processes while the backward pass still goes on: they are collected in buckets, from the
// network's end to its beginning as the pass reaches them, and a bucket that is full is on its way at once (Li et al.
// 2020, PyTorch Distributed).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace skylift {

class GradientBuckets {
 public:
  /// `parameters`: the same in every process, in the order of the forward pass; those that need no gradient are left
  /// out. One process: none of the functions does anything.
  explicit GradientBuckets(const std::vector<at::Tensor>& parameters, int64_t bucket_bytes = 4 << 20);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  /// The next backward pass is the last one of a step: what it leaves in the gradients is summed.
  void begin();

  /// After that pass: every gradient is the sum over all processes. A parameter that has none in this process counts as
  /// 0, and one that has none in any process is left without.
  void finish();

 private:
  struct Hook;
  struct Slot {
    at::Tensor parameter;
    size_t bucket = 0;
    int64_t offset = 0;   ///< in the bucket's values
    int64_t flag = 0;     ///< in the bucket's values: how many processes have a gradient
    bool filled = false;  ///< in this step
  };
  struct Bucket {
    at::Tensor values;  ///< the gradients one after another, then a flag for each
    int64_t elements = 0;
    int64_t count = 0, missing = 0;  ///< of parameters
    std::function<void()> wait;
  };

  void add(const at::Tensor& parameter, int64_t bucket_bytes);
  void fill(Slot& slot);
  void send_full();
  void take(const Slot& slot) const;

  std::vector<Slot> slots_;
  std::vector<Bucket> buckets_;
  size_t next_ = 0;  ///< bucket to be sent: their order is the same in every process
  bool collects_ = false;
};

}  // namespace skylift
