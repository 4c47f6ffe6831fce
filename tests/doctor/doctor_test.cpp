#include "skylift/doctor/doctor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/kd/pkd.h"
#include "skylift/models/model_file.h"
#include "skylift/train/trainer.h"
#include "tests/error_of.h"
#include "tests/temp_folder.h"
#include "tests/train/kd_run.h"

namespace skylift {
namespace {

struct DoctorTest : ::testing::Test {
  DoctorTest() {
    write_scenes({.width = 160, .height = 96, .seed = 5, .density = 2}, 4, folder / "train", "coco");
    write_scenes({.width = 160, .height = 96, .seed = 8, .density = 2}, 2, folder / "val", "coco");
    const auto detector = testing::lively_teacher(16, static_cast<int>(synth_classes().size()));
    ModelCard card;
    card.options = detector->options();
    card.classes = synth_classes();
    save_model(folder / "teacher.safetensors", *detector, card);
    request.options = testing::small_run({"cid", "ld"}, false);
    request.options.data.train =
        (folder / "train/annotations.json").string() + ":" + (folder / "train/images").string();
    request.options.data.val = (folder / "val/annotations.json").string() + ":" + (folder / "val/images").string();
    request.options.data.keep_empty = false;
    request.options.train.batch_size = 2;
    request.teachers = {folder / "teacher.safetensors"};
  }
  TempFolder folder;
  TrainRequest request;
};

TEST_F(DoctorTest, ReportsWhatItSaw) {
  const DoctorReport report = examine(request, {.images = 4, .gradient_batches = 1, .pictures = 1});
  EXPECT_EQ(report.images, 4);
  EXPECT_GT(report.objects, 10);
  EXPECT_GT(report.positives, report.objects / 2);
  ASSERT_TRUE(report.teacher_score);
  EXPECT_EQ(report.teacher_score->images, 2);
  ASSERT_FALSE(report.terms.empty());
  EXPECT_EQ(report.terms[0].name, "detection loss");
  EXPECT_DOUBLE_EQ(report.terms[0].value_ratio, 1);
  EXPECT_DOUBLE_EQ(report.terms[0].gradient_ratio, 1);
  EXPECT_NEAR(report.terms[0].cosine, 1, 1e-4);
  std::vector<std::string> names;
  double detection = 0;
  for (const TermReport& term : report.terms) {
    names.push_back(term.name);
    EXPECT_LE(std::abs(term.cosine), 1.0001) << term.name;
    if (term.name.starts_with("loss_")) detection += term.value;
  }
  EXPECT_THAT(names, ::testing::IsSupersetOf({"loss_cls", "kd_cid_cls", "kd_cid_box", "kd_ld_main", "kd_ld_vlr"}));
  EXPECT_NEAR(detection, report.terms[0].value, 1e-4);
  EXPECT_FALSE(report.picture.empty());
}

TEST_F(DoctorTest, RegionsCountEveryObjectOnce) {
  const DoctorReport report = examine(request, {.images = 4, .gradient_batches = 1, .pictures = 0});
  EXPECT_TRUE(report.picture.empty());
  for (const RegionReport& region : report.regions) {
    int64_t objects = 0, without = 0;
    double locations = 0, weight = region.background;
    for (const SizeReport& size : region.sizes) {
      objects += size.objects;
      without += size.without_location;
      locations += size.locations;
      weight += size.weight;
    }
    EXPECT_EQ(objects, report.objects) << region.name;
    EXPECT_EQ(locations, static_cast<double>(region.locations)) << region.name;
    EXPECT_NEAR(weight, 1, 1e-6) << region.name;
    EXPECT_GT(region.share, 0);
    EXPECT_LT(region.share, 1);
    if (region.name == "cid") {
      EXPECT_EQ(without, 0) << "no object is left out";
    }
  }
}

TEST_F(DoctorTest, AStudentThatIsItsTeacherAgreesWithIt) {
  request.options.model = testing::small_model(0.25, 16, false);
  request.student = request.teachers.front();
  const DoctorReport report = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  // The student's batch norm runs on the batch's statistics, so not every location.
  EXPECT_GT(report.teacher_student.bins, report.student_truth.bins);
  request.options.model.backbone.norm_eval = true;
  const DoctorReport same = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  EXPECT_DOUBLE_EQ(same.teacher_student.classes, 1);
  EXPECT_DOUBLE_EQ(same.teacher_student.bins, 1);
}

TEST_F(DoctorTest, AStudentOfAFileIsExactlyThatModelOrRefused) {
  std::vector<std::string> classes = synth_classes();
  request.student = folder / "student.safetensors";
  request.options.model = testing::small_model(0.125, 16, true);
  const auto made = std::make_shared<Detector>(request.options.model, static_cast<int>(classes.size()));
  ModelCard card;
  card.options = made->options();
  card.classes = classes;
  save_model(*request.student, *made, card);  // Light-ML is folded there
  const auto student = make_student(request, classes, nullptr);
  const auto said = [&](Detector& detector) {
    detector.eval();
    torch::manual_seed(1);
    return detector.forward(torch::randn({1, 3, 64, 64})).levels.front().cls_logits;
  };
  EXPECT_TRUE(torch::allclose(said(*student), said(*made), 1e-4, 1e-5));

  std::swap(classes[0], classes[1]);
  EXPECT_THAT(error_of([&] { make_student(request, classes, nullptr); }), ::testing::HasSubstr("--init"));
  std::swap(classes[0], classes[1]);
  request.options.model.head.lifting.enabled = false;
  EXPECT_THAT(error_of([&] { make_student(request, classes, nullptr); }),
              ::testing::HasSubstr("--set model.head.lifting.enabled=true"));
}

TEST_F(DoctorTest, AFrozenBackboneOfRandomWeightsIsSaid) {
  const auto warnings = [&] {
    const HeardWarnings heard;
    make_student(request, synth_classes(), nullptr);
    return heard.messages;
  };
  EXPECT_THAT(warnings(), ::testing::IsEmpty());
  request.options.model.backbone.frozen_stages = 1;
  EXPECT_THAT(warnings(), ::testing::ElementsAre(::testing::HasSubstr("stays random")));
  request.init = request.teachers.front();
  EXPECT_THAT(warnings(), ::testing::IsEmpty());
}

TEST_F(DoctorTest, AStudentThatInheritsBeginsWithItsTeachersHead) {
  const std::vector<std::string> classes = synth_classes();
  const auto teacher = load_model(request.teachers.front()).detector;
  const auto head = [&] {
    return make_student(request, classes, teacher.get())->named_parameters()["head.box_predictor.weight"];
  };
  EXPECT_FALSE(head().equal(teacher->named_parameters()["head.box_predictor.weight"]));
  request.options.kd.inherit = true;
  EXPECT_TRUE(head().equal(teacher->named_parameters()["head.box_predictor.weight"]));
  EXPECT_FALSE(make_student(request, classes, nullptr)
                   ->named_parameters()["head.box_predictor.weight"]
                   .equal(teacher->named_parameters()["head.box_predictor.weight"]))
      << "a plain training has nobody to inherit from";
  request.student = request.teachers.front();
  EXPECT_THROW(head(), Error);
}

TEST_F(DoctorTest, ProposesTheWeightThatMakesGradientsEven) {
  request.options.kd.methods = {"pkd"};
  double& weight = request.options.kd.of<PkdOptions>().weight;
  const auto ratio_of = [](const DoctorReport& report) {
    return std::ranges::find(report.terms, "kd_pkd", &TermReport::name)->gradient_ratio;
  };
  weight = 600;
  const DoctorReport strong = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  const double ratio = ratio_of(strong);
  EXPECT_THAT(
      strong.advice,
      ::testing::Contains(::testing::HasSubstr(fmt::format("kd.pkd.weight = {:.2g} instead of 600", 600 / ratio))));
  weight /= ratio;
  const DoctorReport even = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  EXPECT_NEAR(ratio_of(even), 1, 1e-3);
  EXPECT_THAT(even.advice, ::testing::Not(::testing::Contains(::testing::HasSubstr("kd_pkd"))));
}

TEST_F(DoctorTest, LooksAtWholeWeightsWhateverTheWarmUp) {
  const auto advice = [&] {
    return examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0}).terms.back().gradient_ratio;
  };
  const double whole = advice();
  request.options.kd.warmup_steps = 500;
  EXPECT_DOUBLE_EQ(advice(), whole);
}

