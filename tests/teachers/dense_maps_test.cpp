// Maps made of scores and boxes say the same scores and boxes.
#include "skylift/teachers/dense_maps.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/teachers/sparse_maps.h"
#include "tests/dense_scene.h"

namespace skylift {
namespace {

TEST(DenseMaps, TwoBinsHaveTheDistanceForTheirExpectation) {
  const at::Tensor distances = torch::tensor({0.0, 0.25, 3.5, 7.0, 8.0, 11.0, -2.0, std::nan("")}, at::kFloat);
  const at::Tensor bins = torch::arange(9, at::kFloat);
  const at::Tensor expected = torch::tensor({0.0, 0.25, 3.5, 7.0, 8.0, 8.0, 0.0, 0.0}, at::kFloat);
  EXPECT_TRUE(torch::allclose((two_bins(distances, 8).softmax(1) * bins).sum(1), expected, 0, 1e-5));
}

TEST(DenseMaps, AnOutputsScoresAndBoxesComeBack) {
  const DenseOutput output = testing::random_output({.images = 2, .reg_max = 8}, 3);
  const DecodedMaps maps = decoded(output);
  const DenseOutput again = dense_output(maps, 128, 128, 8);
  const DecodedMaps back = decoded(again);
  ASSERT_EQ(back.strides, output.strides);
  for (size_t i = 0; i < maps.scores.size(); ++i) {
    EXPECT_TRUE(torch::allclose(back.scores[i], maps.scores[i], 0, 1e-4));
    EXPECT_TRUE(torch::allclose(back.boxes[i], maps.boxes[i], 0, 1e-2)) << (back.boxes[i] - maps.boxes[i]).abs().max();
  }
}

TEST(DenseMaps, MapsAreCutOrFilledUpToTheImage) {
  DecodedMaps maps{{8}, {torch::full({1, 2, 4, 4}, 0.7)}, {torch::zeros({1, 4, 4, 4})}};
  EXPECT_EQ(dense_output(maps, 16, 24, 4).levels[0].cls_logits.sizes(), (std::vector<int64_t>{1, 2, 2, 3}));
  const at::Tensor wide = dense_output(maps, 32, 48, 4).levels[0].cls_logits.sigmoid();
  EXPECT_EQ(wide.size(3), 6);
  EXPECT_NEAR(wide[0][0][0][3].item<float>(), 0.7, 1e-4);
  EXPECT_LT(wide[0][0][0][4].item<float>(), 1e-3);
}

TEST(SparseMaps, ABoxSpeaksAtItsCentreOnItsLevelAndNothingIsElsewhere) {
  // 64 x 64 px around (96, 96): 8 strides of the first level, so the second is one octave off.
  const DecodedMaps maps = sparse_maps({{{{64, 64, 128, 128}, 0.8, 1}}, {}}, {8, 16, 32}, 256, 256, 3);
  const at::Tensor fine = maps.scores[0][0];
  EXPECT_NEAR(fine[1][12][12].item<float>(), 0.8, 1e-5);
  EXPECT_FLOAT_EQ(fine.max().item<float>(), fine[1][12][12].item<float>());
  EXPECT_GT(fine[1][12][10].item<float>(), 0);
  EXPECT_LT(fine[1][12][10].item<float>(), fine[1][12][11].item<float>());
  EXPECT_EQ(fine[0].max().item<float>(), 0);
  EXPECT_EQ(fine[1].slice(0, 17).max().item<float>(), 0) << "outside the box";
  EXPECT_EQ(maps.scores[1].max().item<float>(), 0) << "another level";
  EXPECT_EQ(maps.scores[0][1].max().item<float>(), 0) << "another image";
  EXPECT_TRUE(maps.boxes[0][0].select(2, 12).select(1, 12).equal(torch::tensor({64.F, 64.F, 128.F, 128.F})));
}

TEST(SparseMaps, TheSmallestAndTheLargestHaveALevelAndSmallOnesALocation) {
  const DecodedMaps maps =
      sparse_maps({{{{101, 101, 105, 105}, 1, 0}, {{0, 0, 1000, 1000}, 1, 0}}}, {8, 16, 32}, 1024, 1024, 1);
  EXPECT_GT(maps.scores[0].max().item<float>(), 0.5) << "4 px";
  EXPECT_GT(maps.scores[2].max().item<float>(), 0.9) << "1000 px";
}

TEST(SparseMaps, OfTwoBoxesAtALocationTheSurerOneGivesTheBox) {
  const DecodedMaps maps =
      sparse_maps({{{{64, 64, 128, 128}, 0.4, 0}, {{66, 66, 126, 126}, 0.9, 1}}}, {8, 16}, 256, 256, 2);
  EXPECT_NEAR(maps.scores[0][0][0][12][12].item<float>(), 0.4, 0.05);
  EXPECT_EQ(maps.boxes[0][0][0][12][12].item<float>(), 66);
}

}  // namespace
}  // namespace skylift
