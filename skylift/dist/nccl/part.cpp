// libskylift_nccl.so: what skylift/dist/nccl.cpp loads. Its symbols of libtorch_cuda are found where that is loaded already.
#define USE_C10D_NCCL  // libtorch_cuda holds it; its headers ask
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

extern "C" c10d::Backend* skylift_nccl_group(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count) {
  // Who is gone is found by the heartbeat; a wait for rank 0, which scores alone, is no error.
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::hours(24 * 30);
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, count, options).release();
}
