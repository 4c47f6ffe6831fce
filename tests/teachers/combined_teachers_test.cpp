// Teachers made of teachers, and classes by name.
#include "skylift/teachers/combined_teachers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/kd/methods.h"
#include "skylift/teachers/class_map.h"
#include "skylift/teachers/dense_maps.h"
#include "skylift/teachers/teacher_around.h"
#include "tests/error_of.h"
#include "tests/teachers/live_teacher.h"
#include "tests/train/kd_run.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::noise_images;
using testing::teacher_of;

TEST(CombinedTeachers, TheMeanOfTheSameTeacherTwiceIsThatTeacher) {
  const auto detector = testing::lively_teacher(16, 5);
  std::vector<TeacherPtr> both;
  both.push_back(teacher_of(detector));
  both.push_back(teacher_of(detector));
  const TeacherPtr mean = mean_of_teachers(std::move(both));
  EXPECT_EQ(mean->shape().channels, 0) << "features are nobody's";
  const Batch batch = noise_images(96, 160);
  const DecodedMaps got = decoded(mean->forward(batch)), expected = decoded(teacher_of(detector)->forward(batch));
  for (size_t i = 0; i < got.scores.size(); ++i) {
    EXPECT_TRUE(torch::allclose(got.scores[i], expected.scores[i], 0, 1e-5));
    EXPECT_TRUE(torch::allclose(got.boxes[i], expected.boxes[i], 0, 1e-2));
  }
}

TEST(CombinedTeachers, AFlippedTeacherAnswersAMirroredImageWithTheMirrorImage) {
  const TeacherPtr teacher = flipped_too(teacher_of(testing::lively_teacher(16, 5)));
  Batch batch = noise_images(96, 160);
  const DecodedMaps upright = decoded(teacher->forward(batch));
  batch.images = batch.images.flip({3});
  const DecodedMaps turned = decoded(teacher->forward(batch));
  for (size_t i = 0; i < upright.scores.size();
       ++i) {  // column c of one is column W - c of the other; the first has none
    const at::Tensor own = upright.scores[i].slice(3, 1), other = turned.scores[i].slice(3, 1).flip({3});
    EXPECT_TRUE(torch::allclose(own, other, 0, 1e-5)) << (own - other).abs().max();
    const at::Tensor right = 160 - turned.boxes[i].select(1, 2).slice(2, 1).flip({2});
    EXPECT_TRUE(torch::allclose(upright.boxes[i].select(1, 0).slice(2, 1), right, 0, 1e-2));
  }
  EXPECT_NE(teacher->detector(), nullptr);
}

TEST(CombinedTeachers, AFlippedTeachersColumnsMeetWhereAStrideDoesNotDivideTheWidth) {
  const TeacherPtr plain = teacher_of(testing::lively_teacher(16, 5)),
                   teacher = flipped_too(teacher_of(testing::lively_teacher(16, 5)));
  const Batch batch = noise_images(96, 144);  // 4.5 cells of stride 32
  Batch turned = batch;
  turned.images = at::constant_pad_nd(batch.images, {0, 16}).flip({3});
  const DecodedMaps upright = decoded(plain->forward(batch)), other = decoded(plain->forward(turned)),
                    got = decoded(teacher->forward(batch));
  for (size_t i = 0; i < got.scores.size(); ++i) {
    const int64_t columns = upright.scores[i].size(3), all = 160 / got.strides[i];
    ASSERT_EQ(got.scores[i].size(3), columns);
    for (int64_t c = 1; c < columns; ++c) {
      const at::Tensor mean = (upright.scores[i].select(3, c) + other.scores[i].select(3, all - c)) / 2;
      EXPECT_TRUE(torch::allclose(got.scores[i].select(3, c), mean, 0, 1e-5)) << got.strides[i] << " " << c;
    }
  }
}

/// As an exported file whose input has one size.
struct OfOneSize : TeacherAround {
  using TeacherAround::TeacherAround;
  DenseOutput forward(const Batch& batch) override {
    EXPECT_LE(batch.images.size(3), largest_side());
    return inner_->forward(batch);
  }
  int largest_side() const override { return 144; }  // 4.5 cells of stride 32
};

