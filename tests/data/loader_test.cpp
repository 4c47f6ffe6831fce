#include "skylift/data/loader.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <set>

#include "skylift/core/error.h"
#include "tests/data/sets.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Batch> drain(Loader& loader) {
  std::vector<Batch> batches;
  while (const auto batch = loader.next()) batches.push_back(batch->unpacked());
  return batches;
}

void expect_identical(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.image_indices, b.image_indices);
  EXPECT_TRUE(at::equal(a.images, b.images));
  ASSERT_EQ(a.targets.size(), b.targets.size());
  for (size_t i = 0; i < a.targets.size(); ++i) {
    EXPECT_TRUE(at::equal(a.targets[i].boxes_xyxy, b.targets[i].boxes_xyxy));
    EXPECT_TRUE(at::equal(a.targets[i].labels, b.targets[i].labels));
    EXPECT_TRUE(at::equal(a.targets[i].ignored_xyxy, b.targets[i].ignored_xyxy));
  }
}

/// 23 small images under the whole training pipeline.
class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    options.input.long_side = options.input.short_side = 64;
    options.augment.crop_px = 48;
    loader_options = {.batch_size = 4, .shuffle = true, .drop_last = true, .seed = 11, .threads = 2, .prefetch = 3};
  }
  Loader make(int threads) {
    loader_options.threads = threads;
    return Loader(dataset.size(), training_source(dataset, options), loader_options, options.input);
  }
  TestFolder folder{"loader"};
  Dataset dataset{write_small_set(folder.path, 23), {}};
  DataOptions options;
  LoaderOptions loader_options;
};

TEST_F(LoaderTest, BatchesDoNotDependOnTheNumberOfThreads) {
  Loader one = make(1);
  one.start(5);
  const auto expected = drain(one);
  ASSERT_EQ(expected.size(), 5U);
  for (const int threads : {2, 4}) {
    Loader several = make(threads);
    several.start(5);
    const auto batches = drain(several);
    ASSERT_EQ(batches.size(), expected.size());
    for (size_t i = 0; i < batches.size(); ++i) expect_identical(batches[i], expected[i]);
  }
}

TEST_F(LoaderTest, AResumedEpochGoesOnWithTheSameBatches) {
  Loader whole = make(2), resumed = make(2);
  whole.start(3);
  const auto expected = drain(whole);
  resumed.start(3, 2);
  const auto rest = drain(resumed);
  ASSERT_EQ(rest.size(), expected.size() - 2);
  for (size_t i = 0; i < rest.size(); ++i) expect_identical(rest[i], expected[i + 2]);
}

TEST_F(LoaderTest, EpochsDifferInOrderAndAugmentation) {
  Loader loader = make(2);
  loader.start(0);
  const auto first = drain(loader);
  loader.start(1);
  const auto second = drain(loader);
  std::set<int64_t> seen;
  bool same_order = true;
  for (size_t i = 0; i < first.size(); ++i) {
    same_order = same_order && first[i].image_indices == second[i].image_indices;
    seen.insert(first[i].image_indices.begin(), first[i].image_indices.end());
  }
  EXPECT_FALSE(same_order);
  EXPECT_EQ(seen.size(), 20U) << "no image twice in an epoch";
  loader_options.shuffle = false;
  Loader ordered = make(1);
  ordered.start(0);
  const auto a = ordered.next();
  ordered.start(1);
  const auto b = ordered.next();
  EXPECT_EQ(a->batch.image_indices, b->batch.image_indices);
  EXPECT_FALSE(at::equal(a->rgb, b->rgb));
}

TEST_F(LoaderTest, EvaluationKeepsTheOrderAndTheLastBatch) {
  Loader loader(dataset.size(), evaluation_source(dataset, options.input), {.batch_size = 10}, options.input);
  EXPECT_EQ(loader.batches_per_epoch(), 3);
  loader.start(0);
  const auto batches = drain(loader);
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_THAT(batches[2].image_indices, ElementsAre(20, 21, 22));
  EXPECT_EQ(batches[2].images.sizes(), at::IntArrayRef({3, 3, 64, 64}));
  EXPECT_FALSE(loader.next().has_value()) << "an epoch that is over stays over";
}

