// Teachers of other levels than their student's, brought to them.
#include "skylift/teachers/teacher_levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/teachers/dense_maps.h"
#include "tests/teachers/live_teacher.h"
#include "tests/train/kd_run.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using testing::noise_images;
using testing::teacher_of;

TEST(TeacherLevels, FinerLevelsSayWhatTheFinestOneSays) {
  const auto detector = testing::lively_teacher(16, 5);
  const TeacherPtr teacher = with_finer_levels(teacher_of(detector), {4, 8, 16, 32});
  EXPECT_THAT(teacher->shape().strides, ElementsAre(4, 8, 16, 32));
  EXPECT_FALSE(teacher->shape().bins);
  EXPECT_EQ(teacher->shape().channels, 0);
  EXPECT_THAT(teacher->scored().shape().strides, ElementsAre(8, 16, 32));
  const Batch batch = noise_images(96, 152);
  const DenseOutput output = teacher->forward(batch), plain = teacher_of(detector)->forward(batch);
  EXPECT_TRUE(output.levels[1].box_logits.equal(plain.levels[0].box_logits)) << "its own levels are as they were";
  const DecodedMaps got = decoded(output), own = decoded(plain);
  EXPECT_EQ(got.scores[0].size(3), 152 / 4);
  for (const int64_t shift : {0, 1}) {  // of both cells in a coarser one
    const at::Tensor scores = got.scores[0].slice(2, shift, std::nullopt, 2).slice(3, shift, std::nullopt, 2);
    EXPECT_TRUE(torch::allclose(scores, own.scores[0].clamp(1e-4, 1 - 1e-4), 1e-4, 1e-6));
  }
  const at::Tensor points = cell_points(12, 19, 8, 0, at::kFloat), boxes = own.boxes[0];
  const at::Tensor reached =  // what the finer level's bins hold
      at::cat({points - boxes.slice(1, 0, 2), boxes.slice(1, 2, 4) - points}, 1).clamp(0, 4.0 * plain.reg_max);
  const at::Tensor expected = at::cat({points - reached.slice(1, 0, 2), points + reached.slice(1, 2, 4)}, 1);
  const at::Tensor finer = got.boxes[0].slice(2, 0, std::nullopt, 2).slice(3, 0, std::nullopt, 2);
  EXPECT_TRUE(torch::allclose(finer, expected, 0, 0.01)) << (finer - expected).abs().max();
  EXPECT_EQ(with_finer_levels(teacher_of(detector), {8, 16, 32})->shape().channels, 16) << "nothing to add";
}

TEST(TeacherLevels, AFoldedLevelSaysWhatFinerOnesFound) {
  const auto detector = testing::lively_teacher(16, 5);  // strides 8, 16, 32
  const TeacherPtr teacher = with_levels_folded(teacher_of(detector), 16);
  EXPECT_THAT(teacher->shape().strides, ElementsAre(16, 32));
  EXPECT_FALSE(teacher->shape().bins);
  EXPECT_EQ(teacher->shape().channels, 0);
  EXPECT_NE(teacher->detector(), nullptr) << "a student may inherit";
  const Batch batch = noise_images(96, 152);  // 152 / 8 = 19 cells: the last block is cut
  const DenseOutput output = teacher->forward(batch), plain = teacher_of(detector)->forward(batch);
  EXPECT_TRUE(output.levels[1].cls_logits.equal(plain.levels[2].cls_logits)) << "coarser levels are as they were";
  const DecodedMaps got = decoded(output), own = decoded(plain);
  int from_finer = 0;
  for (int64_t y = 0; y < got.scores[0].size(2); ++y) {
    for (int64_t x = 0; x < got.scores[0].size(3); ++x) {
      using torch::indexing::Slice;
      float best = own.scores[1].index({0, Slice(), y, x}).max().item<float>();
      at::Tensor box = own.boxes[1].index({0, Slice(), y, x});
      const at::Tensor point = torch::tensor({16.F * x, 16.F * y, 16.F * x, 16.F * y});
      const at::Tensor outwards = torch::tensor({-1.F, -1.F, 1.F, 1.F});
      for (int64_t row = std::max<int64_t>(0, 2 * y - 1); row < std::min<int64_t>(2 * y + 2, own.scores[0].size(2));
           ++row) {
        for (int64_t column = std::max<int64_t>(0, 2 * x - 1);
             column < std::min<int64_t>(2 * x + 2, own.scores[0].size(3)); ++column) {
          const float score = own.scores[0].index({0, Slice(), row, column}).max().item<float>();
          const at::Tensor theirs = own.boxes[0].index({0, Slice(), row, column});
          const bool holds = ((theirs - point) * outwards).min().item<float>() >= 0;
          if (score <= best || !holds) continue;
          best = score;
          box = theirs;
          ++from_finer;
        }
      }
      EXPECT_NEAR(got.scores[0].index({0, Slice(), y, x}).max().item<float>(), best, 1e-4);
      const at::Tensor expected = point + ((box - point) * outwards).clamp(0, 16.F * plain.reg_max) * outwards;
      EXPECT_TRUE(torch::allclose(got.boxes[0].index({0, Slice(), y, x}), expected, 0, 0.02)) << y << " " << x;
    }
  }
  EXPECT_GT(from_finer, 0);
}

TEST(TeacherLevels, OnlyFinerOnesAboveALevelOfTheStudentsAreFolded) {
  const TeacherPtr teacher = teacher_of(testing::lively_teacher(16, 5));  // strides 8, 16, 32
  EXPECT_FALSE(has_levels_to_fold(*teacher, 4));
  EXPECT_FALSE(has_levels_to_fold(*teacher, 8));
  EXPECT_TRUE(has_levels_to_fold(*teacher, 32));
  EXPECT_FALSE(has_levels_to_fold(*teacher, 64)) << "nothing to fold them into";
}

}  // namespace
}  // namespace skylift
