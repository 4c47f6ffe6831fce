// A student that begins with what fits of a trained model.
#include "skylift/models/start_from.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

ModelOptions tiny(int channels) {
  ModelOptions options;
  options.backbone.width = 0.125;
  options.neck = {.channels = channels, .first_level = 3, .last_level = 5};
  options.head.channels = channels;
  options.head.depth = 1;
  return options;
}

Model trained(int channels, const std::vector<std::string>& classes) {
  torch::manual_seed(5);
  Model model;
  model.detector = std::make_shared<Detector>(tiny(channels), static_cast<int>(classes.size()));
  const at::NoGradGuard no_grad;
  for (auto& parameter : model.detector->parameters()) parameter.normal_();
  model.card.options = model.detector->options();
  model.card.classes = classes;
  return model;
}

TEST(StartFrom, TensorsThatFitAreTakenAndRowsOfTheSameClasses) {
  const Model model = trained(16, {"bus", "car", "dog"});
  Detector student(tiny(16), 2);
  const at::Tensor before = student.named_parameters()["head.cls_predictor.bias"].clone();
  const std::string text = start_from(student, {"car", "van"}, model);
  EXPECT_THAT(text, HasSubstr("1 of 2 classes"));
  const auto own = student.named_parameters(), given = model.detector->named_parameters();
  EXPECT_TRUE(own["backbone.conv1.weight"].equal(given["backbone.conv1.weight"]));
  EXPECT_TRUE(own["head.box_predictor.weight"].equal(given["head.box_predictor.weight"]));
  EXPECT_TRUE(own["head.cls_predictor.weight"][0].equal(given["head.cls_predictor.weight"][1])) << "car";
  EXPECT_TRUE(own["head.cls_predictor.bias"][1].equal(before[1])) << "van begins on its own";
}

TEST(StartFrom, OtherWidthsKeepTheirOwnStartAndAreNamed) {
  Detector student(tiny(24), 2);
  const std::string text = start_from(student, {"car", "bus"}, trained(16, {"car", "bus"}));
  EXPECT_THAT(text, HasSubstr("begin on their own"));
  EXPECT_THAT(text, HasSubstr("neck."));
}

TEST(StartFrom, AFoldedLightMlIsNotTaken) {
  ModelOptions options = tiny(16);
  options.head.lifting = {.enabled = true, .folded = true};
  Model model;
  model.detector = std::make_shared<Detector>(options, 2);
  model.card.options = options;
  model.card.classes = {"car", "bus"};
  Detector student(tiny(16), 2);
  const at::Tensor before = student.named_parameters()["head.cls_predictor.weight"].clone();
  const std::string text = start_from(student, {"car", "bus"}, model);
  EXPECT_TRUE(student.named_parameters()["head.cls_predictor.weight"].equal(before));
  EXPECT_THAT(text, HasSubstr("head.box_predictor.weight"));
  EXPECT_THAT(text, HasSubstr("have no place in it: head.lifting."));
  EXPECT_THAT(text, HasSubstr("folded"));
}

}  // namespace
}  // namespace skylift
