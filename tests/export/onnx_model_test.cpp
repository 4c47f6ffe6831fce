#include "skylift/export/onnx_model.h"

#include <ATen/Functions.h>
#include <gmock/gmock.h>
#include <torch/csrc/jit/ir/irparser.h>

#include "skylift/core/error.h"
#include "skylift/export/onnx_convert.h"
#include "skylift/models/card_text.h"
#include "tests/export/export_cases.h"

namespace skylift {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

struct Converted {
  OnnxGraph graph;
  std::vector<OnnxLevel> levels;
};

Converted convert(const Model& model, c10::ScalarType type = at::kFloat, int64_t height = 128, int64_t width = 192,
                  bool free_size = true) {
  const Trace traced = trace(*model.detector, height, width);
  Converted result;
  const std::string images = result.graph.add_input({"images", at::kFloat, {"batch", 3, "height", "width"}});
  result.levels = OnnxConverter(result.graph, traced, images, type, free_size).convert();
  return result;
}

std::map<std::string, int> operations(const OnnxGraph& graph) {
  std::map<std::string, int> counts;
  for (const auto& node : graph.nodes()) ++counts[node.op];
  return counts;
}

std::set<std::string> weight_names(const OnnxGraph& graph) {
  std::set<std::string> names;
  for (const auto& [name, value] : graph.constants()) {
    if (name.ends_with(".weight") || name.ends_with(".bias")) names.insert(name);
  }
  return names;
}

TEST(OnnxModel, ResNet18IsTheseOperations) {
  // 3 levels x 2 towers x 2 convolutions, each a group norm; 20 convolutions in the backbone, 3 + 3 in the neck.
  const Converted converted = convert(random_model(tiny_options()));
  const std::map<std::string, int> expected = {
      {"Conv", 20 + 6 + 3 * (2 * 2 + 2)},
      {"Relu", 17 + 12},
      {"MaxPool", 1},
      {"Resize", 2},
      {"Shape", 12},
      {"Reshape", 24},
      {"InstanceNormalization", 12},
      {"Mul", 12 + 3},  // the norms' weights; the levels' scales
      {"Add", 8 + 2 + 12},
  };
  EXPECT_EQ(operations(converted.graph), expected);
}

TEST(OnnxModel, NormIsFoldedAndWeightsOfTheHeadAreShared) {
  const auto names = weight_names(convert(random_model(tiny_options())).graph);
  EXPECT_TRUE(names.contains("backbone.conv1.weight"));
  EXPECT_TRUE(names.contains("backbone.conv1.bias"));
  EXPECT_TRUE(names.contains("head.cls_tower.0.conv.weight"));
  for (const auto& name : names) EXPECT_THAT(name, Not(HasSubstr("bn"))) << "batch norm is left";
  // 26 convolutions of backbone and neck with a bias each; the head's once for all levels.
  EXPECT_EQ(names.size(), 26 * 2 + 4 + 4 * 2 + 2 * 2);
}

TEST(OnnxModel, FoldedWeightIsConvolutionTimesNorm) {
  const Model model = random_model(tiny_options());
  const auto constants = convert(model).graph.constants();
  const auto parameters = model.detector->named_parameters();
  const auto buffers = model.detector->named_buffers();
  const at::Tensor scale = parameters["backbone.bn1.weight"] / (buffers["backbone.bn1.running_var"] + 1e-5).sqrt();
  const at::Tensor bias = parameters["backbone.bn1.bias"] - buffers["backbone.bn1.running_mean"] * scale;
  EXPECT_TRUE(at::allclose(constants.at("backbone.conv1.weight"),
                           parameters["backbone.conv1.weight"] * scale.view({-1, 1, 1, 1}), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(constants.at("backbone.conv1.bias"), bias, 1e-5, 1e-6));
}

TEST(OnnxModel, LightMlIsFolded) {
  ModelOptions options = tiny_options();
  options.head.lifting.enabled = true;
  const auto [plain, lifted] = std::pair{convert(random_model(tiny_options())), convert(random_model(options))};
  auto expected = operations(plain.graph);
  expected["Conv"] += 3 * 2;  // a level and tower
  expected["Add"] += 3 * 2;
  EXPECT_EQ(operations(lifted.graph), expected);
  EXPECT_EQ(lifted.graph.constants().at("head.cls_predictor.weight").size(1), 16);
  const std::string bytes = onnx_model(random_model(options), {});
  EXPECT_THAT(bytes, HasSubstr("\"head.lifting.folded\":true"));
}

TEST(OnnxModel, OddSizesAreResizedToTheirSize) {
  const Model model = random_model(tiny_options());
  const auto resizes = [](const OnnxGraph& graph) {
    std::vector<size_t> inputs;
    for (const auto& node : graph.nodes()) {
      if (node.op == "Resize") inputs.push_back(node.inputs.size());
    }
    return inputs;
  };
  EXPECT_EQ(resizes(convert(model).graph), (std::vector<size_t>{3, 3}));  // by factors
  // Maps of 10x12, 5x6 and 3x3: the coarsest is brought to a size, the next one doubled.
  EXPECT_EQ(resizes(convert(model, at::kFloat, 75, 90, false).graph), (std::vector<size_t>{4, 3}));
  EXPECT_THAT([&] { convert(model, at::kFloat, 75, 90, true); },
              ThrowsMessage<Error>(AllOf(HasSubstr("upsample_nearest2d"), HasSubstr("free size"))));
}

TEST(OnnxModel, HalfKeepsGroupNormInFloat) {
  const Converted converted = convert(random_model(tiny_options()), at::kHalf);
  for (const auto& [name, value] : converted.graph.constants()) {
    if (!value.is_floating_point()) continue;
    const bool in_float = name.find(".norm.") != std::string::npos || name.starts_with("ones.") ||
                          name.starts_with("zeros.") || name.starts_with("factors.");
    EXPECT_EQ(value.scalar_type(), in_float ? at::kFloat : at::kHalf) << name;
  }
}

TEST(OnnxModel, WeightsBeyondFloat16AreRefused) {
  const Model model = random_model(tiny_options());
  at::NoGradGuard no_grad;
  model.detector->named_parameters()["head.cls_predictor.weight"].view(-1)[3] = 1e6;
  EXPECT_NO_THROW(onnx_model(model, {}));
  EXPECT_THAT([&] { onnx_model(model, {.half = true, .nms = {}}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("head.cls_predictor.weight"), HasSubstr("65504"))));
}

TEST(OnnxModel, UnknownOperationIsNamed) {
  Trace traced;
  traced.graph = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR("graph(%x : Tensor):\n  %y : Tensor = aten::erf(%x)\n  return (%y, %y)", traced.graph.get());
  OnnxGraph graph;
  OnnxConverter converter(graph, traced, "images", at::kFloat, true);
  EXPECT_THAT([&] { converter.convert(); }, ThrowsMessage<Error>(HasSubstr("aten::erf")));
}

TEST(OnnxModel, WeightsAboveTwoGigabytesAreRefused) {
  OnnxGraph graph;
  graph.constant("huge", at::empty({int64_t{540} << 20}));  // never touched, so it takes no memory
  EXPECT_THAT([&] { graph.serialised(""); }, ThrowsMessage<Error>(AllOf(HasSubstr("2.27 GB"), HasSubstr("2 GB"))));
}

TEST(OnnxModel, MetadataSayWhatItIs) {
  Model model = random_model(tiny_options());
  model.card.preprocess.long_side = 777;
  const std::string bytes = onnx_model(model, {.nms = OnnxNms{}});
  for (const char* text : {"[\"class 0\",\"class 1\",\"class 2\"]", "\"long_side\":777", "[8,16,32]", "decoded",
                           "epochs = 1", "skylift.model", "size_multiple"}) {
    EXPECT_THAT(bytes, HasSubstr(text));
  }
}

TEST(OnnxModel, FreeSizesArePaddedToWhatThePyramidNeeds) {
  Model model = random_model(tiny_options());
  model.card.preprocess.pad_multiple = 12;
  EXPECT_THAT(onnx_model(model, {}), HasSubstr("\"pad_multiple\":96"));
  EXPECT_THAT(onnx_model(model, {.height = 64, .width = 64, .nms = {}}), HasSubstr("\"pad_multiple\":12"));
}

TEST(OnnxModel, OptionsOutOfRangeAreRefused) {
  const Model model = random_model(tiny_options());
  EXPECT_THAT([&] { onnx_model(model, {.batch = -1, .nms = {}}); }, ThrowsMessage<Error>(HasSubstr("batch")));
  EXPECT_THAT([&] { onnx_model(model, {.width = 64, .nms = {}}); }, ThrowsMessage<Error>(HasSubstr("64x0")));
  EXPECT_THAT([&] { onnx_model(model, {.nms = OnnxNms{.max_detections = 0}}); },
              ThrowsMessage<Error>(HasSubstr("detections")));
}

TEST(OnnxGraph, ConstantsAreSharedAndNamesAreUnique) {
  OnnxGraph graph;
  EXPECT_EQ(graph.integers({1, 2}), graph.integers({1, 2}));
  EXPECT_EQ(graph.constants().size(), 1U);
  EXPECT_EQ(graph.add("Relu", {"x"}, "relu"), "relu");
  EXPECT_EQ(graph.add("Relu", {"relu"}, "relu"), "relu_2");
  graph.add_output("relu_2", {"out", at::kFloat, {1}});
  EXPECT_EQ(graph.nodes().back().outputs.front(), "out");
  EXPECT_THAT(
      [&] {
        graph.constant("integers.1_2", at::tensor({3, 4}, at::kLong));
      },
      ThrowsMessage<Error>(HasSubstr("integers.1_2")));
}

TEST(CardText, RoundTrip) {
  const Model model = random_model(tiny_options());
  const ModelCard card = card_from_text(card_text(model.card), "file");
  EXPECT_EQ(card.classes, model.card.classes);
  EXPECT_EQ(card.options.backbone.width, 0.125);
  EXPECT_THAT([] { card_from_text("{", "file.onnx"); }, ThrowsMessage<Error>(HasSubstr("file.onnx")));
}

}  // namespace
}  // namespace skylift
