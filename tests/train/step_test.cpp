#include "skylift/train/step.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "skylift/core/error.h"
#include "skylift/infer/decode.h"
#include "skylift/train/optimizer.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

at::Tensor term(double value) { return at::scalar_tensor(value, at::kDouble).set_requires_grad(true); }

TEST(LossTerms, AreSummedAndKeepTheirNames) {
  const LossTerms terms = {{"loss_cls", term(0.5)}, {"kd_cid", term(2), TermKind::distillation}};
  const at::Tensor total = total_of(terms);
  EXPECT_DOUBLE_EQ(total.item<double>(), 2.5);
  EXPECT_EQ(loss_values({terms}), (MetricValues{{"loss", 2.5}, {"loss_cls", 0.5}, {"kd_cid", 2}, {"ratio_kd_cid", 4}}));
  total.backward();
  EXPECT_DOUBLE_EQ(terms[1].value.grad().item<double>(), 1);
}

TEST(LossTerms, OfSeveralBatchesAreAveraged) {
  const auto batch = [](double cls, double kd) {
    return LossTerms{{"loss_cls", term(cls)}, {"kd_cid", term(kd), TermKind::distillation}};
  };
  EXPECT_EQ(loss_values({batch(0.5, 2), batch(1.5, 1)}),
            (MetricValues{{"loss", 2.5}, {"loss_cls", 1}, {"kd_cid", 1.5}, {"ratio_kd_cid", 1.5}}));
}

TEST(LossTerms, ThatAreNotFiniteStopTheRunByName) {
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const LossTerms terms = {{"loss_cls", term(1)}, {"kd_ld_main", term(bad)}};
    EXPECT_THAT(error_of([&] { loss_values({terms}); }), ::testing::HasSubstr("'kd_ld_main'")) << bad;
  }
}

/// A batch of two noise images, one of them without objects.
Batch small_batch() {
  at::manual_seed(3);
  Batch batch;
  batch.images = at::randn({2, 3, 64, 64});
  batch.targets = {{at::tensor({8.F, 8.F, 30.F, 26.F}).view({1, 4}), at::zeros({1}, at::kLong), at::zeros({0, 4})},
                   {at::zeros({0, 4}), at::zeros({0}, at::kLong), at::zeros({0, 4})}};
  const ImageGeometry geometry{.original_width = 64, .original_height = 64, .content_width = 64, .content_height = 64};
  batch.geometries = {geometry, geometry};
  batch.image_indices = {0, 1};
  return batch;
}

ModelOptions tiny_model() {
  ModelOptions options;
  options.backbone.width = 0.125;
  options.neck = {.channels = 16, .first_level = 3, .last_level = 5};
  options.head.channels = 16;
  options.head.depth = 1;
  return options;
}

TEST(Step, OverfitsOneBatch) {
  at::manual_seed(0);
  Detector student(tiny_model(), 2);
  const Batch batch = small_batch();
  const AtssOptions assign;
  const DetectionLossOptions loss;
  const ComputeDevice compute;
  const StepContext context{.student = student, .assign = assign, .loss = loss, .compute = compute};
  NamedParameters parameters;
  for (const auto& entry : student.named_parameters()) parameters.emplace_back(entry.key(), entry.value());
  ScheduledOptimizer optimizer({.name = "adamw", .lr = 0.01}, parameters, 16);
  student.train();
  for (int i = 0; i < 120; ++i) {
    optimizer.set_factor(1);
    total_of(loss_terms(context, batch)).backward();
    optimizer.step();
  }
  const DetectionSet found = decode(student.forward(batch.images), batch.geometries, {.score_threshold = 0.3});
  ASSERT_FALSE(found[0].empty());
  EXPECT_TRUE(found[1].empty());
  const BoxXywh& box = found[0].front().box;
  EXPECT_NEAR(box.x, 8, 3);
  EXPECT_NEAR(box.y, 8, 3);
  EXPECT_NEAR(box.w, 22, 4);
  EXPECT_NEAR(box.h, 18, 4);
}

}  // namespace
}  // namespace skylift
