#include "skylift/dist/gradient_buckets.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <ranges>

#include "skylift/dist/processes.h"

namespace skylift {

struct GradientBuckets::Hook : torch::autograd::PostAccumulateGradHook {
  Hook(GradientBuckets& owner, size_t place) : buckets(owner), slot(place) {}
  void operator()(const at::Tensor&) override {
    if (buckets.collects_) buckets.fill(buckets.slots_[slot]);
  }
  GradientBuckets& buckets;
  size_t slot;
};

GradientBuckets::GradientBuckets(const std::vector<at::Tensor>& parameters, int64_t bucket_bytes) {
  if (process_count() == 1) return;
  for (const at::Tensor& parameter : parameters | std::views::reverse) {
    if (parameter.requires_grad()) add(parameter, bucket_bytes);
  }
  for (Slot& slot : slots_) slot.flag += buckets_[slot.bucket].elements;
  for (Bucket& bucket : buckets_) {
    const at::Tensor& like = slots_.front().parameter;
    bucket.values = at::zeros({bucket.elements + bucket.count}, like.options().requires_grad(false));
  }
}

GradientBuckets::~GradientBuckets() {
  for (const Slot& slot : slots_) torch::autograd::impl::set_post_acc_grad_hooks(slot.parameter, nullptr);
}

void GradientBuckets::add(const at::Tensor& parameter, int64_t bucket_bytes) {
  const int64_t bytes = static_cast<int64_t>(parameter.nbytes());
  if (buckets_.empty() || buckets_.back().elements * parameter.element_size() + bytes > bucket_bytes)
    buckets_.emplace_back();
  Bucket& bucket = buckets_.back();
  slots_.push_back({parameter, buckets_.size() - 1, bucket.elements, bucket.count});
  bucket.elements += parameter.numel();
  ++bucket.count;
  torch::autograd::impl::set_post_acc_grad_hooks(parameter, std::make_unique<Hook>(*this, slots_.size() - 1));
}

void GradientBuckets::begin() {
  for (Slot& slot : slots_) slot.filled = false;
  for (Bucket& bucket : buckets_) {
    bucket.values.zero_();
    bucket.missing = bucket.count;
  }
  next_ = 0;
  collects_ = true;
}

void GradientBuckets::fill(Slot& slot) {
  const at::NoGradGuard no_grad;
  Bucket& bucket = buckets_[slot.bucket];
  bucket.values.narrow(0, slot.offset, slot.parameter.numel())
      .view(slot.parameter.sizes())
      .copy_(slot.parameter.grad());
  bucket.values[slot.flag].fill_(1);
  slot.filled = true;
  --bucket.missing;
  send_full();
}

void GradientBuckets::send_full() {
  for (; next_ < buckets_.size() && buckets_[next_].missing == 0; ++next_)
    buckets_[next_].wait = begin_sum(buckets_[next_].values);
}

void GradientBuckets::take(const Slot& slot) const {
  const at::Tensor& values = buckets_[slot.bucket].values;
  // The flag is read only where it is not known: on a GPU that waits.
  if (!slot.filled && values[slot.flag].item<double>() == 0) return;
  at::Tensor& gradient = slot.parameter.mutable_grad();
  if (!gradient.defined()) gradient = at::empty_like(slot.parameter);
  gradient.copy_(values.narrow(0, slot.offset, slot.parameter.numel()).view(slot.parameter.sizes()));
}

void GradientBuckets::finish() {
  const at::NoGradGuard no_grad;
  for (Slot& slot : slots_) {
    if (!slot.filled && slot.parameter.grad().defined()) fill(slot);  // of an earlier pass of this step
  }
  for (Bucket& bucket : buckets_) bucket.missing = 0;
  send_full();
  for (Bucket& bucket : buckets_) bucket.wait();
  for (const Slot& slot : slots_) take(slot);
  collects_ = false;
}

}  // namespace skylift
