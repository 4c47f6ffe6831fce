#include "skylift/train/tensor_memory.h"

#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>  // defines __GLIBC__
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace skylift {
namespace {

constexpr size_t alignment = 64;  // bytes, as libtorch has it

/// Where malloc's block begins stands right before the tensor: malloc aligns to 16 bytes, so that there is room.
void*& block_of(void* tensor) { return static_cast<void**>(tensor)[-1]; }

void free_tensor(void* tensor) {
  if (tensor) std::free(block_of(tensor));
}

class TensorAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (size == 0) return {nullptr, cpu};
    void* block = std::malloc(size + alignment);
    if (!block) throw std::bad_alloc();
    void* tensor = static_cast<char*>(block) + alignment - reinterpret_cast<uintptr_t>(block) % alignment;
    block_of(tensor) = block;
    return {tensor, tensor, &free_tensor, cpu};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_tensor; }
  void copy_data(void* to, const void* from, size_t count) const override { default_copy_data(to, from, count); }
};

}  // namespace

void reuse_tensor_memory() {
#ifdef __GLIBC__
  constexpr int most = 1 << 30;  // bytes; what is larger than that is still mapped alone
  mallopt(M_MMAP_THRESHOLD, most);
  mallopt(M_TRIM_THRESHOLD, most);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
  static TensorAllocator allocator;
  c10::SetCPUAllocator(&allocator);
}

}  // namespace skylift