TEST(CombinedTeachers, AFlippedTeacherOfOneSizeTakesWhatHoldsWholeCells) {
  const TeacherPtr teacher = flipped_too(std::make_unique<OfOneSize>(teacher_of(testing::lively_teacher(16, 5))));
  EXPECT_EQ(teacher->largest_side(), 128) << "its mirror image must not be larger than the teacher's input";
  EXPECT_NO_THROW(teacher->forward(noise_images(96, 128)));
  EXPECT_THAT(error_of([&] { teacher->forward(noise_images(96, 144)); }), HasSubstr("kd.teacher_flip"));
}

TEST(CombinedTeachers, AtTwiceTheScaleLevelsKeepTheirCells) {
  const auto detector = testing::lively_teacher(16, 5);
  const TeacherPtr teacher = at_scale(teacher_of(detector), 2);
  EXPECT_THAT(teacher->shape().strides, ElementsAre(4, 8, 16));
  Batch batch = noise_images(192, 320);
  batch = reduced(batch, 2);
  EXPECT_EQ(batch.images.size(3), 160);
  const DenseOutput output = teacher->forward(batch);
  Batch fine;
  fine.images = batch.fine_images;
  EXPECT_TRUE(output.levels[1].cls_logits.equal(teacher_of(detector)->forward(fine).levels[1].cls_logits));
  EXPECT_EQ(output.strides[1], 8);
  EXPECT_EQ(output.levels[1].cls_logits.size(3), 160 / 8);
}

TEST(ReducedBatch, BoxesAndGeometryFollow) {
  Batch batch = noise_images(64, 64);
  batch.targets = {{torch::tensor({{8.F, 16.F, 24.F, 32.F}}), torch::zeros({1}, at::kLong), torch::zeros({0, 4})}, {}};
  batch.targets[1] = {torch::zeros({0, 4}), torch::zeros({0}, at::kLong), torch::zeros({0, 4})};
  batch.geometries.assign(2, {.original_width = 30,
                              .original_height = 32,
                              .content_width = 60,
                              .content_height = 64,
                              .scale_x = 2,
                              .scale_y = 2,
                              .offset_x = 6});
  const Batch half = reduced(batch, 2);
  EXPECT_TRUE(half.targets[0].boxes_xyxy.equal(torch::tensor({{4.F, 8.F, 12.F, 16.F}})));
  EXPECT_EQ(half.geometries[0].content_width, 30);
  EXPECT_EQ(half.geometries[0].scale_x, 1);
  EXPECT_EQ(half.geometries[0].offset_x, 3);
  EXPECT_NEAR(
      half.images[0][0][0][0].item<float>(),
      batch.images.index({0, 0, torch::indexing::Slice(0, 2), torch::indexing::Slice(0, 2)}).mean().item<float>(),
      1e-6);
}

TEST(ClassMapTest, ClassesMeetByNameOrAsToldTo) {
  const std::vector<std::string> theirs = {"person", "car", "truck", "lorry"}, ours = {"van", "car", "truck", "person"};
  const ClassMap map = make_class_map(theirs, ours, {"lorry=truck", "person="}, "teacher");
  EXPECT_THAT(map.known, ElementsAre(1, 2));
  const at::Tensor scores = torch::tensor({0.1F, 0.2F, 0.3F, 0.4F}).view({1, 4, 1, 1});
  EXPECT_TRUE(mapped_scores(scores, map).flatten().equal(torch::tensor({0.F, 0.2F, 0.4F, 0.F})));
  EXPECT_TRUE(known_classes(map).equal(torch::tensor({1, 2}, at::kLong)));
  EXPECT_FALSE(known_classes(make_class_map(ours, ours, {}, "teacher")).defined());
}

