#include "skylift/models/model_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/models/fold.h"
#include "skylift/models/tensor_file.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

ModelCard card_of(const Detector& detector) {
  return {detector.options(),
          {"person", "car", "lorry"},
          {.long_side = 640, .short_side = 640},
          "train.lr = 0.01\n",
          "{\"AP\":0.25}"};
}

/// A lifted detector whose light convolutions have left zero.
std::shared_ptr<Detector> trained_lifting(LiftingOptions lifting, int channels = 16) {
  ModelOptions options = tiny_options();
  lifting.enabled = true;
  options.head.lifting = lifting;
  options.head.channels = channels;
  auto detector = seeded_detector(options);
  torch::NoGradGuard no_grad;
  for (auto& item : detector->named_parameters()) {
    if (item.key().find("lifting") != std::string::npos) item.value().normal_(0, 0.3);
    if (item.key().find("box_predictor.bias") != std::string::npos) item.value().normal_(0, 0.3);
  }
  detector->eval();
  return detector;
}

double relative_difference(const at::Tensor& got, const at::Tensor& expected) {
  return largest_difference(got, expected) / expected.abs().max().item<double>();
}

class ModelFile : public testing::Test {
 protected:
  TempFolder folder_;
  std::filesystem::path path_ = folder_.path() / "model.safetensors";
};

TEST_F(ModelFile, RoundTripKeepsEveryTensorAndTheCard) {
  ModelOptions options = tiny_options();
  options.backbone.frozen_stages = 1;
  const auto detector = seeded_detector(options);
  save_model(path_, *detector, card_of(*detector));
  const Model model = load_model(path_);
  EXPECT_EQ(model.card.classes, (std::vector<std::string>{"person", "car", "lorry"}));
  EXPECT_EQ(model.card.preprocess.long_side, 640);
  EXPECT_EQ(model.card.preprocess.mean[2], 103.53F);
  EXPECT_EQ(model.card.recipe, "train.lr = 0.01\n");
  EXPECT_EQ(model.card.scores, "{\"AP\":0.25}");
  EXPECT_EQ(model.card.options.backbone.frozen_stages, 1);
  EXPECT_EQ(model.card.options.head.reg_max, 7);
  EXPECT_FALSE(model.detector->is_training());
  const auto expected = named_state(*detector), got = named_state(*model.detector);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].name, expected[i].name);
    EXPECT_TRUE(got[i].tensor.equal(expected[i].tensor)) << got[i].name;
  }
}

TEST_F(ModelFile, LoadingDrawsNoRandomNumbers) {
  const auto detector = seeded_detector(tiny_options());
  save_model(path_, *detector, card_of(*detector));
  torch::manual_seed(3);
  const at::Tensor expected = torch::randn({4});
  torch::manual_seed(3);
  load_model(path_);
  EXPECT_TRUE(torch::randn({4}).equal(expected));
}

TEST_F(ModelFile, ClassNamesMustMatchTheDetector) {
  const auto detector = seeded_detector(tiny_options(), 2);
  EXPECT_THAT([&] { save_model(path_, *detector, card_of(*detector)); },
              ThrowsMessage<Error>(HasSubstr("3 class names")));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ModelFile, BrokenFilesAreErrorsThatSayWhatIsWrong) {
  const auto load = [&] { load_model(path_); };
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("model.safetensors")));
  write_file(path_, "not a model");
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("model.safetensors")));
  write_tensors(path_, {{"conv1.weight", torch::zeros({2})}});
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("expected a model that skylift wrote")));
  write_tensors(path_, {}, {{"skylift.model", "{\"version\":1"}});
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("damaged")));
  write_tensors(path_, {}, {{"skylift.model", "{\"version\":99}"}});
  EXPECT_THAT(load, ThrowsMessage<Error>(HasSubstr("newer")));
}

TEST_F(ModelFile, TruncatedAtAnyPlaceIsAnError) {
  const auto detector = seeded_detector(tiny_options());
  save_model(path_, *detector, card_of(*detector));
  const std::string bytes = read_file(path_);
  for (const double share : {0.0001, 0.01, 0.3, 0.999}) {
    write_file(path_, bytes.substr(0, static_cast<size_t>(share * static_cast<double>(bytes.size()))));
    EXPECT_THROW(load_model(path_), Error) << share;
  }
}

