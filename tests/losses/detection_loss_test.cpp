#include "skylift/losses/detection_loss.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "skylift/assign/atss.h"
#include "skylift/boxes/boxes.h"
#include "skylift/losses/point_gather.h"
#include "tests/dense_scene.h"
#include "tests/golden_scene.h"
#include "tests/gradient_check.h"

namespace skylift {
namespace {

using testing::DenseShape;

double value(const LossTerms& terms, const std::string& name) {
  for (const LossTerm& term : terms) {
    if (term.name == name) return term.value.item<double>();
  }
  ADD_FAILURE() << "no term " << name;
  return NAN;
}

/// One level of 2x2 cells, stride 8, R = 4, one positive at (8, 0) for the box (4, -8, 20, 12).
struct SmallScene {
  SmallScene() {
    const DenseShape shape{.images = 1, .classes = 2, .reg_max = 4, .sizes = {{2, 2}}, .strides = {8}};
    output = testing::random_output(shape, 3, at::kDouble);
    assignment.image = torch::tensor({0}, at::kLong);
    assignment.point = torch::tensor({1}, at::kLong);
    assignment.object = torch::tensor({0}, at::kLong);
    assignment.labels = torch::tensor({1}, at::kLong);
    assignment.boxes_xyxy = torch::tensor({{4.0F, -8.0F, 20.0F, 12.0F}});
    assignment.weights = torch::tensor({{1.0F, 1.0F, 1.0F, 0.0F}});
    assignment.positives_per_image = {1};
  }
  DenseOutput output;
  Assignment assignment;
};

TEST(DetectionLoss, AgreesWithPlainLoops) {
  const SmallScene scene;
  const at::Tensor cls = scene.output.levels[0].cls_logits, box = scene.output.levels[0].box_logits;
  // Everything in strides: the point is (1, 0), the object (0.5, -1, 2.5, 1.5), its distances 0.5, 1, 1.5, 1.5.
  const double targets[4] = {0.5, 1, 1.5, 1.5}, point[2] = {1, 0};
  double predicted[4], bins = 0;
  for (int side = 0; side < 4; ++side) {
    double total = 0, mean = 0;
    const auto logit = [&](int bin) { return box[0][side * 5 + bin][0][1].item<double>(); };
    for (int bin = 0; bin < 5; ++bin) total += std::exp(logit(bin));
    for (int bin = 0; bin < 5; ++bin) mean += bin * std::exp(logit(bin)) / total;
    predicted[side] = mean;
    const int lower = static_cast<int>(std::floor(targets[side]));
    const double share = targets[side] - lower;
    bins -= ((1 - share) * (logit(lower) - std::log(total)) + share * (logit(lower + 1) - std::log(total))) / 4;
  }
  const double x1 = point[0] - predicted[0], y1 = point[1] - predicted[1], x2 = point[0] + predicted[2],
               y2 = point[1] + predicted[3];
  const double shared = (std::min(x2, 2.5) - std::max(x1, 0.5)) * (std::min(y2, 1.5) - std::max(y1, -1.0));
  const double joined = (x2 - x1) * (y2 - y1) + 2 * 2.5 - shared, iou = shared / joined;
  const double enclosing = (std::max(x2, 2.5) - std::min(x1, 0.5)) * (std::max(y2, 1.5) - std::min(y1, -1.0));
  double quality_focal = 0, best = 0;
  for (int cell = 0; cell < 3; ++cell) {  // the fourth has weight 0
    for (int c = 0; c < 2; ++c) {
      const double z = cls[0][c][cell / 2][cell % 2].item<double>(), p = 1 / (1 + std::exp(-z));
      const double target = cell == 1 && c == 1 ? iou : 0;
      if (cell == 1) best = std::max(best, p);
      quality_focal -= (target * std::log(p) + (1 - target) * std::log(1 - p)) * std::pow(std::abs(target - p), 2);
    }
  }
  const LossTerms terms = detection_loss(scene.output, point_grid(scene.output), scene.assignment, {});
  EXPECT_NEAR(value(terms, "loss_cls"), quality_focal, 1e-6);
  EXPECT_NEAR(value(terms, "loss_box"), 2 * best * (1 - (iou - (enclosing - joined) / enclosing)), 1e-6);
  EXPECT_NEAR(value(terms, "loss_bins"), 0.25 * best * bins, 1e-6);
}

TEST(DetectionLoss, QualityAndWeightsCarryNoGradient) {
  const SmallScene scene;
  // loss_box must not move the class logits although w_i is read from them; loss_cls must not move the boxes.
  for (const char* name : {"loss_box", "loss_cls"}) {
    const at::Tensor packed = testing::pack_logits(scene.output).requires_grad_(true);
    const DenseOutput output = testing::with_logits(scene.output, packed);
    for (const LossTerm& term : detection_loss(output, point_grid(output), scene.assignment, {})) {
      if (term.name != name) continue;
      const at::Tensor gradient = torch::autograd::grad({term.value}, {packed})[0];
      const at::Tensor cls = gradient.slice(0, 0, 8).abs().sum(), box = gradient.slice(0, 8).abs().sum();
      EXPECT_EQ(cls.item<double>() > 0, term.name == "loss_cls");
      EXPECT_EQ(box.item<double>() > 0, term.name == "loss_box");
    }
  }
}

TEST(DetectionLoss, GradientOfTheBoxTermsInDouble) {
  // w_i and q_i are constants by definition, so the check varies the box logits only.
  const SmallScene scene;
  const PointGrid grid = point_grid(scene.output);
  const auto loss = [&](const at::Tensor& box_logits) {
    DenseOutput output = scene.output;
    output.levels[0].box_logits = box_logits;
    const LossTerms terms = detection_loss(output, grid, scene.assignment, {});
    return terms[1].value + terms[2].value;
  };
  testing::expect_gradient_matches(loss, scene.output.levels[0].box_logits);
  const auto cls_loss = [&](const at::Tensor& cls_logits) {
    DenseOutput output = scene.output;
    output.levels[0].cls_logits = cls_logits;
    return detection_loss(output, grid, scene.assignment, {})[0].value;
  };
  testing::expect_gradient_matches(cls_loss, scene.output.levels[0].cls_logits);
}

TEST(DetectionLoss, NormalisersCountImagesWithoutPositivesAndClampTheWeights) {
  const testing::GoldenScene scene;
  const DenseOutput output = testing::random_output({}, 1);
  const Targets none = testing::make_targets({}, {});
  const std::vector<ImageGeometry> geometries = {scene.geometry, scene.geometry};
  AtssOptions no_rescue;
  no_rescue.rescue_small = false;
  const Assignment both = assign_atss(scene.grid, {scene.targets, none}, geometries, no_rescue);
  Assignment counted = both;
  counted.positives_per_image = {12};  // as if the second image did not count
  const double with = value(detection_loss(output, scene.grid, both, {}), "loss_cls");
  const double without = value(detection_loss(output, scene.grid, counted, {}), "loss_cls");
  EXPECT_NEAR(with * 13, without * 12, 1e-3);

  // With tiny scores W stays 1: halving them halves the box loss.
  DenseOutput low = output;
  for (LevelOutput& level : low.levels) level.cls_logits = torch::full_like(level.cls_logits, -9);
  DenseOutput lower = output;
  for (LevelOutput& level : lower.levels) level.cls_logits = torch::full_like(level.cls_logits, -10);
  const double ratio = value(detection_loss(low, scene.grid, both, {}), "loss_box") /
                       value(detection_loss(lower, scene.grid, both, {}), "loss_box");
  EXPECT_NEAR(ratio, std::exp(1.0), 1e-3);
}

TEST(DetectionLoss, WithoutPositivesEveryTermStaysInTheGraph) {
  const testing::GoldenScene scene;
  DenseOutput output = testing::random_output({}, 1);
  for (LevelOutput& level : output.levels) {
    level.cls_logits.requires_grad_(true);
    level.box_logits.requires_grad_(true);
  }
  const Targets none = testing::make_targets({}, {});
  const Assignment assignment = assign_atss(scene.grid, {none, none}, {scene.geometry, scene.geometry}, {});
  const LossTerms terms = detection_loss(output, scene.grid, assignment, {});
  EXPECT_GT(value(terms, "loss_cls"), 0);
  EXPECT_EQ(value(terms, "loss_box"), 0);
  EXPECT_EQ(value(terms, "loss_bins"), 0);
  (terms[0].value + terms[1].value + terms[2].value).backward();
  for (const LevelOutput& level : output.levels) {
    EXPECT_GT(level.cls_logits.grad().abs().sum().item<double>(), 0);
    ASSERT_TRUE(level.box_logits.grad().defined());
    EXPECT_EQ(level.box_logits.grad().abs().sum().item<double>(), 0);
  }
}

TEST(DetectionLoss, HalfPrecisionLogitsAreComputedInFloat) {
  const testing::GoldenScene scene;
  DenseOutput output = testing::random_output({}, 1);
  for (LevelOutput& level : output.levels) level.cls_logits = level.cls_logits.to(at::kBFloat16);
  DenseOutput reference = output;
  for (LevelOutput& level : reference.levels) level.cls_logits = level.cls_logits.to(at::kFloat);
  const Assignment assignment =
      assign_atss(scene.grid, {scene.targets, scene.targets}, {scene.geometry, scene.geometry}, {});
  const LossTerms terms = detection_loss(output, scene.grid, assignment, {}),
                  expected = detection_loss(reference, scene.grid, assignment, {});
  for (size_t i = 0; i < terms.size(); ++i) {
    EXPECT_EQ(terms[i].value.scalar_type(), at::kFloat);
    EXPECT_EQ(terms[i].value.item<float>(), expected[i].value.item<float>());
  }
}

TEST(PointGather, ReadsWhatTheFlatViewsHold) {
  const DenseOutput output = testing::random_output({}, 5);
  const PointGrid grid = point_grid(output);
  ASSERT_EQ(grid.count(), 340);
  const at::Tensor image = torch::tensor({1, 0, 1, 0, 0, 1}, at::kLong),
                   point = torch::tensor({339, 0, 255, 256, 300, 339}, at::kLong);
  const PointGather gather(grid, image, point);
  const at::Tensor cls = flat_cls_logits(output), box = flat_box_logits(output);
  ASSERT_EQ(box.sizes(), (std::vector<int64_t>{2, 340, 4, 17}));
  EXPECT_TRUE(gather_cls_logits(gather, output).equal(cls.index({image, point})));
  EXPECT_TRUE(gather_box_logits(gather, output).equal(box.index({image, point})));
  EXPECT_TRUE(gather_distances(gather, output).equal(integral(gather_box_logits(gather, output), output.reg_max)));
  // Point 17 is row 1, column 1 of the finest level; bin 2 of its top side is channel 17 + 2.
  EXPECT_EQ(box[1][17][1][2].item<float>(), output.levels[0].box_logits[1][19][1][1].item<float>());
  const PointGather none(grid, image.slice(0, 0, 0), point.slice(0, 0, 0));
  EXPECT_EQ(gather_box_logits(none, output).sizes(), (std::vector<int64_t>{0, 4, 17}));
}

}  // namespace
}  // namespace skylift
