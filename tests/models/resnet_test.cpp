#include "skylift/models/resnet.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "skylift/core/error.h"

namespace skylift {
namespace {

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

struct KnownSize {
  const char* name;
  int64_t parameters;  // torchvision's network less its classifier
  std::vector<int64_t> channels;
};

class ResNetSize : public testing::TestWithParam<KnownSize> {};

TEST_P(ResNetSize, ParametersAndChannelsAreTorchvisions) {
  const ResNet network({.name = GetParam().name});
  EXPECT_EQ(parameter_count(network), GetParam().parameters);
  EXPECT_EQ(network.out_channels(), GetParam().channels);
}

INSTANTIATE_TEST_SUITE_P(Depths, ResNetSize,
                         testing::Values(KnownSize{"resnet18", 11'176'512, {64, 128, 256, 512}},
                                         KnownSize{"resnet34", 21'284'672, {64, 128, 256, 512}},
                                         KnownSize{"resnet50", 23'508'032, {256, 512, 1024, 2048}},
                                         KnownSize{"resnet101", 42'500'160, {256, 512, 1024, 2048}}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ResNet, NamesAreTorchvisions) {
  const auto names18 = ResNet({.name = "resnet18"}).named_parameters().keys();
  EXPECT_THAT(names18,
              testing::IsSupersetOf({"conv1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.1.bn2.weight",
                                     "layer2.0.downsample.0.weight", "layer2.0.downsample.1.bias"}));
  EXPECT_THAT(names18, testing::Not(testing::Contains("layer1.0.downsample.0.weight")));
  const auto names50 = ResNet({.name = "resnet50"}).named_parameters();
  EXPECT_EQ(names50["layer1.0.downsample.0.weight"].sizes(), (std::vector<int64_t>{256, 64, 1, 1}));
  EXPECT_EQ(names50["layer3.5.conv3.weight"].sizes(), (std::vector<int64_t>{1024, 256, 1, 1}));
}

TEST(ResNet, UnknownNameIsAnErrorWithTheNearest) {
  EXPECT_THAT([] { ResNet({.name = "resnet81"}); }, testing::ThrowsMessage<Error>(testing::HasSubstr("resnet18")));
}

TEST(ResNet, StridesRoundUpAndBottleneckStrideIsInThe3x3) {
  ResNet network({.name = "resnet50", .width = 0.125});
  const auto maps = network.forward(torch::randn({1, 3, 70, 33}));
  EXPECT_EQ(maps[0].sizes(), (std::vector<int64_t>{1, 32, 18, 9}));
  EXPECT_EQ(maps[1].sizes(), (std::vector<int64_t>{1, 64, 9, 5}));
  EXPECT_EQ(maps[3].sizes(), (std::vector<int64_t>{1, 256, 3, 2}));
  const auto strides = [&](const char* path) {
    return network.named_modules("", false)[path]->as<torch::nn::Conv2d>()->options.stride()->at(0);
  };
  EXPECT_EQ(strides("layer2.0.conv1"), 1);
  EXPECT_EQ(strides("layer2.0.conv2"), 2);
}

TEST(ResNet, WidthScalesToMultiplesOfEight) {
  EXPECT_EQ(ResNet({.width = 0.25}).out_channels(), (std::vector<int64_t>{16, 32, 64, 128}));
  EXPECT_EQ(ResNet({.width = 0.3}).out_channels(), (std::vector<int64_t>{16, 40, 80, 152}));
}

TEST(ResNet, EveryBlockBeginsAsItsShortcut) {
  ResNet network({.width = 0.125});
  for (const auto& item : network.named_parameters()) {
    const float expected = item.key().find("bn2.weight") != std::string::npos ? 0 : 1;
    if (item.key().find("bn") == std::string::npos || item.key().find("weight") == std::string::npos) continue;
    EXPECT_TRUE(item.value().equal(torch::full_like(item.value(), expected))) << item.key();
  }
  const auto weight = network.named_parameters()["layer1.0.conv1.weight"];
  EXPECT_NEAR(weight.std().item<double>(), std::sqrt(2.0 / (8 * 9)), 0.02);
}

/// One training step's gradients and batch statistics.
struct Trained {
  std::vector<std::string> with_gradient, with_new_statistics;
};

Trained train_once(ResNet& network) {
  std::map<std::string, at::Tensor> before;
  for (const auto& item : network.named_buffers()) before[item.key()] = item.value().clone();
  at::Tensor total = torch::zeros({});
  for (const auto& map : network.forward(torch::randn({2, 3, 64, 64}) + 0.5)) total = total + map.square().mean();
  total.backward();
  Trained trained;
  for (const auto& item : network.named_parameters()) {
    if (item.value().grad().defined()) trained.with_gradient.push_back(item.key());
  }
  for (const auto& item : network.named_buffers()) {
    if (!item.value().equal(before[item.key()])) trained.with_new_statistics.push_back(item.key());
  }
  return trained;
}

bool starts_with_any(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return name.rfind(prefix, 0) == 0; });
}

TEST(ResNet, FrozenStagesGetNoGradientAndKeepTheirStatistics) {
  ResNet network({.width = 0.125, .frozen_stages = 1});
  network.eval();
  network.train();  // must not thaw anything
  const Trained trained = train_once(network);
  const std::vector<std::string> frozen = {"conv1.", "bn1.", "layer1."};
  for (const auto& name : trained.with_gradient) EXPECT_FALSE(starts_with_any(name, frozen)) << name;
  for (const auto& name : trained.with_new_statistics) EXPECT_FALSE(starts_with_any(name, frozen)) << name;
  EXPECT_THAT(trained.with_gradient, testing::Contains("layer2.0.conv1.weight"));
  EXPECT_THAT(trained.with_new_statistics, testing::Contains("layer2.0.bn1.running_mean"));
}

TEST(ResNet, NormEvalKeepsAllStatisticsButTrainsTheAffinePart) {
  ResNet network({.width = 0.125, .norm_eval = true});
  const Trained trained = train_once(network);
  EXPECT_THAT(trained.with_new_statistics, testing::IsEmpty());
  EXPECT_THAT(trained.with_gradient, testing::IsSupersetOf({"bn1.weight", "layer1.0.bn1.bias", "conv1.weight"}));
}

TEST(ResNet, WithoutFreezingEverythingTrains) {
  ResNet network({.width = 0.125});
  const Trained trained = train_once(network);
  EXPECT_EQ(trained.with_gradient.size(), network.parameters().size());
  EXPECT_EQ(trained.with_new_statistics.size(), network.buffers().size());
}

}  // namespace
}  // namespace skylift
