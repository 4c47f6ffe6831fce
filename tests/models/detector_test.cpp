#include "skylift/models/detector.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>

#include "skylift/core/error.h"
#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using Shape = std::vector<int64_t>;

TEST(FeaturePyramid, OddSizesAreUpsampledToTheFinerMapExactly) {
  FeaturePyramid pyramid({.channels = 4, .first_level = 2, .last_level = 6}, {2, 3, 4, 5});
  const auto maps = pyramid.forward({torch::randn({1, 2, 25, 13}), torch::randn({1, 3, 13, 7}),
                                     torch::randn({1, 4, 7, 4}), torch::randn({1, 5, 4, 2})});
  ASSERT_EQ(maps.size(), 5u);
  EXPECT_EQ(maps[0].sizes(), (Shape{1, 4, 25, 13}));
  EXPECT_EQ(maps[1].sizes(), (Shape{1, 4, 13, 7}));
  EXPECT_EQ(maps[3].sizes(), (Shape{1, 4, 4, 2}));
  EXPECT_EQ(maps[4].sizes(), (Shape{1, 4, 2, 1}));
}

TEST(FeaturePyramid, AConstantTopReachesEveryFinerCell) {
  FeaturePyramid pyramid({.channels = 1, .first_level = 3, .last_level = 5}, {1, 1, 1, 1});
  torch::NoGradGuard no_grad;
  for (auto& item : pyramid.named_parameters()) {
    item.value().zero_();
    const bool kernel3 = item.value().dim() == 4 && item.value().size(2) == 3;
    if (kernel3) item.value()[0][0][1][1] = 1;  // the identity
    if (item.key() == "lateral5.weight" || item.key() == "lateral4.weight") item.value().fill_(1);
  }
  const auto zero = [](int64_t side) { return torch::zeros({1, 1, side, side}); };
  const auto maps =
      pyramid.forward({zero(17), zero(9), torch::full({1, 1, 5, 5}, 10.0), torch::full({1, 1, 3, 3}, 2.0)});
  EXPECT_TRUE(maps[2].equal(torch::full({1, 1, 3, 3}, 2.0)));
  EXPECT_TRUE(maps[1].equal(torch::full({1, 1, 5, 5}, 12.0)));
  EXPECT_TRUE(maps[0].equal(torch::full({1, 1, 9, 9}, 12.0)));
}

TEST(FeaturePyramid, BeginsWithXavierUniformAndNoBias) {
  FeaturePyramid pyramid({.channels = 32, .first_level = 3, .last_level = 7}, {8, 8, 8, 8});
  EXPECT_THAT(pyramid.named_parameters().keys(),
              testing::UnorderedElementsAre("lateral3.weight", "lateral3.bias", "lateral4.weight", "lateral4.bias",
                                            "lateral5.weight", "lateral5.bias", "output3.weight", "output3.bias",
                                            "output4.weight", "output4.bias", "output5.weight", "output5.bias",
                                            "output6.weight", "output6.bias", "output7.weight", "output7.bias"));
  const at::Tensor weight = pyramid.named_parameters()["output3.weight"];
  const double bound = std::sqrt(6.0 / (2 * 32 * 9));
  EXPECT_LE(weight.abs().max().item<double>(), bound);
  EXPECT_GT(weight.abs().max().item<double>(), 0.98 * bound);
  EXPECT_EQ(pyramid.named_parameters()["output7.bias"].abs().sum().item<double>(), 0);
}

TEST(Detector, OutputShapesOfTheReferenceModel) {
  ModelOptions options;
  options.neck.channels = 32;
  options.head.channels = 64;
  options.backbone.width = 0.125;
  const auto output = seeded_detector(options, 10)->forward(random_images(2, 128, 160));
  EXPECT_EQ(output.strides, (std::vector<int>{8, 16, 32, 64, 128}));
  EXPECT_EQ(output.reg_max, 16);
  ASSERT_EQ(output.levels.size(), 5u);
  EXPECT_EQ(output.levels[0].feature.sizes(), (Shape{2, 32, 16, 20}));
  EXPECT_EQ(output.levels[0].cls_logits.sizes(), (Shape{2, 10, 16, 20}));
  EXPECT_EQ(output.levels[1].box_logits.sizes(), (Shape{2, 68, 8, 10}));
  EXPECT_EQ(output.levels[4].box_logits.sizes(), (Shape{2, 68, 1, 2}));
  EXPECT_FALSE(output.has_lifted());
}

