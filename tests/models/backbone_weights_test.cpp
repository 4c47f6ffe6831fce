#include "skylift/models/backbone_weights.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <torch/torch.h>

#include "skylift/core/error.h"
#include "skylift/models/backbone_origin.h"
#include "skylift/models/resnet.h"
#include "skylift/models/tensor_file.h"
#include "skylift/models/timm_names.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class BackboneWeights : public testing::Test {
 protected:
  void write(
      const ResNet& network,
      const std::function<bool(const std::string&)>& leave_out = [](const auto&) { return false; }) {
    std::vector<NamedTensor> tensors = {{"fc.weight", torch::zeros({1000, 512})},
                                        {"bn1.num_batches_tracked", torch::tensor(5L)}};
    for (const auto& named : named_state(network)) {
      if (!leave_out(named.name)) tensors.push_back(named);
    }
    write_tensors(path_, tensors);
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_.path() / "backbone.safetensors";
};

TEST_F(BackboneWeights, AWholeFileReplacesEveryTensor) {
  const ResNet source({});
  write(source);
  ResNet network({});
  const BackboneReport report = load_backbone_weights(network, path_);
  EXPECT_THAT(report.absent, testing::IsEmpty());
  const auto expected = named_state(source), got = named_state(network);
  EXPECT_EQ(report.matched.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].tensor.equal(expected[i].tensor)) << got[i].name;
}

TEST_F(BackboneWeights, APartialFileIsTakenAndSaid) {
  const ResNet source({});
  write(source, [](const std::string& name) { return name.starts_with("layer4.1."); });
  ResNet network({});
  const at::Tensor before = network.named_parameters()["layer4.1.conv1.weight"].clone();
  testing::internal::CaptureStderr();
  const BackboneReport report = load_backbone_weights(network, path_);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("layer4.1 (bn1, bn2, conv1, conv2)"));
  EXPECT_EQ(report.absent.size(), 10u);
  EXPECT_TRUE(network.named_parameters()["layer4.1.conv1.weight"].equal(before));
  EXPECT_TRUE(network.named_parameters()["conv1.weight"].equal(source.named_parameters()["conv1.weight"]));
}

/// "features.3.conv.1.0.weight" or "_blocks.2._depthwise_conv.weight" -> "blocks.1.1.conv_dw.weight".
std::string timms_name(std::string name, bool mobile) {
  const std::vector<std::pair<std::string, std::string>> outside = {
      {"features.0.0.", "conv_stem."}, {"features.0.1.", "bn1."}, {"_conv_stem.", "conv_stem."}, {"_bn0.", "bn1."}};
  for (const auto& [ours, timms] : outside) {
    if (name.starts_with(ours)) return timms + name.substr(ours.size());
  }
  const size_t begin = name.find('.') + 1, end = name.find('.', begin);
  int block = std::stoi(name.substr(begin)) - (mobile ? 1 : 0), stage = 0;
  const std::vector<int> counts = mobile ? std::vector{1, 2, 3, 4, 3, 3, 1} : std::vector{1, 2, 2, 3, 3, 4, 1};
  for (; block >= counts[stage]; ++stage) block -= counts[stage];
  const std::vector<std::string> plain = {"conv_dw.", "bn1.", "conv_pw.", "bn2."},
                                 wide = {"conv_pw.", "bn1.", "conv_dw.", "bn2.", "conv_pwl.", "bn3."};
  const std::vector<std::string> parts =
      mobile && stage == 0 ? std::vector<std::string>{"conv.0.0.", "conv.0.1.", "conv.1.", "conv.2."}
      : mobile ? std::vector<std::string>{"conv.0.0.", "conv.0.1.", "conv.1.0.", "conv.1.1.", "conv.2.", "conv.3."}
      : stage == 0
          ? std::vector<std::string>{"_depthwise_conv.", "_bn1.", "_project_conv.", "_bn2."}
          : std::vector<std::string>{"_expand_conv.", "_bn0.", "_depthwise_conv.", "_bn1.", "_project_conv.", "_bn2."};
  const std::string rest = name.substr(end + 1);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (rest.starts_with(parts[i]))
      return fmt::format("blocks.{}.{}.{}{}", stage, block, (stage == 0 ? plain : wide)[i],
                         rest.substr(parts[i].size()));
  }
  return name;
}

TEST_F(BackboneWeights, TimmsNamesAreReadToo) {
  for (const std::string name : {"efficientnet_lite0", "mobilenet_v2"}) {
    SCOPED_TRACE(name);
    const auto source = make_backbone({.name = name});
    std::vector<NamedTensor> tensors = {{"classifier.weight", torch::zeros({10, 1280})},
                                        {"conv_head.weight", torch::zeros({1280, 320, 1, 1})},
                                        {"bn2.weight", torch::zeros({1280})}};
    for (const auto& named : named_state(*source))
      tensors.push_back({timms_name(named.name, name == "mobilenet_v2"), named.tensor});
    write_tensors(path_, tensors);
    ForeignFile file = read_foreign(path_);
    enter_backbone(file);
    const ImportedBackbone imported = import_backbone(file);
    EXPECT_EQ(imported.name, name);
    EXPECT_THAT(imported.report.absent, testing::IsEmpty());
    EXPECT_EQ(imported.report.passed_over.size(), 3u);
    const auto network = make_backbone({.name = name});
    load_backbone_weights(*network, path_);
    const auto expected = named_state(*source), got = named_state(*network);
    size_t equal = 0;
    for (size_t i = 0; i < got.size(); ++i) equal += got[i].tensor.equal(expected[i].tensor);
    EXPECT_EQ(equal, got.size() - (name == "mobilenet_v2" ? 0 : 2)) << "all but what takes up the normalisation";
  }
}

