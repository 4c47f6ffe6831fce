#include "skylift/assign/atss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "skylift/assign/grid_cells.h"
#include "skylift/boxes/boxes.h"
#include "tests/golden_scene.h"

namespace skylift {
namespace {

using testing::content;
using ::testing::ElementsAre;
using testing::make_targets;

std::vector<int64_t> list(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<int64_t>(), tensor.const_data_ptr<int64_t>() + tensor.numel()};
}

AtssOptions without_rescue() {
  AtssOptions options;
  options.rescue_small = false;
  return options;
}

TEST(Atss, GoldenCandidatesAndThresholds) {
  const testing::GoldenScene scene;
  const double thresholds[] = {0.092969, 0.002324, 0.538313};
  const auto boxes = to_boxes(scene.targets.boxes_xyxy);
  for (int i = 0; i < 3; ++i) {
    const AtssCandidates candidates = atss_candidates(scene.grid, scene.geometry, boxes[i], {});
    EXPECT_EQ(candidates.points.size(), 31U);
    EXPECT_NEAR(candidates.threshold, thresholds[i], 1e-6);
  }
}

TEST(Atss, GoldenPositives) {
  const testing::GoldenScene scene;
  const Assignment result = assign_atss(scene.grid, {scene.targets}, {scene.geometry}, without_rescue());
  EXPECT_THAT(list(result.point), ElementsAre(34, 35, 50, 51, 66, 67, 284, 285, 292, 293, 300, 301));
  EXPECT_THAT(list(result.object), ElementsAre(0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2));
  EXPECT_THAT(list(result.labels), ElementsAre(0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2));
  EXPECT_THAT(result.positives_per_image, ElementsAre(12));
  EXPECT_TRUE(result.boxes_xyxy[6].equal(scene.targets.boxes_xyxy[2]));
  EXPECT_TRUE(result.weights.equal(torch::ones({1, 340})));
}

TEST(Atss, ATinyObjectIsGivenItsNearestPoint) {
  const testing::GoldenScene scene;
  const Assignment result = assign_atss(scene.grid, {scene.targets}, {scene.geometry}, {});
  EXPECT_THAT(result.positives_per_image, ElementsAre(13));
  // The box's centre is (35, 42.5); the nearest point of the finest level is (32, 40), column 4, row 5.
  EXPECT_THAT(list(result.point), ::testing::Contains(5 * 16 + 4));
  EXPECT_EQ(result.object.eq(1).sum().item<int>(), 1);
}

TEST(Atss, TwoTinyObjectsInOnePlaceGetDifferentPoints) {
  const testing::GoldenScene scene;
  const Targets twins = make_targets({33, 41, 37, 44, 33, 41, 37, 44}, {0, 1});
  const Assignment result = assign_atss(scene.grid, {twins}, {scene.geometry}, {});
  EXPECT_EQ(result.count(), 2);
  EXPECT_NE(list(result.point)[0], list(result.point)[1]);
}

TEST(Atss, APointBetweenTwoObjectsGoesToTheLargerOverlap) {
  const testing::GoldenScene scene;
  // The second box lies in the first and fits the anchors (64 px) better.
  const Targets nested = make_targets({0, 0, 120, 120, 30, 30, 94, 94}, {0, 1});
  const Assignment result = assign_atss(scene.grid, {nested}, {scene.geometry}, {});
  const int64_t centre = 8 * 16 + 8;  // (64, 64) on the finest level
  const auto points = list(result.point);
  const auto at_centre = std::find(points.begin(), points.end(), centre);
  ASSERT_NE(at_centre, points.end());
  EXPECT_EQ(list(result.object)[at_centre - points.begin()], 1);
}

TEST(Atss, NoObjectsMakeEverythingNegative) {
  const testing::GoldenScene scene;
  const Assignment result = assign_atss(scene.grid, {make_targets({}, {})}, {scene.geometry}, {});
  EXPECT_EQ(result.count(), 0);
  EXPECT_EQ(result.boxes_xyxy.sizes(), (std::vector<int64_t>{0, 4}));
  EXPECT_THAT(result.positives_per_image, ElementsAre(0));
  EXPECT_EQ(result.weights.sum().item<float>(), 340);
}

TEST(Atss, PaddingAndIgnoredRegionsDoNotCount) {
  const testing::GoldenScene scene;
  const Targets targets = make_targets({}, {}, {0, 0, 15, 15});
  const Assignment result = assign_atss(scene.grid, {targets, targets}, {content(100, 50), scene.geometry}, {});
  const at::Tensor valid = points_on_content(scene.grid, 100, 50).to(at::kFloat);
  // Points in the ignored box: 2x2 on stride 8, one on each other level.
  EXPECT_EQ(result.weights[0].sum().item<float>(), valid.sum().item<float>() - 7);
  EXPECT_TRUE((result.weights[0] * (1 - valid)).eq(0).all().item<bool>());
  EXPECT_EQ(result.weights[1].sum().item<float>(), 340 - 7);
  AtssOptions unmasked;
  unmasked.mask_ignored = false;
  EXPECT_EQ(assign_atss(scene.grid, {targets}, {scene.geometry}, unmasked).weights.sum().item<float>(), 340);
}

TEST(Atss, PositivesKeepOutOfThePadding) {
  const testing::GoldenScene scene;
  const Targets targets = make_targets({70, 70, 98, 98}, {0});
  const Assignment result = assign_atss(scene.grid, {targets}, {content(98, 98)}, {});
  ASSERT_GT(result.count(), 0);
  EXPECT_TRUE(points_on_content(scene.grid, 98, 98).index_select(0, result.point).all().item<bool>());
}

TEST(Atss, OneCellALevelStillWorks) {
  const PointGrid grid = make_point_grid({{1, 1}}, {8}, at::kCPU);
  const Assignment result = assign_atss(grid, {make_targets({-4, -4, 4, 4}, {3})}, {content(8, 8)}, {});
  EXPECT_THAT(list(result.point), ElementsAre(0));
  EXPECT_THAT(list(result.labels), ElementsAre(3));
}

/// Section by section as the paper says it, over the dense matrices.
std::vector<int64_t> dense_candidates(const PointGrid& grid, const at::Tensor& valid, const BoxXyxy& box, int count) {
  const at::Tensor centres = grid.centres.to(at::kDouble);
  const at::Tensor centre = torch::tensor(
      {(box.x1 + static_cast<double>(box.x2)) / 2, (box.y1 + static_cast<double>(box.y2)) / 2}, at::kDouble);
  std::vector<int64_t> result;
  for (const GridLevel& level : grid.levels) {
    const at::Tensor offsets = (centres.slice(0, level.offset, level.offset + level.count()) - centre) / level.stride;
    at::Tensor distance = offsets.square().sum(1);
    distance = torch::where(valid.slice(0, level.offset, level.offset + level.count()), distance,
                            torch::full_like(distance, INFINITY));
    const auto [sorted, order] = distance.sort(/*stable=*/true, 0, false);
    for (int64_t k = 0; k < std::min<int64_t>(count, order.size(0)); ++k) {
      if (std::isfinite(sorted[k].item<double>())) result.push_back(level.offset + order[k].item<int64_t>());
    }
  }
  return result;
}

TEST(Atss, CandidatesEqualAStableSortOfAllDistances) {
  const PointGrid grid = make_point_grid({{13, 20}, {7, 10}, {4, 5}, {1, 1}}, {8, 16, 32, 64}, at::kCPU);
  const ImageGeometry geometry = content(90, 150);
  const at::Tensor valid = points_on_content(grid, 90, 150);
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    // Whole numbers, so that ties are frequent; some boxes lie partly outside.
    const auto draw = [&](int low, int high) {
      return static_cast<float>(std::uniform_int_distribution<int>(low, high)(random));
    };
    const float x = draw(-20, 170), y = draw(-20, 110);
    const BoxXyxy box{x, y, x + draw(1, 60), y + draw(1, 60)};
    const AtssCandidates candidates = atss_candidates(grid, geometry, box, {});
    EXPECT_EQ(candidates.points, dense_candidates(grid, valid, box, 9));
  }
}

TEST(Atss, OverlapsEqualTheTensorForm) {
  const testing::GoldenScene scene;
  const auto boxes = to_boxes(scene.targets.boxes_xyxy);
  const at::Tensor half = scene.grid.strides.unsqueeze(1) * 4;
  const at::Tensor anchors = torch::cat({scene.grid.centres - half, scene.grid.centres + half}, 1);
  const at::Tensor iou = aligned_iou(anchors.unsqueeze(1), scene.targets.boxes_xyxy.unsqueeze(0), 1e-6);
  for (int i = 0; i < 3; ++i) {
    const AtssCandidates candidates = atss_candidates(scene.grid, scene.geometry, boxes[i], {});
    for (size_t k = 0; k < candidates.points.size(); ++k) {
      EXPECT_NEAR(candidates.ious[k], iou[candidates.points[k]][i].item<double>(), 1e-6);
    }
  }
}

}  // namespace
}  // namespace skylift
