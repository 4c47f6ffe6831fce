// What holds for every method: it runs on awkward input, its gradients are right, what it trains is registered.
#include "skylift/kd/methods.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

#include "skylift/core/error.h"
#include "skylift/kd/bckd.h"
#include "skylift/kd/fgd.h"
#include "skylift/kd/mgd.h"
#include "tests/gradient_check.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::KdScene;
using testing::make_targets;

/// Those that need no model but its outputs.
std::vector<std::string> output_methods() {
  std::vector<std::string> names;
  for (const std::string& name : distill_method_names()) {
    if (name != "crosskd") names.push_back(name);
  }
  return names;
}

DistillOptions only(const std::string& method, const std::string& region = "default") {
  DistillOptions options;
  options.methods = {method};
  options.region = region;
  return options;
}

std::vector<std::string> all_regions() { return {"default", "all", "positives", "vlr", "boxes", "cid"}; }

TEST(Methods, NamesAreUniqueAndDescribed) {
  std::set<std::string> names;
  for (const MethodInfo& method : distill_methods()) {
    EXPECT_TRUE(names.insert(method.name).second) << method.name;
    EXPECT_FALSE(method.summary.empty());
    EXPECT_FALSE(method.paper.empty());
  }
}

TEST(Methods, EveryMethodRunsInEveryRegionOnAwkwardInput) {
  const Targets some = make_targets({10, 10, 30, 34, 33, 41, 37, 44}, {0, 0}), none = make_targets({}, {});
  const testing::DenseShape usual{.classes = 1},
      smallest{.images = 1, .classes = 1, .reg_max = 4, .sizes = {{1, 1}}, .strides = {8}};
  const std::vector<KdScene> scenes = {KdScene({some, none}, usual), KdScene({none, none}, usual),
                                       KdScene({none}, smallest),
                                       KdScene({make_targets({-4, -4, 5, 5}, {0})}, smallest)};
  for (const std::string& method : output_methods()) {
    for (const std::string& region : all_regions()) {
      for (KdScene scene : scenes) {
        for (LevelOutput& level : scene.student.levels) {
          for (at::Tensor* map : {&level.feature, &level.cls_logits, &level.box_logits})
            *map = map->clone().requires_grad_(true);
        }
        Distiller distiller(only(method, region), testing::shape_of(scene), testing::shape_of(scene));
        for (const LossTerm& term : distiller(scene.inputs())) {
          ASSERT_TRUE(std::isfinite(term.value.item<double>())) << term.name << " " << region;
          EXPECT_GE(term.value.item<double>(), -1e-6) << term.name << " " << region;
          term.value.backward({}, /*keep_graph=*/true);
        }
        for (const LevelOutput& level : scene.student.levels) {
          for (const at::Tensor& map : {level.feature, level.cls_logits, level.box_logits}) {
            const bool finite = !map.grad().defined() || map.grad().isfinite().all().item<bool>();
            ASSERT_TRUE(finite) << method << " " << region;
          }
        }
      }
    }
  }
}

TEST(Methods, ImagesWithoutObjectsGiveNothingInObjectRegions) {
  const KdScene scene({make_targets({}, {}), make_targets({}, {})});
  for (const std::string& method : output_methods()) {
    for (const std::string region : {"positives", "vlr", "boxes", "cid"}) {
      for (const LossTerm& term : testing::distil(scene, only(method, region))) {
        // FGD's background, attention and relation look at whole maps by definition.
        if (method == "fgd" && term.name != "kd_fgd_foreground") continue;
        EXPECT_EQ(term.value.item<double>(), 0) << term.name << " " << region;
      }
    }
  }
}

/// The student's features and logits of a tiny scene as one vector.
at::Tensor pack(const DenseOutput& output) {
  std::vector<at::Tensor> parts;
  for (const LevelOutput& level : output.levels) parts.push_back(level.feature.reshape({-1}));
  parts.push_back(testing::pack_logits(output));
  return torch::cat(parts);
}

DenseOutput unpack(DenseOutput output, const at::Tensor& packed) {
  int64_t begin = 0;
  for (LevelOutput& level : output.levels) {
    level.feature = packed.narrow(0, begin, level.feature.numel()).view(level.feature.sizes());
    begin += level.feature.numel();
  }
  return testing::with_logits(output, packed.slice(0, begin));
}

