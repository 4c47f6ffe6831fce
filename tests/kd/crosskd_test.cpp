#include "skylift/kd/crosskd.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/core/error.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

ModelOptions small_model(int head_channels) {
  ModelOptions options;
  options.backbone.name = "resnet18";
  options.backbone.width = 0.25;
  options.neck = {.channels = 16, .first_level = 3, .last_level = 5};
  options.head.channels = head_channels;
  options.head.depth = 2;
  options.head.norm_groups = 4;
  options.head.reg_max = 4;
  return options;
}

/// Two models, one batch of one 64 px image.
struct Models {
  explicit Models(int student_channels = 16) : student(small_model(student_channels), 3), teacher(small_model(16), 3) {
    teacher.eval();
    for (auto& parameter : teacher.parameters()) parameter.set_requires_grad(false);
    batch.images = torch::rand({1, 3, 64, 64});
    batch.targets = {testing::make_targets({10, 10, 40, 44}, {1})};
    batch.geometries = {testing::content(64, 64)};
  }
  LossTerms terms(Detector& as_student, const DistillOptions& options) {
    const DenseOutput student_output = as_student.forward(batch.images), teacher_output = teacher.forward(batch.images);
    const PointGrid grid = point_grid(student_output);
    const Assignment assignment = assign_atss(grid, batch.targets, batch.geometries, {});
    distiller = std::make_unique<Distiller>(options, as_student, teacher);
    return (*distiller)({batch, grid, assignment, student_output, teacher_output});
  }
  Detector student, teacher;
  Batch batch;
  std::unique_ptr<Distiller> distiller;
};

DistillOptions crosskd(int convs, const std::string& region = "default") {
  DistillOptions options;
  options.methods = {"crosskd"};
  options.region = region;
  options.of<CrossKdOptions>().tower_convs = convs;
  return options;
}

TEST(CrossKd, ATeacherAsItsOwnStudentHasNothingToLearn) {
  torch::manual_seed(1);
  Models models;
  for (const int convs : {0, 1, 2}) {
    for (const LossTerm& term : models.terms(models.teacher, crosskd(convs)))
      EXPECT_NEAR(term.value.item<double>(), 0, 1e-6) << term.name;
  }
}

TEST(CrossKd, GradientPassesThroughTheTeacherToTheStudentsTowers) {
  torch::manual_seed(1);
  for (const std::string region : {"default", "cid"}) {
    Models models;
    const LossTerms terms = models.terms(models.student, crosskd(1, region));
    ASSERT_EQ(terms.size(), 2U);
    (terms[0].value + terms[1].value).backward();
    const auto parameters = models.student.named_parameters();
    const auto gradient = [&](const std::string& name) {
      const at::Tensor& value = parameters[name].grad();
      return value.defined() ? value.abs().sum().item<double>() : 0.0;
    };
    EXPECT_GT(gradient("head.cls_tower.0.conv.weight"), 0);
    EXPECT_GT(gradient("head.reg_tower.0.conv.weight"), 0);
    EXPECT_EQ(gradient("head.cls_tower.1.conv.weight"), 0) << "the teacher's convolution stands in for this one";
    EXPECT_EQ(gradient("head.cls_predictor.weight"), 0)
        << "the student's own predictions answer to the ground truth only";
    for (const auto& parameter : models.teacher.parameters()) EXPECT_FALSE(parameter.grad().defined());
  }
}

TEST(CrossKd, AThinStudentGetsAdapters) {
  torch::manual_seed(1);
  Models models(8);
  const LossTerms terms = models.terms(models.student, crosskd(1));
  (terms[0].value + terms[1].value).backward();
  const auto parameters = models.distiller->named_parameters();
  ASSERT_EQ(parameters.size(), 12U) << "weight and bias, two towers, three levels; nothing of the teacher";
  EXPECT_GT(parameters["crosskd.cls_adapters.convolutions.0.weight"].grad().abs().sum().item<double>(), 0);
}

TEST(CrossKd, MoreConvolutionsThanTheHeadHasIsAnError) {
  Models models;
  EXPECT_THROW(Distiller(crosskd(3), models.student, models.teacher), Error);
}

}  // namespace
}  // namespace skylift
