#include "skylift/infer/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "skylift/core/rng.h"

namespace skylift {
namespace {

Detection found(double x, double y, double w, double h, double score, int label = 0) {
  return {{x, y, w, h}, score, label};
}

std::vector<Detection> merge(const std::vector<Detection>& detections, const std::string& method,
                             const std::string& metric = "iou", double threshold = 0.5, bool across = false) {
  return merge_detections(detections, {method, metric, threshold, across}, 1000);
}

TEST(Merge, NothingStaysNothing) { EXPECT_TRUE(merge({}, "nms").empty()); }

TEST(Merge, SuppressionKeepsTheBestOfEachClass) {
  const std::vector<Detection> detections = {found(0, 0, 10, 10, 0.5), found(1, 0, 10, 10, 0.9),
                                             found(0, 0, 10, 10, 0.7, 1), found(40, 40, 10, 10, 0.6)};
  const auto kept = merge(detections, "nms");
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[0].score, 0.9);
  EXPECT_EQ(kept[1].score, 0.7);
  EXPECT_EQ(kept[2].score, 0.6);
  EXPECT_EQ(merge(detections, "nms", "iou", 0.5, true).size(), 2U);
}

TEST(Merge, AnOverlapOfExactlyTheThresholdMatches) {
  const std::vector<Detection> halves = {found(0, 0, 10, 10, 0.9), found(0, 0, 10, 5, 0.8)};  // IoU 0.5, IoS 1
  EXPECT_EQ(merge(halves, "nms", "iou", 0.5).size(), 1U);
  EXPECT_EQ(merge(halves, "nms", "iou", 0.51).size(), 2U);
  EXPECT_EQ(merge(halves, "nms", "ios", 1.0).size(), 1U);
}

/// A lorry cut by a tile's edge: two parts that overlap, neither of them whole.
TEST(Merge, MergingGrowsOverTheParts) {
  const auto merged = merge({found(0, 0, 60, 20, 0.9), found(30, 0, 60, 20, 0.8)}, "greedy-nmm", "ios", 0.5);
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].score, 0.9);
  EXPECT_EQ(merged[0].box, (BoxXywh{0, 0, 90, 20}));
}

/// b matches a, c matches b alone.
TEST(Merge, ChainsAreOneGroupWithNmmAlone) {
  const std::vector<Detection> chain = {found(0, 0, 60, 20, 0.9), found(30, 0, 60, 20, 0.8), found(60, 0, 60, 20, 0.7)};
  EXPECT_EQ(merge(chain, "nms", "ios").size(), 2U);
  EXPECT_EQ(merge(chain, "greedy-nmm", "ios").size(), 2U);
  const auto merged = merge(chain, "nmm", "ios");
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].box, (BoxXywh{0, 0, 120, 20}));
}

TEST(Merge, TheLimitKeepsTheBest) {
  const auto kept = merge_detections({found(0, 0, 5, 5, 0.1), found(20, 0, 5, 5, 0.3), found(40, 0, 5, 5, 0.2)},
                                     {.method = "nms"}, 2);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].score, 0.3);
  EXPECT_EQ(kept[1].score, 0.2);
}

// ---- the header's words in the plainest loops ----

double plain_overlap(const BoxXywh& a, const BoxXywh& b, const std::string& metric) {
  const double width = std::max(0.0, std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x));
  const double height = std::max(0.0, std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y));
  const double shared = width * height, areas = a.w * a.h + b.w * b.h;
  return shared / (metric == "ios" ? std::min(a.w * a.h, b.w * b.h) : areas - shared);
}

BoxXywh around(const BoxXywh& a, const BoxXywh& b) {
  const double x = std::min(a.x, b.x), y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.w, b.x + b.w) - x, std::max(a.y + a.h, b.y + b.h) - y};
}

std::vector<Detection> plain_merge(const std::vector<Detection>& input, const MergeOptions& options) {
  std::vector<size_t> order(input.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return input[a].score > input[b].score; });
  std::vector<int> group(input.size(), -1);
  std::vector<std::vector<size_t>> groups;
  for (size_t place = 0; place < order.size(); ++place) {
    const size_t i = order[place];
    if (group[i] >= 0 && options.method != "nmm") continue;
    if (group[i] < 0) {
      group[i] = static_cast<int>(groups.size());
      groups.push_back({i});
    }
    std::vector<size_t> drawn;
    for (size_t later = place + 1; later < order.size(); ++later) {
      const size_t j = order[later];
      const bool alike = options.across_classes || input[i].class_index == input[j].class_index;
      if (group[j] < 0 && alike && plain_overlap(input[i].box, input[j].box, options.metric) >= options.threshold)
        drawn.push_back(j);
    }
    if (options.method == "nmm") std::sort(drawn.begin(), drawn.end());
    for (const size_t j : drawn) group[j] = group[i];
    auto& members = groups[static_cast<size_t>(group[i])];
    members.insert(members.end(), drawn.begin(), drawn.end());
  }
  std::vector<Detection> merged;
  for (const auto& members : groups) {
    Detection result = input[members.front()];
    for (size_t k = 1; k < members.size() && options.method != "nms"; ++k) {
      const BoxXywh& other = input[members[k]].box;
      if (plain_overlap(result.box, other, options.metric) >= options.threshold) result.box = around(result.box, other);
    }
    merged.push_back(result);
  }
  return merged;
}

/// Boxes in clusters, of many sizes, with a few as large as the image.
std::vector<Detection> random_detections(Rng& rng, int count) {
  std::vector<Detection> detections;
  for (int i = 0; i < count; ++i) {
    const double size = rng.chance(0.02) ? 900 : rng.uniform(4, 90);
    const double cluster = static_cast<double>(rng.index(20)) * 60;
    detections.push_back(found(cluster + rng.uniform(0, 60), rng.uniform(0, 700), size, size * rng.uniform(0.4, 2),
                               rng.uniform(), static_cast<int>(rng.index(3))));
  }
  return detections;
}

TEST(Merge, TheGridFindsWhatPlainLoopsFind) {
  Rng rng(7);
  for (const std::string method : {"nms", "greedy-nmm", "nmm"}) {
    for (const std::string metric : {"iou", "ios"}) {
      for (const bool across : {false, true}) {
        const MergeOptions options{method, metric, rng.uniform(0.1, 0.8), across};
        const auto detections = random_detections(rng, 600);
        const auto merged = merge_detections(detections, options, 10000), plain = plain_merge(detections, options);
        ASSERT_EQ(merged.size(), plain.size()) << method << metric << across;
        for (size_t i = 0; i < merged.size(); ++i) {
          EXPECT_EQ(merged[i].score, plain[i].score);
          EXPECT_NEAR(merged[i].box.x, plain[i].box.x, 1e-9);
          EXPECT_NEAR(merged[i].box.w, plain[i].box.w, 1e-9);
          EXPECT_NEAR(merged[i].box.h, plain[i].box.h, 1e-9);
        }
      }
    }
  }
}

}  // namespace
}  // namespace skylift
