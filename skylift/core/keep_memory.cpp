#include "skylift/core/keep_memory.h"

#include <cstdlib>  // defines __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace skylift {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int most = 1 << 30;  // bytes; what is larger than that is still mapped alone
  mallopt(M_MMAP_THRESHOLD, most);
  mallopt(M_TRIM_THRESHOLD, most);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace skylift
