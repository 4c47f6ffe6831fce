#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include "skylift/boxes/boxes.h"

namespace skylift {
namespace {

std::vector<int64_t> kept(const at::Tensor& indices) {
  return {indices.const_data_ptr<int64_t>(), indices.const_data_ptr<int64_t>() + indices.numel()};
}

TEST(Nms, SuppressesWithinAClassOnly) {
  const at::Tensor boxes =
      torch::tensor({{0.0F, 0.0F, 10.0F, 10.0F}, {1.0F, 0.0F, 11.0F, 10.0F}, {1.0F, 0.0F, 11.0F, 10.0F}});
  const at::Tensor scores = torch::tensor({0.8F, 0.9F, 0.7F}), labels = torch::tensor({1, 1, 2}, at::kLong);
  EXPECT_EQ(kept(nms(boxes, scores, labels, 0.5, 100)), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(kept(nms(boxes, scores, labels, 0.9, 100)), (std::vector<int64_t>{1, 0, 2}));
  EXPECT_EQ(kept(nms(boxes, scores, labels, 0.9, 2)), (std::vector<int64_t>{1, 0}));
}

TEST(Nms, AnOverlapEqualToTheThresholdStays) {
  const at::Tensor boxes = torch::tensor({{0.0F, 0.0F, 2.0F, 2.0F}, {0.0F, 0.0F, 2.0F, 1.0F}});  // IoU exactly 0.5
  const at::Tensor labels = torch::zeros({2}, at::kLong), scores = torch::tensor({0.5F, 0.4F});
  EXPECT_EQ(nms(boxes, scores, labels, 0.5, 10).numel(), 2);
  EXPECT_EQ(nms(boxes, scores, labels, 0.49, 10).numel(), 1);
}

TEST(Nms, EqualScoresKeepTheirOrderAndNanIsDropped) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor boxes = torch::tensor(
      {{0.0F, 0.0F, 2.0F, 2.0F}, {0.0F, 0.0F, 2.0F, 2.0F}, {5.0F, 5.0F, 6.0F, 6.0F}, {8.0F, 8.0F, 9.0F, 9.0F}});
  const at::Tensor scores = torch::tensor({0.5F, 0.5F, nan, 0.5F});
  EXPECT_EQ(kept(nms(boxes, scores, torch::zeros({4}, at::kLong), 0.5, 10)), (std::vector<int64_t>{0, 3}));
}

/// The definition, over the full matrix of overlaps.
std::vector<int64_t> greedy(const at::Tensor& boxes, const at::Tensor& scores, const at::Tensor& labels,
                            double threshold) {
  const at::Tensor overlaps = aligned_iou(boxes.unsqueeze(1), boxes.unsqueeze(0)).gt(threshold);  // [N,N]
  const at::Tensor suppresses = overlaps.logical_and(labels.unsqueeze(1).eq(labels.unsqueeze(0)));
  const at::Tensor order = std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  std::vector<int64_t> result;
  for (const int64_t i : kept(order)) {
    bool keep = true;
    for (const int64_t k : result) keep = keep && !suppresses[k][i].item<bool>();
    if (keep) result.push_back(i);
  }
  return result;
}

TEST(Nms, AgreesWithTheDefinitionOnRandomCrowds) {
  for (int seed = 0; seed < 5; ++seed) {
    torch::manual_seed(seed);
    const at::Tensor corners = torch::rand({300, 2}) * 60;
    const at::Tensor boxes = torch::cat({corners, corners + 4 + torch::rand({300, 2}) * 20}, 1);
    const at::Tensor scores = (torch::rand({300}) * 50).floor() / 50, labels = torch::randint(3, {300}, at::kLong);
    EXPECT_EQ(kept(nms(boxes, scores, labels, 0.4, 1000)), greedy(boxes, scores, labels, 0.4));
  }
}

}  // namespace
}  // namespace skylift
