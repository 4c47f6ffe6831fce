#include "skylift/core/ordered_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

namespace skylift {
namespace {

PipelineStages<int> counting(int count, int& next, std::vector<int>& delivered) {
  return {.read = [count, &next](int& item) { return (item = next++) < count; },
          .work = [](int& item) { item *= 10; },
          .deliver = [&delivered](int& item) { delivered.push_back(item); }};
}

TEST(OrderedPipeline, DeliversInTheOrderOfReading) {
  for (const int threads : {1, 2, 7}) {
    int next = 0;
    std::vector<int> delivered, expected;
    auto stages = counting(200, next, delivered);
    stages.work = [](int& item) {
      if (item % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      item *= 10;
    };
    run_pipeline(threads, stages);
    for (int i = 0; i < 200; ++i) expected.push_back(10 * i);
    EXPECT_EQ(delivered, expected) << threads;
  }
}

TEST(OrderedPipeline, WorksSideBySide) {
  int next = 0;
  std::vector<int> delivered;
  auto stages = counting(2, next, delivered);
  std::atomic<int> present{0};
  stages.work = [&](int&) {  // neither returns before both are there
    ++present;
    while (present < 2) std::this_thread::yield();
  };
  run_pipeline(2, stages);
  EXPECT_EQ(delivered.size(), 2U);
}

TEST(OrderedPipeline, AnErrorInAnyStageEndsIt) {
  for (const std::string stage : {"read", "work", "deliver"}) {
    int next = 0;
    std::vector<int> delivered;
    auto stages = counting(50, next, delivered);
    const auto fail_at_20 = [](int item) {
      if (item / 10 == 20 || item == 20) throw std::runtime_error("twenty");
    };
    if (stage == "read") {
      stages.read = [&](int& item) {
        fail_at_20(next);
        return (item = next++) < 50;
      };
    } else if (stage == "work") {
      stages.work = [&](int& item) { fail_at_20(item); };
    } else {
      stages.deliver = [&](int& item) { fail_at_20(item); };
    }
    EXPECT_THROW(run_pipeline(3, stages), std::runtime_error) << stage;
    EXPECT_LT(delivered.size(), 50U);
  }
}

TEST(OrderedPipeline, NothingToRead) {
  int next = 0;
  std::vector<int> delivered;
  run_pipeline(3, counting(0, next, delivered));
  EXPECT_TRUE(delivered.empty());
}

}  // namespace
}  // namespace skylift
