#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "skylift/core/rng.h"

namespace skylift {
namespace {

TEST(Rng, IsTheSameEverywhere) {
  Rng rng(42);
  EXPECT_EQ(rng.next(), 13679457532755275413ULL);  // SplitMix64's published sequence for seed 42
  EXPECT_EQ(rng.next(), 2949826092126892291ULL);
}

TEST(Rng, KeysGiveIndependentGenerators) {
  std::set<uint64_t> firsts;
  for (uint64_t epoch = 0; epoch < 10; ++epoch) {
    for (uint64_t index = 0; index < 100; ++index) firsts.insert(Rng::of({1, epoch, index}).next());
  }
  EXPECT_EQ(firsts.size(), 1000U);
  EXPECT_NE(Rng::of({1, 2}).next(), Rng::of({2, 1}).next());
}

TEST(Rng, DistributionsHaveTheirMoments) {
  Rng rng(7);
  double sum = 0, square = 0;
  int low = 0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.normal(1, 2);
    sum += value;
    square += value * value;
    low += rng.index(4) == 0;
  }
  EXPECT_NEAR(sum / kDraws, 1, 0.03);
  EXPECT_NEAR(square / kDraws - 1, 4, 0.1);
  EXPECT_NEAR(static_cast<double>(low) / kDraws, 0.25, 0.01);
}

}  // namespace
}  // namespace skylift
