#include "skylift/kd/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/core/error.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::KdScene;
using testing::make_targets;
using testing::term;

LossTerms terms_of(double a, double b) {
  return {{"kd_a", torch::tensor(a, at::kDouble)}, {"kd_b", torch::tensor(b, at::kDouble)}};
}

TEST(Calibration, TermsStartAtTheFractionAndTheFactorsStay) {
  Calibration calibration({"kd_a", "kd_b"}, 0.5, 2);
  const auto apply = [&](double a, double b, double detection) {
    LossTerms terms = terms_of(a, b);
    calibration.apply(terms, torch::tensor(detection, at::kDouble));
    return std::pair(term(terms, "kd_a"), term(terms, "kd_b"));
  };
  const auto first = apply(10, 0.1, 2);
  EXPECT_DOUBLE_EQ(first.first, 1);  // half of 2
  EXPECT_DOUBLE_EQ(first.second, 1);
  const auto second = apply(30, 0.1, 6);  // over both: factor 0.5 * 8 / 40, and 0.5 * 8 / 0.2
  EXPECT_DOUBLE_EQ(second.first, 3);
  EXPECT_DOUBLE_EQ(second.second, 2);
  const auto third = apply(10, 1, 100);  // the factors stay
  EXPECT_DOUBLE_EQ(third.first, 1);
  EXPECT_DOUBLE_EQ(third.second, 20);
}

TEST(Calibration, BatchesWithoutTheTermDoNotCount) {
  Calibration calibration({"kd_a", "kd_b"}, 1, 1);
  LossTerms none = terms_of(0, 4);
  calibration.apply(none, torch::tensor(2.0));
  EXPECT_EQ(term(none, "kd_a"), 0);
  LossTerms some = terms_of(5, 4);
  calibration.apply(some, torch::tensor(3.0));
  EXPECT_DOUBLE_EQ(term(some, "kd_a"), 3);
  EXPECT_DOUBLE_EQ(term(some, "kd_b"), 2);
  LossTerms unknown = {{"kd_c", torch::tensor(1.0)}};
  EXPECT_THROW(calibration.apply(unknown, torch::tensor(1.0)), Error);
}

TEST(Calibration, TheDistillersStateCarriesIt) {
  const Targets targets = make_targets({10, 10, 30, 34, 33, 41, 37, 44}, {0, 1});
  KdScene scene({targets});
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, targets.boxes_xyxy);  // so that CID has boxes to teach
  DistillOptions options;
  options.methods = {"cid", "fgd"};
  options.calibrate = 0.25;
  options.calibrate_batches = 2;
  Distiller whole(options, testing::shape_of(scene), testing::shape_of(scene));
  const auto run = [&](Distiller& distiller, double detection) {
    return distiller(scene.inputs(), torch::tensor(detection));
  };
  for (const LossTerm& entry : run(whole, 4)) EXPECT_NEAR(entry.value.item<double>(), 1, 1e-4) << entry.name;

  Distiller resumed(options, testing::shape_of(scene), testing::shape_of(scene));
  const torch::NoGradGuard no_grad;
  auto state = whole.named_buffers();
  for (auto& entry : resumed.named_buffers()) entry.value().copy_(state[entry.key()]);
  for (auto& entry : resumed.named_parameters()) entry.value().copy_(whole.named_parameters()[entry.key()]);
  for (const double detection : {2.0, 8.0}) {
    const LossTerms expected = run(whole, detection), got = run(resumed, detection);
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(got[i].value.item<double>(), expected[i].value.item<double>()) << got[i].name;
  }
}

TEST(Calibration, WithoutADetectionLossItSaysSo) {
  const KdScene scene({make_targets({10, 10, 30, 34}, {0})});
  DistillOptions options;
  options.calibrate = 1;
  Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
  EXPECT_THROW(distiller(scene.inputs()), Error);
}

}  // namespace
}  // namespace skylift