Sample tiny_sample(int64_t index) {
  Sample sample;
  sample.rgb = cv::Mat(4, 4, CV_8UC3, cv::Scalar::all(double(index)));
  sample.image_index = index;
  return sample;
}

TEST(LoaderErrorTest, AFailureSurfacesAtItsBatchAndOnlyThere) {
  for (const int threads : {1, 3}) {
    const auto source = [](int64_t index, Rng) {
      if (index == 5 || index == 4) throw Error("image {} is bad", index);
      return tiny_sample(index);
    };
    Loader loader(9, source, {.batch_size = 2, .threads = threads}, {});
    loader.start(0);
    EXPECT_THAT(loader.next()->batch.image_indices, ElementsAre(0, 1));
    EXPECT_THAT(loader.next()->batch.image_indices, ElementsAre(2, 3));
    EXPECT_EQ(error_of([&] { loader.next(); }), "image 4 is bad")
        << "the first of the batch, whichever thread was faster";
    EXPECT_THAT(loader.next()->batch.image_indices, ElementsAre(6, 7));
    EXPECT_THAT(loader.next()->batch.image_indices, ElementsAre(8));
    EXPECT_FALSE(loader.next().has_value());
  }
}

TEST(LoaderErrorTest, EmptyAndTooSmallSetsAreErrors) {
  const auto source = [](int64_t index, Rng) { return tiny_sample(index); };
  EXPECT_THROW(Loader(0, source, {}, {}), Error);
  EXPECT_THROW(Loader(3, source, {.batch_size = 4, .drop_last = true}, {}), Error);
  EXPECT_NO_THROW(Loader(3, source, {.batch_size = 4}, {}));
}

TEST(LoaderUnlabelledTest, AnImageThatComesAgainLooksOtherwise) {
  std::mutex lock;
  std::map<int64_t, std::set<int64_t>> drawn;
  int64_t times = 0;
  const auto source = [&](int64_t index, Rng rng) {
    const std::lock_guard held(lock);
    if (index >= 20) drawn[index].insert(rng.index(1000000)), ++times;
    return tiny_sample(index);
  };
  Loader loader(20, source, {.batch_size = 2, .threads = 2, .unlabelled = 2, .unlabelled_count = 3}, {});
  loader.start(0);
  drain(loader);
  size_t different = 0;
  for (const auto& [index, numbers] : drawn) different += numbers.size();
  EXPECT_EQ(times, 20);
  EXPECT_EQ(different, 20U);
}

TEST(LoaderMemoryTest, NeverWorksFurtherAheadThanAsked) {
  std::atomic<int64_t> loaded = 0;
  const auto source = [&](int64_t index, Rng) {
    ++loaded;
    return tiny_sample(index);
  };
  Loader loader(1000, source, {.batch_size = 2, .threads = 4, .prefetch = 3}, {});
  loader.start(0);
  for (int64_t taken = 1; taken <= 20; ++taken) {
    loader.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_LE(loaded, 2 * (taken + 3));
  }
}

TEST(LoaderMemoryTest, StopsCleanlyInTheMiddle) {
  const auto source = [](int64_t index, Rng) { return tiny_sample(index); };
  for (int i = 0; i < 50; ++i) {
    Loader loader(1000, source, {.batch_size = 2, .threads = 4}, {});
    loader.start(0);
    if (i % 2) loader.next();
    if (i % 3) loader.start(1);
  }
}

TEST(LoaderTestData, RandomNumbersDependOnSeedEpochAndSample) {
  const auto first_number = [](uint64_t seed, int64_t epoch) {
    std::vector<uint64_t> numbers(3);
    const auto source = [&](int64_t index, Rng rng) {
      numbers[static_cast<size_t>(index)] = rng.next();
      return tiny_sample(index);
    };
    Loader loader(3, source, {.seed = seed}, {});
    loader.start(epoch);
    drain(loader);
    return numbers;
  };
  const auto base = first_number(1, 0);
  EXPECT_EQ(base, first_number(1, 0));
  EXPECT_NE(base[0], base[1]);
  EXPECT_NE(base, first_number(2, 0));
  EXPECT_NE(base, first_number(1, 1));
}

}  // namespace
}  // namespace skylift
