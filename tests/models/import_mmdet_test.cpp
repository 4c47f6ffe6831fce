#include "skylift/models/import_mmdet.h"

#include <gmock/gmock.h>

#include "skylift/core/error.h"
#include "skylift/models/mmdet_config.h"
#include "tests/models/golden_script.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

struct Case {
  const char* name;
  const char* arguments;
  const char* backbone;
  int channels, classes;
};

class MmdetParity : public testing::TestWithParam<Case> {};

// A script in plain PyTorch builds GFL under mmdetection's names and says what it gives.
TEST_P(MmdetParity, OutputsEqualPyTorchs) {
  const TempFolder folder;
  RUN_GOLDEN_SCRIPT("gfl_mmdet.py", folder.path().string() + " " + GetParam().arguments);
  const ForeignFile expected = read_foreign(folder / "expected.pth");
  for (const char* format : {"zip.pth", "legacy.pth"}) {
    const ImportedModel imported = import_mmdet(read_foreign(folder / format));
    const ModelCard& card = imported.model.card;
    EXPECT_EQ(card.options.backbone.name, GetParam().backbone);
    EXPECT_EQ(card.options.head.channels, GetParam().channels);
    EXPECT_EQ(card.options.neck.channels, GetParam().channels);
    ASSERT_EQ(static_cast<int>(card.classes.size()), GetParam().classes);
    EXPECT_EQ(card.classes[1], "name 1");
    EXPECT_THAT(imported.report.notes, testing::IsEmpty());
    // By a file and back, as `skylift import` does.
    save_model(folder / "model.safetensors", *imported.model.detector, card);
    const Model model = load_model(folder / "model.safetensors");
    torch::NoGradGuard no_grad;
    const DenseOutput output = model.detector->forward(*expected.find("images"));
    EXPECT_EQ(output.strides, (std::vector<int>{8, 16, 32, 64, 128}));
    for (size_t level = 0; level < 5; ++level) {
      const std::string number = std::to_string(level);
      EXPECT_LT(largest_difference(output.levels[level].cls_logits, *expected.find("cls" + number)), 1e-5) << level;
      EXPECT_LT(largest_difference(output.levels[level].box_logits, *expected.find("reg" + number)), 1e-5) << level;
    }
    EXPECT_GT(expected.find("cls0")->std().item<double>(), 0.1);  // not a comparison of zeros
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, MmdetParity,
    testing::Values(Case{"R18", "--depth 18 --channels 256 --classes 80 --mm 2", "resnet18", 256, 80},
                    Case{"R18Wide", "--depth 18 --channels 512 --classes 10 --mm 3", "resnet18", 512, 10},  // CEASC
                    Case{"R34", "--depth 34 --channels 64 --classes 10 --mm 3", "resnet34", 64, 10},
                    Case{"R50", "--depth 50 --channels 64 --classes 3 --mm 2", "resnet50", 64, 3},
                    Case{"R101", "--depth 101 --channels 64 --classes 10 --mm 3", "resnet101", 64, 10}),
    [](const auto& info) { return std::string(info.param.name); });

/// A small detector's tensors under mmdetection's names.
ForeignFile small_checkpoint() {
  ModelOptions options;
  options.neck.channels = 32;
  options.head = {.channels = 64, .depth = 1, .norm_groups = 32, .reg_max = 7, .lifting = {}};
  const auto detector = seeded_detector(options, 3);
  ForeignFile file;
  file.path = "gfl.pth";
  const auto replaced = [](std::string name, const std::string& from, const std::string& to) {
    if (const size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
    return name;
  };
  for (const auto& [name, tensor] : named_state(*detector)) {
    if (name == "head.level_scales") continue;
    std::string theirs = name;
    for (int level = 3; level <= 7; ++level) {
      const std::string number = std::to_string(level), place = std::to_string(level - 3);
      theirs = replaced(theirs, "lateral" + number, "lateral_convs." + place + ".conv");
      theirs = replaced(theirs, "output" + number, "fpn_convs." + place + ".conv");
    }
    theirs = replaced(replaced(theirs, "cls_tower", "cls_convs"), "reg_tower", "reg_convs");
    theirs = replaced(replaced(theirs, "cls_predictor", "gfl_cls"), "box_predictor", "gfl_reg");
    theirs = replaced(replaced(theirs, ".norm.", ".gn."), "head.", "bbox_head.");
    file.tensors.push_back({theirs, tensor.detach().clone()});
  }
  for (int level = 0; level < 5; ++level) {
    file.tensors.push_back({"bbox_head.scales." + std::to_string(level) + ".scale", torch::tensor(1.0F + level)});
  }
  file.metadata.classes = {"a", "b", "c"};
  return file;
}

void erase(ForeignFile& file, const std::string& name) {
  std::erase_if(file.tensors, [&](const auto& named) { return named.name == name; });
}

TEST(ImportMmdet, ReadsTheArchitectureOffTheShapes) {
  const ImportedModel imported = import_mmdet(small_checkpoint());
  const ModelOptions& options = imported.model.card.options;
  EXPECT_EQ(options.head.depth, 1);
  EXPECT_EQ(options.head.reg_max, 7);
  EXPECT_EQ(options.neck.first_level, 3);
  EXPECT_EQ(options.neck.last_level, 7);
  EXPECT_TRUE(imported.model.detector->named_parameters()["head.level_scales"].equal(
      torch::tensor({1., 2., 3., 4., 5.}).to(at::kFloat)));
  EXPECT_THAT(imported.model.card.classes, ElementsAre("a", "b", "c"));
}

TEST(ImportMmdet, WhatHasNoPlaceIsToldOrRefused) {
  ForeignFile file = small_checkpoint();
  file.tensors.push_back({"teacher_model.x", torch::zeros({1})});
  file.tensors.push_back({"backbone.bn1.num_batches_tracked", torch::tensor(5L)});
  file.tensors.push_back({"bbox_head.integral.project", torch::arange(8, at::kFloat)});
  EXPECT_EQ(import_mmdet(file).report.passed_over.size(), 3u);
  const auto importing = [](ForeignFile changed) { return [changed] { import_mmdet(changed); }; };
  ForeignFile extra = file;
  extra.tensors.push_back({"bbox_head.reg_conf.0.weight", torch::zeros({1})});  // GFL version 2
  EXPECT_THAT(importing(extra), ThrowsMessage<Error>(AllOf(HasSubstr("gfl.pth"),
                                                           HasSubstr("'bbox_head.reg_conf.0.weight' has no place"))));
  ForeignFile missing = file;
  erase(missing, "neck.fpn_convs.1.conv.bias");
  EXPECT_THAT(importing(missing), ThrowsMessage<Error>(HasSubstr("'neck.output4.bias'")));
  ForeignFile no_scale = file;
  erase(no_scale, "bbox_head.scales.4.scale");
  EXPECT_THAT(importing(no_scale), ThrowsMessage<Error>(HasSubstr("'bbox_head.scales.4.scale'")));
  ForeignFile pooled = file;
  pooled.tensors.push_back({"bbox_head.scales.5.scale", torch::tensor(1.F)});
  EXPECT_THAT(importing(pooled), ThrowsMessage<Error>(HasSubstr("made by max pooling")));
  ForeignFile other_bins = file;
  erase(other_bins, "bbox_head.integral.project");
  other_bins.tensors.push_back({"bbox_head.integral.project", torch::arange(8, at::kFloat) * 2});
  EXPECT_THAT(importing(other_bins), ThrowsMessage<Error>(HasSubstr("integral.project")));
  ForeignFile no_head = file;
  erase(no_head, "bbox_head.gfl_cls.weight");
  EXPECT_THAT(importing(no_head), ThrowsMessage<Error>(HasSubstr("expected a GFL detector")));
}

TEST(ImportMmdet, TheStudentIsTakenOutOfADistillersFile) {
  const ForeignFile plain = small_checkpoint();
  ForeignFile file = plain;
  file.tensors.clear();
  for (const auto& [name, tensor] : plain.tensors) {
    file.tensors.push_back({"architecture." + name, tensor});
    file.tensors.push_back({"teacher." + name, tensor * 2});
  }
  EXPECT_THAT(detector_prefixes(file.tensors), testing::UnorderedElementsAre("architecture.", "teacher."));
  enter_network(file, detector_prefixes(file.tensors));
  EXPECT_EQ(file.state.prefix, "architecture.");
  const ImportedModel imported = import_mmdet(file);
  EXPECT_TRUE(imported.model.detector->named_parameters()["head.cls_predictor.weight"].equal(
      *plain.find("bbox_head.gfl_cls.weight")));
  EXPECT_EQ(imported.report.passed_over.size(), plain.tensors.size());
}

TEST(ImportMmdet, ANumberThatIsNoneIsNamed) {
  ForeignFile file = small_checkpoint();
  for (auto& [name, tensor] : file.tensors) {
    if (name == "neck.fpn_convs.1.conv.bias") tensor[3] = NAN;
  }
  EXPECT_THAT([&] { import_mmdet(file); }, ThrowsMessage<Error>(HasSubstr("'neck.fpn_convs.1.conv.bias' holds")));
}

TEST(ImportMmdet, ClassesComeFromTheUserOrTheFileOrAreNumbered) {
  ForeignFile file = small_checkpoint();
  EXPECT_THAT(import_mmdet(file, {"x", "y", "z"}).model.card.classes, ElementsAre("x", "y", "z"));
  EXPECT_THAT([&] { import_mmdet(file, {"x"}); }, ThrowsMessage<Error>(HasSubstr("1 class names for a network of 3")));
  file.metadata.classes.clear();
  EXPECT_THAT(import_mmdet(file).model.card.classes, ElementsAre("class 0", "class 1", "class 2"));
}

TEST(ImportMmdet, ANetworkThatReadsBlueFirstIsTurned) {
  ForeignFile file = small_checkpoint();
  const at::Tensor images = random_images(1, 64, 64);
  const auto rgb = import_mmdet(file);
  file.metadata.config = "img_norm_cfg = dict(mean=[103.5, 116.3, 123.7], std=[1.0, 2.0, 3.0], to_rgb=False)";
  const auto bgr = import_mmdet(file);
  EXPECT_EQ(bgr.model.card.preprocess.mean, (std::array<float, 3>{123.7F, 116.3F, 103.5F}));
  EXPECT_EQ(bgr.model.card.preprocess.deviation, (std::array<float, 3>{3, 2, 1}));
  torch::NoGradGuard no_grad;
  const auto expected = rgb.model.detector->forward(images), got = bgr.model.detector->forward(images.flip({1}));
  EXPECT_LT(largest_difference(got.levels[0].cls_logits, expected.levels[0].cls_logits), 1e-5);
}

TEST(MmdetConfig, ReadsBothVersions) {
  const MmdetConfig two = read_mmdet_config(
      "img_norm_cfg = dict(\n    mean=[1.5, 2, 3], std=[4, 5, 6], to_rgb=True)\nimg_scale=[(1333, 480), (1333, 800)]\n"
      "img_scale=(1280, 720)\ndict(type='Pad', size_divisor=64)\nnorm_cfg=dict(type='GN', num_groups=16, x=1)",
      "x");
  EXPECT_EQ(two.preprocess.mean, (std::array<float, 3>{1.5F, 2, 3}));
  EXPECT_EQ(two.preprocess.deviation, (std::array<float, 3>{4, 5, 6}));
  EXPECT_EQ(two.preprocess.long_side, 1280);
  EXPECT_EQ(two.preprocess.short_side, 720);
  EXPECT_EQ(two.preprocess.pad_multiple, 64);
  EXPECT_EQ(two.norm_groups, 16);
  EXPECT_FALSE(two.bgr);
  const MmdetConfig three = read_mmdet_config(
      "data_preprocessor=dict(bgr_to_rgb=False, mean=[1, 2, 3], pad_size_divisor=1, std=[1, 1, 1])\n"
      "dict(keep_ratio=True, scale=(800, 1333), type='Resize')",
      "x");
  EXPECT_TRUE(three.bgr);
  EXPECT_EQ(three.preprocess.mean, (std::array<float, 3>{3, 2, 1}));
  EXPECT_EQ(three.preprocess.long_side, 1333);
  EXPECT_EQ(three.preprocess.pad_multiple, 1);
  const MmdetConfig silent = read_mmdet_config("dict(mean=(1, 2, 3), std=(4, 5, 6), type='DetDataPreprocessor')", "x");
  EXPECT_TRUE(silent.bgr) << "mmdetection's own default";
  EXPECT_EQ(silent.preprocess.deviation, (std::array<float, 3>{6, 5, 4}));
  EXPECT_EQ(read_mmdet_config("", "x").preprocess.mean, Preprocess().mean);
  EXPECT_EQ(read_mmdet_config("mean=[a, b, c] scale=( num_groups=", "x").preprocess.mean, Preprocess().mean);
}

TEST(MmdetConfig, SettingsThatOnlyTheConfigTellsAreRefused) {
  EXPECT_THAT([] { read_mmdet_config("dict(style='caffe')", "x.pth"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("x.pth"), HasSubstr("caffe"))));
  EXPECT_THAT([] { read_mmdet_config("add_extra_convs='on_input'", "x"); },
              ThrowsMessage<Error>(HasSubstr("on_input")));
}

}  // namespace
}  // namespace skylift