TEST(Detector, LevelsTwoToSix) {
  ModelOptions options = tiny_options();
  options.neck.first_level = 2;
  options.neck.last_level = 6;
  const auto output = seeded_detector(options)->forward(random_images(1, 96, 64));
  EXPECT_EQ(output.strides, (std::vector<int>{4, 8, 16, 32, 64}));
  EXPECT_EQ(output.levels[0].cls_logits.sizes(), (Shape{1, 3, 24, 16}));
  EXPECT_EQ(output.levels[4].cls_logits.sizes(), (Shape{1, 3, 2, 1}));
}

TEST(Detector, FlatLogitsRunLevelByLevelRowByRowSideByBin) {
  const auto output = seeded_detector(tiny_options())->forward(random_images(2, 64, 96));
  const auto cls = flat_cls_logits(output), box = flat_box_logits(output);
  const auto grid = point_grid(output);
  ASSERT_EQ(cls.sizes(), (Shape{2, grid.count(), 3}));
  ASSERT_EQ(box.sizes(), (Shape{2, grid.count(), 4, 8}));
  // Image 1, level 1 (4 rows, 6 columns), row 2, column 5.
  const int64_t point = grid.levels[1].offset + 2 * 6 + 5;
  EXPECT_TRUE(cls[1][point].equal(output.levels[1].cls_logits.index({1, at::indexing::Slice(), 2, 5})));
  EXPECT_EQ(box[1][point][3][2].item<float>(), output.levels[1].box_logits[1][3 * 8 + 2][2][5].item<float>());
  EXPECT_EQ(grid.centres[point][0].item<float>(), 5 * 16);
  EXPECT_EQ(grid.centres[point][1].item<float>(), 2 * 16);
}

TEST(GflHead, BeginsAsTheReference) {
  const auto parameters = seeded_detector(ModelOptions{}, 10)->named_parameters();
  EXPECT_NEAR(parameters["head.cls_predictor.bias"].max().item<double>(), -4.59512, 1e-5);
  EXPECT_NEAR(parameters["head.cls_predictor.bias"].min().item<double>(), -4.59512, 1e-5);
  EXPECT_EQ(parameters["head.box_predictor.bias"].abs().max().item<double>(), 0);
  for (const char* name : {"head.cls_predictor.weight", "head.box_predictor.weight", "head.reg_tower.3.conv.weight"}) {
    EXPECT_NEAR(parameters[name].std().item<double>(), 0.01, 3e-4) << name;
    EXPECT_NEAR(parameters[name].mean().item<double>(), 0, 3e-4) << name;
  }
  EXPECT_EQ(parameters["head.cls_tower.0.norm.weight"].min().item<double>(), 1);
  EXPECT_TRUE(parameters["head.level_scales"].equal(torch::ones({5})));
  EXPECT_FALSE(parameters.contains("head.cls_tower.0.conv.bias"));
}

TEST(GflHead, LevelScalesMultiplyTheBoxLogitsOfTheirLevelOnly) {
  auto detector = seeded_detector(tiny_options());
  const at::Tensor images = random_images(1, 64, 64);
  const auto plain = detector->forward(images);
  {
    torch::NoGradGuard no_grad;
    detector->named_parameters()["head.level_scales"][1] = 2;
  }
  const auto scaled = detector->forward(images);
  EXPECT_TRUE(scaled.levels[1].box_logits.equal(plain.levels[1].box_logits * 2));
  EXPECT_TRUE(scaled.levels[0].box_logits.equal(plain.levels[0].box_logits));
  EXPECT_TRUE(scaled.levels[1].cls_logits.equal(plain.levels[1].cls_logits));
}

TEST(GflHead, PredictionGoesOnFromAnyTowerConvolution) {
  auto detector = seeded_detector(tiny_options());
  const auto output = detector->forward(random_images(1, 64, 64));
  const auto& level = output.levels[2];
  TowerPair features = {level.feature, level.feature};
  for (size_t conv = 0; conv <= 2; ++conv) {
    const auto again = detector->head().predict_from(2, conv, features);
    EXPECT_TRUE(again.cls_logits.equal(level.cls_logits)) << conv;
    EXPECT_TRUE(again.box_logits.equal(level.box_logits)) << conv;
    if (conv == 2) break;
    const auto before = [&](const at::Tensor& x) { return conv == 0 ? x : x.relu(); };
    features = {detector->head().cls_tower()[conv]->forward(before(features.cls)),
                detector->head().reg_tower()[conv]->forward(before(features.reg))};
  }
}

