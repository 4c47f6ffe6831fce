#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/parallel.h"

namespace skylift {
namespace {

TEST(Parallel, VisitsEachItemOnce) {
  for (int threads : {1, 3, 0}) {
    std::vector<std::atomic<int>> visits(1000);
    parallel_for(visits.size(), threads, [&](size_t i) { ++visits[i]; });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 2, [](size_t) { FAIL(); });
}

TEST(Parallel, TheFirstExceptionComesOut) {
  EXPECT_THROW(parallel_for(100, 4,
                            [](size_t i) {
                              if (i == 17) throw Error("item {}", i);
                            }),
               Error);
}

}  // namespace
}  // namespace skylift