TEST_F(ModelFile, TensorsOfAnotherArchitectureAreNamed) {
  const auto detector = seeded_detector(tiny_options());
  save_model(path_, *detector, card_of(*detector));
  const TensorFile good = read_tensors(path_);
  const auto load_with = [&](auto change) {
    return [&, change] {
      auto tensors = good.tensors;
      change(tensors);
      write_tensors(path_, tensors, good.metadata);
      load_model(path_);
    };
  };
  EXPECT_THAT(load_with([](auto& tensors) { tensors.erase(tensors.begin() + 5); }),
              ThrowsMessage<Error>(HasSubstr(good.tensors[5].name)));
  EXPECT_THAT(load_with([](auto& tensors) {
                tensors.push_back({"head.new", torch::zeros({1})});
              }),
              ThrowsMessage<Error>(HasSubstr("'head.new' has no place")));
  EXPECT_THAT(load_with([](auto& tensors) {
                tensors[0].tensor = torch::zeros({4, 3});
              }),
              ThrowsMessage<Error>(HasSubstr("shape [4,3], expected [8,3,7,7]")));
}

TEST_F(ModelFile, FailedLoadLeavesTheModuleAsItWas) {
  const auto detector = seeded_detector(tiny_options()), other = seeded_detector(tiny_options(), 3, 8);
  auto tensors = named_state(*other);
  tensors.pop_back();
  EXPECT_THROW(load_state(*detector, tensors, "here"), Error);
  EXPECT_TRUE(detector->named_parameters()["backbone.conv1.weight"].equal(
      seeded_detector(tiny_options())->named_parameters()["backbone.conv1.weight"]));
}

struct FoldCase {
  LiftingOptions lifting;
  int channels;
};

class Folding : public ModelFile, public testing::WithParamInterface<FoldCase> {};

TEST_P(Folding, FoldedEqualsUnfoldedWithPredictorsAsInAPlainStudent) {
  const auto lifted = trained_lifting(GetParam().lifting, GetParam().channels);
  save_model(path_, *lifted, card_of(*lifted));
  const Model folded = load_model(path_);
  EXPECT_TRUE(folded.card.options.head.lifting.folded);
  for (const auto& item : lifted->named_parameters()) {
    const bool light = item.key().find("lifting") != std::string::npos;
    const at::Tensor kept = folded.detector->named_parameters()[item.key()];
    const int64_t channels = GetParam().channels;
    EXPECT_EQ(kept.sizes(), light ? at::IntArrayRef({channels, channels, 1, 1}) : item.value().sizes()) << item.key();
  }
  const at::Tensor images = random_images(2, 64, 96);
  const auto expected = lifted->forward(images), got = folded.detector->forward(images);
  for (size_t i = 0; i < expected.levels.size(); ++i) {
    EXPECT_LT(relative_difference(got.levels[i].cls_logits, expected.levels[i].cls_logits), 1e-5);
    EXPECT_LT(relative_difference(got.levels[i].box_logits, expected.levels[i].box_logits), 1e-5);
  }
  auto unlifted = trained_lifting(GetParam().lifting, GetParam().channels);
  torch::NoGradGuard no_grad;
  for (auto& item : unlifted->named_parameters()) {
    if (item.key().find("lifting") != std::string::npos) item.value().zero_();
  }
  EXPECT_GT(relative_difference(unlifted->forward(images).levels[0].box_logits, expected.levels[0].box_logits), 1e-3)
      << "the module must matter in this test";
}

INSTANTIATE_TEST_SUITE_P(All, Folding,
                         testing::Values(FoldCase{{}, 16}, FoldCase{{.groups = 4}, 16}, FoldCase{{.groups = 0}, 16},
                                         FoldCase{{}, 9}, FoldCase{{.groups = 3}, 9}));