TEST(ClassMapTest, NamesThatAreNotThereAreRefused) {
  const auto error = [](const std::vector<std::string>& theirs, const std::vector<std::string>& pairs) {
    return error_of([&] { make_class_map(theirs, {"car", "van"}, pairs, "teacher"); });
  };
  EXPECT_THAT(error({"car"}, {"cra=van"}), HasSubstr("the teacher has no class 'cra' (did you mean 'car'?)"));
  EXPECT_THAT(error({"car"}, {"car=vna"}), HasSubstr("the data has no class 'vna'"));
  EXPECT_THAT(error({"car"}, {"car"}), HasSubstr("expected FROM=TO"));
  EXPECT_THAT(error({"cat", "dog"}, {}), HasSubstr("no class in common"));
}

TEST(OtherTeachers, AMethodThatNeedsMoreThanATeacherShowsIsRefused) {
  const auto student = testing::lively_teacher(16, 5);
  ModelShape boxes_alone{.classes = 5, .reg_max = 8, .strides = {8, 16, 32}, .bins = false};
  for (const std::string& method : distill_method_names()) {
    DistillOptions options;
    options.methods = {method};
    const std::string error = error_of([&] { Distiller(options, *student, boxes_alone, nullptr); });
    if (method == "bckd" || method == "logit" || method == "cwd" || method == "dist") {
      EXPECT_EQ(error, "no error") << method;
    } else {
      EXPECT_THAT(error, HasSubstr("which this teacher does not show")) << method;
      EXPECT_THAT(error, HasSubstr("bckd")) << method;
    }
  }
}

TEST(OtherTeachers, ClassesThatOneDoesNotKnowAreLeftToTheLabels) {
  const int classes = static_cast<int>(synth_classes().size());
  RunOptions options = testing::small_run({"bckd"}, false);
  testing::KdRun run(options, testing::lively_teacher(16, classes), classes);
  const Batch batch = testing::synth_batch(2, options.data.input);
  StepForward step = forward_and_assign({.student = *run.student,
                                         .teacher = &run.network,
                                         .distiller = run.distiller.get(),
                                         .assign = options.assign,
                                         .loss = options.loss,
                                         .compute = run.compute},
                                        batch);
  for (LevelOutput& level : step.student.levels) level.cls_logits.retain_grad();
  step.teacher.known_classes = torch::tensor({1, 3}, at::kLong);
  const LossTerms terms = (*run.distiller)(step.inputs(batch), torch::ones({}));
  at::Tensor sum = terms[0].value;
  for (size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i].value;
  sum.backward();
  for (const LevelOutput& level : step.student.levels) {
    const at::Tensor gradient = level.cls_logits.grad();
    EXPECT_EQ(gradient.select(1, 0).abs().max().item<float>(), 0);
    EXPECT_GT(gradient.select(1, 3).abs().max().item<float>(), 0);
  }
}

TEST(Unlabelled, TheDetectionLossPassesThemOverAndDistillationDoesNot) {
  const int classes = static_cast<int>(synth_classes().size());
  const RunOptions options = testing::small_run({"bckd"}, false);
  testing::KdRun run(options, testing::lively_teacher(16, classes), classes);
  const auto terms = [&](const Batch& batch) {
    std::map<std::string, double> values;
    for (const LossTerm& term : run.terms(batch)) values[term.name] = term.value.item<double>();
    return values;
  };
  run.student->eval();  // batch norm by its own statistics: images do not see each other
  Batch both = testing::synth_batch(2, options.data.input), first = both;
  both.labelled = {true, false};
  both.targets[1] = {torch::zeros({0, 4}), torch::zeros({0}, at::kLong), torch::zeros({0, 4})};
  first.images = both.images.slice(0, 0, 1);
  first.targets.resize(1);
  first.geometries.resize(1);
  first.image_indices.resize(1);
  auto with = terms(both), alone = terms(first);
  for (const char* name : {"loss_cls", "loss_box", "loss_bins"}) EXPECT_NEAR(with[name], alone[name], 1e-4) << name;
  EXPECT_GT(with["kd_bckd_cls"], 0.2 * alone["kd_bckd_cls"]);
  EXPECT_GT(std::abs(with["kd_bckd_cls"] - alone["kd_bckd_cls"]), 1e-3) << "the second image counts";
}

}  // namespace
}  // namespace skylift