TEST(GflHead, NormGroupsAreLoweredToADivisor) {
  ModelOptions options = tiny_options();
  options.head.channels = 18;
  options.head.norm_groups = 4;  // 3 divides 18
  const auto detector = seeded_detector(options);
  const auto norm = detector->named_modules()["head.cls_tower.0.norm"]->as<torch::nn::GroupNorm>();
  EXPECT_EQ(norm->options.num_groups(), 3);
}

TEST(Detector, ChannelsLastGivesTheSameAndStaysChannelsLast) {
  auto detector = seeded_detector(tiny_options());
  const at::Tensor images = random_images(2, 64, 96);
  const auto plain = detector->forward(images);
  const auto last = detector->forward(images.contiguous(at::MemoryFormat::ChannelsLast));
  for (size_t i = 0; i < plain.levels.size(); ++i) {
    EXPECT_LT(largest_difference(plain.levels[i].box_logits, last.levels[i].box_logits), 1e-4);
    EXPECT_TRUE(last.levels[i].cls_logits.is_contiguous(at::MemoryFormat::ChannelsLast)) << i;
  }
}

TEST(Detector, AutocastKeepsBoxLogitsInFloat) {
  auto detector = seeded_detector(tiny_options());
  const at::Tensor images = random_images(1, 64, 64);
  const auto exact = detector->forward(images);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto output = detector->forward(images);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(output.levels[0].cls_logits.scalar_type(), at::kBFloat16);
  EXPECT_EQ(output.levels[0].box_logits.scalar_type(), at::kFloat);
  EXPECT_LT(largest_difference(output.levels[0].cls_logits.to(at::kFloat), exact.levels[0].cls_logits), 0.05);
}

TEST(ModelOptions, BadOnesAreErrorsThatNameTheOption) {
  const auto with = [](auto change) {
    ModelOptions options = tiny_options();
    change(options);
    return [options] { Detector(options, 3); };
  };
  EXPECT_THAT(with([](auto& o) { o.backbone.name = "resnet81"; }), ThrowsMessage<Error>(HasSubstr("backbone.name")));
  EXPECT_THAT(with([](auto& o) { o.head.depth = 0; }), ThrowsMessage<Error>(HasSubstr("head.depth")));
  EXPECT_THAT(with([](auto& o) { o.neck.first_level = 4, o.neck.last_level = 3; }),
              ThrowsMessage<Error>(HasSubstr("neck.last_level")));
  EXPECT_THAT(with([](auto& o) { o.head.lifting = {.enabled = true, .kernel = 2}; }),
              ThrowsMessage<Error>(HasSubstr("lifting.kernel")));
  EXPECT_THAT(with([](auto& o) { o.head.lifting = {.enabled = true, .groups = 5}; }),
              ThrowsMessage<Error>(HasSubstr("lifting.groups")));
  EXPECT_THAT(with([](auto& o) { o.head.lifting = {.enabled = true, .activation = "relu"}; }),
              ThrowsMessage<Error>(HasSubstr("lifting.activation")));
  EXPECT_THAT([] { Detector(tiny_options(), 0); }, ThrowsMessage<Error>(HasSubstr("0 classes")));
}

TEST(ModelOptions, EveryOptionSurvivesTheTrip) {
  ModelOptions options = tiny_options();
  options.head.lifting = {.enabled = true, .kernel = 3, .groups = 2, .norm = "gn", .activation = "relu"};
  OptionTable table;
  bind(table.root().section("model"), options);
  ModelOptions copy;
  OptionTable other;
  bind(other.root().section("model"), copy);
  for (const auto& option : table.options()) other.set(option.key + "=" + value_text(option));
  EXPECT_EQ(table.to_toml(), other.to_toml());
  EXPECT_EQ(copy.head.lifting.norm, "gn");
}

}  // namespace
}  // namespace skylift
