#include "skylift/dist/nccl.h"

#include <dlfcn.h>

#include <filesystem>

#include "skylift/core/error.h"

namespace skylift {

c10::intrusive_ptr<c10d::Backend> nccl_group(const c10::intrusive_ptr<c10d::Store>& store, const ProcessPlace& place) {
  const auto file = std::filesystem::read_symlink("/proc/self/exe").replace_filename("libskylift_nccl.so");
  void* part = dlopen(file.c_str(), RTLD_NOW);
  if (!part) {
    throw Error(
        "several processes on CUDA need {}: {} (hint: it is built where CMake finds the headers of CUDA and NCCL)",
        file.string(), dlerror());
  }
  using Make = c10d::Backend* (*)(const c10::intrusive_ptr<c10d::Store>&, int, int);
  const auto make = reinterpret_cast<Make>(dlsym(part, "skylift_nccl_group"));
  return c10::intrusive_ptr<c10d::Backend>::reclaim(make(store, place.rank, place.count));
}

}  // namespace skylift
