#include "skylift/boxes/boxes.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/gradient_check.h"

namespace skylift {
namespace {

at::Tensor boxes(std::vector<float> values) { return torch::tensor(values).view({-1, 4}); }

TEST(Boxes, AreaOfInvertedBoxesIsZero) {
  const at::Tensor area = box_area(boxes({0, 0, 2, 3, 5, 5, 4, 9}));
  EXPECT_EQ(area[0].item<float>(), 6);
  EXPECT_EQ(area[1].item<float>(), 0);
}

TEST(Boxes, NoBoxesGiveEmptyResults) {
  const at::Tensor none = torch::zeros({0, 4});
  EXPECT_EQ(aligned_iou(none, none).numel(), 0);
  EXPECT_EQ(aligned_giou(none, none).numel(), 0);
  EXPECT_EQ(nms(none, torch::zeros({0}), torch::zeros({0}, at::kLong), 0.5, 10).numel(), 0);
}

TEST(Boxes, GiouLossGolden) {
  const at::Tensor giou = aligned_giou(boxes({0, 0, 4, 4}), boxes({1, 1, 5, 6}));
  EXPECT_NEAR(1 - giou.item<double>(), 0.766667, 1e-6);
}

TEST(Boxes, AlignedFormsAgreeWithHandValues) {
  const at::Tensor a = boxes({0, 0, 4, 4}), b = boxes({1, 1, 5, 6});
  // Intersection 9, union 16 + 20 - 9; centres (2,2) and (3,3.5); enclosing 5 x 6.
  EXPECT_NEAR(aligned_iou(a, b).item<double>(), 9.0 / 27, 1e-6);
  EXPECT_NEAR(aligned_centre_penalty(a, b).item<double>(), 3.25 / 61, 1e-6);
  EXPECT_EQ(aligned_iou(boxes({10, 10, 10, 10}), a).item<float>(), 0) << "an empty box overlaps nothing";
  EXPECT_NEAR(aligned_iof(a, b).item<double>(), 9.0 / 16, 1e-6);
}

TEST(Boxes, OverlapsHaveTheRightGradients) {
  const at::Tensor a = torch::tensor({{0.0, 0.1, 4.0, 4.2}, {0.0, 0.0, 1.0, 1.0}, {2.0, 2.0, 3.0, 3.0}}, at::kDouble);
  const at::Tensor b = torch::tensor({{1.0, 1.0, 5.0, 6.0}, {3.0, 4.0, 5.0, 6.0}, {1.0, 1.0, 4.0, 5.0}}, at::kDouble);
  testing::expect_gradient_matches([&](const at::Tensor& x) { return aligned_giou(x, b).square().sum(); }, a);
  testing::expect_gradient_matches([&](const at::Tensor& x) { return aligned_iou(x, b).square().sum(); }, a);
  testing::expect_gradient_matches([&](const at::Tensor& x) { return aligned_centre_penalty(x, b).square().sum(); }, a);
}

TEST(Boxes, DistancesAndBoxesAreInverse) {
  const at::Tensor points = torch::tensor({{8.0F, 16.0F}, {0.0F, 0.0F}}), box = boxes({1, 2, 30, 40, 2, 3, 4, 5});
  const at::Tensor distances = distances_from_boxes(points, box);
  EXPECT_TRUE(distances[0].equal(torch::tensor({7.0F, 14.0F, 22.0F, 24.0F})));
  EXPECT_TRUE(distances[1].equal(torch::tensor({-2.0F, -3.0F, 4.0F, 5.0F})));
  EXPECT_TRUE(boxes_from_distances(points, distances).equal(box));
}

TEST(Boxes, IntegralGolden) {
  const at::Tensor side = -0.5 * (torch::arange(17, at::kDouble) - 3).abs();
  const at::Tensor other = -0.5 * (torch::arange(17, at::kDouble) - 4).abs();
  const at::Tensor logits = torch::stack({side, other, side, other}).view({1, 68});
  const at::Tensor distances = integral(logits, 16);
  ASSERT_EQ(distances.sizes(), (std::vector<int64_t>{1, 4}));
  EXPECT_NEAR(distances[0][0].item<double>(), 3.500439, 1e-6);
  EXPECT_NEAR(distances[0][2].item<double>(), 3.500439, 1e-6);
  EXPECT_GT(distances[0][1].item<double>(), 3.9);
  EXPECT_TRUE(integral(logits.view({1, 4, 17}), 16).equal(distances));
}

}  // namespace
}  // namespace skylift