TEST_F(ModelFile, AFoldedModelIsSavedAgainAsItIs) {
  const auto lifted = trained_lifting({});
  save_model(path_, *lifted, card_of(*lifted));
  const Model first = load_model(path_);
  save_model(path_, *first.detector, first.card);
  const Model second = load_model(path_);
  EXPECT_TRUE(second.detector->named_parameters()["head.box_predictor.weight"].equal(
      first.detector->named_parameters()["head.box_predictor.weight"]));
}

TEST_F(ModelFile, KeepLiftingKeepsTheModule) {
  const auto lifted = trained_lifting({});
  save_model(path_, *lifted, card_of(*lifted), /*keep_lifting=*/true);
  const Model model = load_model(path_);
  EXPECT_FALSE(model.card.options.head.lifting.folded);
  EXPECT_TRUE(model.detector->named_parameters()["head.lifting.reg.weight"].equal(
      lifted->named_parameters()["head.lifting.reg.weight"]));
}

TEST_F(ModelFile, AModuleThatCannotBeFoldedStays) {
  for (const LiftingOptions& lifting : {LiftingOptions{.kernel = 3}, LiftingOptions{.norm = "gn"}}) {
    const auto lifted = trained_lifting(lifting);
    save_model(path_, *lifted, card_of(*lifted));
    const Model model = load_model(path_);
    EXPECT_FALSE(model.card.options.head.lifting.folded);
    const at::Tensor images = random_images(1, 64, 64);
    EXPECT_TRUE(
        model.detector->forward(images).levels[0].cls_logits.equal(lifted->forward(images).levels[0].cls_logits));
  }
}

TEST_F(ModelFile, AModuleWithoutAnInverseStays) {
  const auto lifted = trained_lifting({});
  {
    torch::NoGradGuard no_grad;
    lifted->named_parameters()["head.lifting.cls.weight"].zero_()[0][0] = -1;  // cls_0 + light * half has no cls_0
  }
  save_model(path_, *lifted, card_of(*lifted));
  const Model model = load_model(path_);
  EXPECT_FALSE(model.card.options.head.lifting.folded);
  const at::Tensor images = random_images(1, 64, 64);
  const auto expected = lifted->forward(images), got = model.detector->forward(images);
  EXPECT_TRUE(got.levels[0].cls_logits.equal(expected.levels[0].cls_logits));
  EXPECT_TRUE(got.levels[0].box_logits.equal(expected.levels[0].box_logits)) << "one branch is folded";
}

TEST_F(ModelFile, ATrainingOnlyModuleIsDropped) {
  const auto lifted = trained_lifting({.training_only = true});
  save_model(path_, *lifted, card_of(*lifted));
  const Model model = load_model(path_);
  EXPECT_FALSE(model.card.options.head.lifting.enabled);
  const at::Tensor images = random_images(1, 64, 64);
  EXPECT_TRUE(model.detector->forward(images).levels[0].cls_logits.equal(lifted->forward(images).levels[0].cls_logits));
}

TEST_F(ModelFile, TensorTypesSurviveTheFile) {
  const std::vector<NamedTensor> tensors = {{"half", torch::tensor({1.5, -2.0}).to(at::kHalf)},
                                            {"brain", torch::tensor({3.0}).to(at::kBFloat16)},
                                            {"double", torch::tensor({0.1}, at::kDouble)},
                                            {"long", torch::tensor({1L << 40})},
                                            {"bytes", torch::tensor({1, 255}, at::kByte)},
                                            {"bool", torch::tensor({true, false})},
                                            {"scalar", torch::tensor(4.0)},
                                            {"empty", torch::zeros({0, 3})},
                                            {"transposed", torch::arange(6).view({2, 3}).t()}};
  write_tensors(path_, tensors, {{"step", "12"}});
  const TensorFile file = read_tensors(path_);
  EXPECT_EQ(file.metadata.at("step"), "12");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file.tensors[i].name, tensors[i].name);
    EXPECT_EQ(file.tensors[i].tensor.dtype(), tensors[i].tensor.dtype());
    EXPECT_TRUE(file.tensors[i].tensor.equal(tensors[i].tensor)) << tensors[i].name;
  }
}

}  // namespace
}  // namespace skylift