TEST(Methods, GradientsInDouble) {
  const testing::DenseShape tiny{
      .classes = 3, .channels = 2, .reg_max = 2, .sizes = {{3, 2}, {1, 1}}, .strides = {8, 16}};
  const KdScene scene({make_targets({2, 2, 14, 20}, {1})}, tiny, at::kDouble);
  for (const std::string method : {"bckd", "pkd", "cwd", "dist", "fitnet", "mgd", "fgd"}) {
    for (const std::string region : {"default", "cid"}) {
      DistillOptions options = only(method, region);
      options.of<MgdOptions>().hidden_share = 0;  // else every call draws another mask
      options.of<BckdOptions>().box_weight =
          0;  // its factor is a constant by definition; the overlap is checked with the boxes
      if (region == "default")
        options.of<FgdOptions>().attention_weight = 0;  // |x| has kinks where two attentions meet
      Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
      distiller.to(at::kDouble);
      const auto loss = [&](const at::Tensor& packed) {
        KdScene varied = scene;
        varied.student = unpack(scene.student, packed);
        at::Tensor sum = torch::zeros({}, at::kDouble);
        for (const LossTerm& term : distiller(varied.inputs())) sum = sum + term.value;
        return sum;
      };
      SCOPED_TRACE(method + " " + region);
      testing::expect_gradient_matches(loss, pack(scene.student), 1e-5, 1e-6);
    }
  }
}

TEST(Methods, WiderTeachersGetAdaptersThatTrain) {
  const KdScene student({make_targets({10, 10, 30, 34}, {0})}, {.channels = 2});
  KdScene scene = student;
  scene.teacher = testing::random_output({.images = 1, .channels = 6}, 9);
  ModelShape wide = testing::shape_of(student);
  wide.channels = 6;
  for (const std::string method : {"pkd", "fitnet", "mgd", "fgd"}) {
    Distiller distiller(only(method), testing::shape_of(student), wide);
    const auto parameters = distiller.named_parameters();
    ASSERT_NE(parameters.find(method + ".adapters.convolutions.0.weight"), nullptr) << method;
    EXPECT_EQ(parameters[method + ".adapters.convolutions.0.weight"].sizes(), (std::vector<int64_t>{6, 2, 1, 1}));
    at::Tensor sum;
    for (const LossTerm& term : distiller(scene.inputs())) sum = sum.defined() ? sum + term.value : term.value;
    sum.backward();
    EXPECT_GT(parameters[method + ".adapters.convolutions.0.weight"].grad().abs().sum().item<double>(), 0) << method;
  }
  for (const std::string method : {"ld", "logit", "cid", "bckd", "dist"}) {
    EXPECT_TRUE(Distiller(only(method), testing::shape_of(student), wide).parameters().empty()) << method;
  }
}

TEST(Methods, FeatureStrengthDoesNotDependOnChannelsOrResolution) {
  const auto loss = [](const std::string& method, int64_t channels, int64_t side) {
    KdScene scene({make_targets({8, 8, 24, 24}, {0})}, {.channels = channels, .sizes = {{side, side}}, .strides = {8}});
    scene.student.levels[0].feature = torch::full({1, channels, side, side}, 1.0F);
    scene.teacher.levels[0].feature = torch::full({1, channels, side, side}, 1.5F);
    DistillOptions options = only(method);
    Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
    return distiller(scene.inputs()).front().value.item<double>();
  };
  for (const std::string method : {"fitnet", "fgd"}) {
    EXPECT_NEAR(loss(method, 4, 8) / loss(method, 16, 8), 1, 1e-4) << method;
    EXPECT_NEAR(loss(method, 4, 8) / loss(method, 4, 32), 1, 1e-4) << method;
  }
}

TEST(Methods, CrossKdNeedsModels) {
  const KdScene scene({make_targets({}, {})});
  EXPECT_THROW(Distiller(only("crosskd"), testing::shape_of(scene), testing::shape_of(scene)), Error);
}

}  // namespace
}  // namespace skylift