TEST_F(DoctorTest, WhereTermsAreCalibratedTheirWeightsAreNoAdvice) {
  request.options.kd.methods = {"bckd"};
  request.options.kd.calibrate = 50;
  const DoctorReport report = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  ASSERT_FALSE(report.advice.empty());
  EXPECT_THAT(report.advice, ::testing::Contains(::testing::HasSubstr("instead of 50 would make them equal")));
  EXPECT_THAT(report.advice, ::testing::Not(::testing::Contains(::testing::HasSubstr("weight"))));
}

TEST_F(DoctorTest, TextAndJsonSayTheSame) {
  const DoctorReport report = examine(request, {.images = 2, .gradient_batches = 1, .pictures = 0});
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["objects"], report.objects);
  EXPECT_EQ(json["regions"]["cid"]["sizes"].size(), 5U);
  EXPECT_NEAR(
      json["terms"]["kd_ld_main"]["value_ratio"].get<double>(),
      json["terms"]["kd_ld_main"]["value"].get<double>() / json["terms"]["detection loss"]["value"].get<double>(),
      1e-9);
  const std::string text = to_text(report);
  for (const char* word : {"teacher and truth", "kd_ld_main", "region cid", "AP50"})
    EXPECT_THAT(text, ::testing::HasSubstr(word));
}

}  // namespace
}  // namespace skylift
