#include "skylift/train/tensor_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace skylift {
namespace {

TEST(TensorMemory, ATensorTakesTheHoleOfOneOfItsSize) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps freed memory from being used again";
#endif
  reuse_tensor_memory();
  constexpr int64_t size = 4'567'891;
  std::vector<at::Tensor> tensors;
  for (int i = 0; i < 5; ++i) tensors.push_back(at::empty({size}, at::kByte));
  const void* hole = tensors[2].data_ptr();
  tensors[2].reset();
  EXPECT_EQ(at::empty({size}, at::kByte).data_ptr(), hole);
}

TEST(TensorMemory, IsAlignedAndCanGrow) {
  reuse_tensor_memory();
  for (const int64_t size : {0, 1, 63, 64, 65, 1 << 20}) {
    at::Tensor tensor = at::arange(size, at::kFloat);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 64, 0U);
    tensor.resize_({2 * size});
    EXPECT_TRUE(tensor.slice(0, 0, size).equal(at::arange(size, at::kFloat)));
  }
}

}  // namespace
}  // namespace skylift