TEST_F(BackboneWeights, TimmsOtherNetworksAreNamed) {
  const at::Tensor one = torch::zeros({1, 1, 1, 1});
  ForeignFile file{.path = "model.safetensors"};
  file.tensors = {
      {"conv_stem.weight", one}, {"blocks.0.0.conv_dw.weight", one}, {"blocks.0.0.se.conv_reduce.weight", one}};
  EXPECT_THAT([&] { rename_from_timm(file); }, ThrowsMessage<Error>(HasSubstr("with squeeze-excite")));
  file.tensors.pop_back();
  EXPECT_THAT([&] { rename_from_timm(file); }, ThrowsMessage<Error>(HasSubstr("expected tf_efficientnet_lite0")));
}

TEST_F(BackboneWeights, AnotherArchitectureIsAnErrorThatNamesATensor) {
  const auto load = [&](const char* name) {
    return [this, name] {
      BackboneOptions options;
      options.name = name;
      ResNet network(options);
      load_backbone_weights(network, path_);
    };
  };
  write(ResNet({}));
  EXPECT_THAT(load("resnet50"),
              ThrowsMessage<Error>(HasSubstr("'layer1.0.conv1.weight' has shape [64,64,3,3], expected [64,64,1,1]")));
  EXPECT_THAT(load("resnet34"), ThrowsMessage<Error>(HasSubstr("is absent")));
  BackboneOptions deeper;
  deeper.name = "resnet34";
  write(ResNet(deeper));
  EXPECT_THAT(load("resnet18"), ThrowsMessage<Error>(HasSubstr("'layer1.2.conv1.weight' has no place")));
  write_tensors(path_, {});
  EXPECT_THAT(load("resnet18"), ThrowsMessage<Error>(HasSubstr("got 0 of")));
}

TEST_F(BackboneWeights, AFailedLoadChangesNothing) {
  const ResNet source({});
  auto tensors = named_state(source);
  tensors.push_back({"layer9.weight", torch::zeros({1})});
  write_tensors(path_, tensors);
  ResNet network({});
  const at::Tensor before = network.named_parameters()["conv1.weight"].clone();
  EXPECT_THROW(load_backbone_weights(network, path_), Error);
  EXPECT_TRUE(network.named_parameters()["conv1.weight"].equal(before));
}

TEST_F(BackboneWeights, ANetworkAmongOthersIsFound) {
  const ResNet source({});
  const auto with_prefix = [&](const std::string& prefix, double factor) {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : named_state(source)) tensors.push_back({prefix + name, tensor * factor});
    return tensors;
  };
  const auto join = [](std::vector<NamedTensor> one, const std::vector<NamedTensor>& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
  };
  const std::vector<NamedTensor> others = {{"rpn.head.conv.weight", torch::zeros({1})},
                                           {"backbone.fpn.conv1.weight", torch::zeros({1})}};
  ResNet network({});
  for (const auto& tensors : {join(with_prefix("backbone.body.", 2), others),
                              join(with_prefix("student.backbone.", 2), with_prefix("teacher.backbone.", 3)),
                              join(with_prefix("", 2), {{"projector.0.weight", torch::zeros({1})}})}) {
    write_tensors(path_, tensors);
    load_backbone_weights(network, path_);
    EXPECT_TRUE(network.named_parameters()["conv1.weight"].equal(source.named_parameters()["conv1.weight"] * 2));
  }
  write_tensors(path_, join(with_prefix("a.", 2), with_prefix("b.", 3)));
  EXPECT_THAT([&] { load_backbone_weights(network, path_); },
              ThrowsMessage<Error>(testing::AllOf(HasSubstr("holds 2 networks"), HasSubstr("--key"))));
  ForeignFile chosen = read_foreign(path_, "b");
  EXPECT_EQ(chosen.tensors.size(), named_state(source).size());
  EXPECT_EQ(chosen.beside.size(), chosen.tensors.size());
}

TEST_F(BackboneWeights, ANumberThatIsNoneIsNamed) {
  const ResNet source({});
  source.named_parameters()["layer2.0.conv1.weight"].data()[3][1][0][2] = NAN;
  write(source);
  ResNet network({});
  EXPECT_THAT([&] { load_backbone_weights(network, path_); },
              ThrowsMessage<Error>(HasSubstr("'layer2.0.conv1.weight' holds a number that is not finite")));
}

TEST_F(BackboneWeights, FoldedBatchNormIsNoticed) {
  ResNet source({});
  write(source);
  ResNet network({});
  EXPECT_TRUE(load_backbone_weights(network, path_).norm_folded);  // fresh statistics look the same and do as little
  source.named_buffers()["bn1.running_var"].fill_(3);
  write(source);
  EXPECT_FALSE(load_backbone_weights(network, path_).norm_folded);
}

TEST_F(BackboneWeights, TheDetectorLoadsThemAndKeepsItsOtherRandomNumbers) {
  ModelOptions options = tiny_options();
  options.backbone.width = 1;
  const auto random = seeded_detector(options);
  const ResNet source({});
  write(source);
  options.backbone.weights = path_.string();
  options.backbone.norm_eval = true;
  const auto pretrained = seeded_detector(options);
  const auto parameters = pretrained->named_parameters();
  EXPECT_TRUE(parameters["backbone.layer3.1.conv2.weight"].equal(source.named_parameters()["layer3.1.conv2.weight"]));
  EXPECT_TRUE(parameters["head.cls_predictor.weight"].equal(random->named_parameters()["head.cls_predictor.weight"]));
  options.backbone.width = 0.5;
  EXPECT_THAT([&] { Detector(options, 3); }, ThrowsMessage<Error>(HasSubstr("backbone.width")));
}

}  // namespace
}  // namespace skylift
