#include "skylift/models/cost.h"

#include <ATen/record_function.h>
#include <gmock/gmock.h>

#include "skylift/models/fold.h"
#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

PartCost cost_of_part(const Detector& detector, const std::string& name, int64_t height, int64_t width) {
  for (const auto& part : part_costs(detector, height, width)) {
    if (part.part == name) return part;
  }
  return {};
}

/// Multiply-adds of the convolutions that really run.
thread_local int64_t counted = 0;

/// What a call's end must know of its beginning.
struct Kernel : at::ObserverContext {
  explicit Kernel(int64_t numel) : numel(numel) {}
  int64_t numel;
};

std::unique_ptr<at::ObserverContext> note_kernel(const at::RecordFunction& function) {
  if (std::strcmp(function.name(), "aten::convolution") != 0) return nullptr;
  return std::make_unique<Kernel>(function.inputs()[1].toTensor().numel());
}

void count_output(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) return;
  const at::Tensor output = function.outputs()[0].toTensor();
  counted += static_cast<Kernel*>(context)->numel * output.numel() / output.size(1);
}

int64_t counted_multiply_adds(Detector& detector, int64_t height, int64_t width) {
  torch::NoGradGuard no_grad;
  counted = 0;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(note_kernel, count_output).needsInputs(true).needsOutputs(true));
  detector.forward(torch::zeros({1, 3, height, width}));
  at::removeCallback(handle);
  return counted;
}

TEST(Cost, ResNet18At224IsTheKnownNumberByHand) {
  ModelOptions options = tiny_options();
  options.backbone.width = 1;
  const auto detector = seeded_detector(options);
  EXPECT_EQ(cost_of_part(*detector, "backbone stem", 224, 224).multiply_adds, 64LL * 147 * 112 * 112);
  EXPECT_EQ(cost_of_part(*detector, "backbone stage1", 224, 224).multiply_adds, 4LL * 64 * 64 * 9 * 56 * 56);
  // 3x3 64->128 strided, three 3x3 128->128, the shortcut's 1x1.
  EXPECT_EQ(cost_of_part(*detector, "backbone stage2", 224, 224).multiply_adds,
            (64LL * 128 * 9 + 3LL * 128 * 128 * 9 + 64 * 128) * 28 * 28);
  PartCost backbone;
  for (const auto& part : part_costs(*detector, 224, 224)) {
    if (part.part.starts_with("backbone"))
      backbone.multiply_adds += part.multiply_adds, backbone.parameters += part.parameters;
  }
  // Literature: 1.82 GFLOPs and 11.69 M parameters with the classifier's 512,000 and 513,000.
  EXPECT_EQ(backbone.multiply_adds, 1'814'073'344 - 512'000);
  EXPECT_EQ(backbone.parameters, 11'689'512 - 513'000);
}

TEST(Cost, NeckAndHeadByHand) {
  ModelOptions options = tiny_options();  // 16 channels, levels 3..5, two tower convolutions, 8 bins
  const auto detector = seeded_detector(options, 3);
  const int64_t cells = 8 * 8 + 4 * 4 + 2 * 2;
  const auto tower = cost_of_part(*detector, "head reg tower", 64, 64);
  EXPECT_EQ(tower.parameters, 2 * (16 * 16 * 9 + 2 * 16));
  EXPECT_EQ(tower.multiply_adds, 2 * 16 * 16 * 9 * cells);
  const auto predictors = cost_of_part(*detector, "head predictors", 64, 64);
  EXPECT_EQ(predictors.parameters, (3 + 32) * (16 * 9 + 1) + 3);
  EXPECT_EQ(predictors.multiply_adds, (3 + 32) * 16 * 9 * cells);
  const auto neck = cost_of_part(*detector, "neck", 64, 64);
  EXPECT_EQ(neck.multiply_adds, 16 * 16 * 64 + 16 * 32 * 16 + 16 * 64 * 4 + 16 * 16 * 9 * cells);
}

TEST(Cost, PartsComeInTheOrderOfTheForwardPass) {
  ModelOptions options = tiny_options();
  options.head.lifting.enabled = true;
  std::vector<std::string> names;
  for (const auto& part : part_costs(*seeded_detector(options), 64, 64)) names.push_back(part.part);
  EXPECT_THAT(names, testing::ElementsAre("backbone stem", "backbone stage1", "backbone stage2", "backbone stage3",
                                          "backbone stage4", "neck", "head cls tower", "head reg tower",
                                          "head Light-ML", "head predictors"));
}

class CountedCost : public testing::TestWithParam<std::tuple<const char*, LiftingOptions>> {};

TEST_P(CountedCost, FormulaCountsWhatReallyRuns) {
  ModelOptions options = tiny_options();
  options.backbone.name = std::get<0>(GetParam());
  options.neck.first_level = 2;
  options.neck.last_level = 7;
  options.head.lifting = std::get<1>(GetParam());
  const auto detector = seeded_detector(options);
  detector->eval();
  EXPECT_EQ(total_cost(part_costs(*detector, 75, 130)).multiply_adds, counted_multiply_adds(*detector, 75, 130));
}

INSTANTIATE_TEST_SUITE_P(All, CountedCost,
                         testing::Combine(testing::Values("resnet18", "resnet50", "efficientnet_lite2", "mobilenet_v2"),
                                          testing::Values(LiftingOptions{},
                                                          LiftingOptions{.enabled = true, .kernel = 3, .groups = 2},
                                                          LiftingOptions{.enabled = true, .training_only = true},
                                                          LiftingOptions{.enabled = true, .folded = true})));

TEST(Cost, LiftingCostIsTheDifferenceToThePlainDetector) {
  const auto plain = total_cost(part_costs(*seeded_detector(tiny_options()), 96, 64));
  for (const LiftingOptions& lifting : {LiftingOptions{.enabled = true}, LiftingOptions{.enabled = true, .groups = 0},
                                        LiftingOptions{.enabled = true, .folded = true}, LiftingOptions{}}) {
    ModelOptions options = tiny_options();
    options.head.lifting = lifting;
    const auto detector = seeded_detector(options);
    const auto all = total_cost(part_costs(*detector, 96, 64)), extra = lifting_cost(*detector, 96, 64);
    EXPECT_EQ(extra.parameters, all.parameters - plain.parameters);
    EXPECT_EQ(extra.multiply_adds, all.multiply_adds - plain.multiply_adds);
    EXPECT_EQ(extra.parameters > 0, lifting.enabled);
  }
}

}  // namespace
}  // namespace skylift
