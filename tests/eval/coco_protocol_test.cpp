#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "scene.h"
#include "skylift/core/error.h"
#include "skylift/eval/evaluation.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EvalResult coco(const Scene& scene, EvalOptions options = {}) {
  return evaluate(scene.truth, scene.detections, options);
}

std::string eval_error(const Scene& scene, const EvalOptions& options = {}) {
  return error_of([&] { coco(scene, options); });
}

TEST(CocoProtocol, PerfectDetectionsScoreOne) {
  Scene scene({"car", "bus"});
  scene.image().object({10, 10, 20, 20}).found({10, 10, 20, 20}, .9);
  scene.image().object({10, 10, 50, 60}, 1).found({10, 10, 50, 60}, .3, 1);
  const auto result = coco(scene);
  EXPECT_NEAR(result.means.ap, 1, 1e-12);  // 1/(1+2^-52), as pycocotools has it
  EXPECT_NEAR(result.means.ap_small, 1, 1e-12);
  EXPECT_NEAR(result.means.ap_medium, 1, 1e-12);
  EXPECT_EQ(result.means.ap_large, -1);
  EXPECT_THAT(result.means.ar, ElementsAre(1, 1, 1));
  EXPECT_EQ(result.images, 2);
  EXPECT_EQ(result.detections, 2);
  EXPECT_EQ(result.ground_truths, 2);
}

TEST(CocoProtocol, AFalseAlarmAboveTheHitHalvesThePrecision) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).found({60, 60, 20, 20}, .9).found({10, 10, 20, 20}, .8);
  EXPECT_NEAR(coco(scene).means.ap, .5, 1e-12);
}

TEST(CocoProtocol, EachObjectIsFoundOnce) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).object({60, 60, 20, 20});
  scene.found({10, 10, 20, 20}, .9).found({10, 10, 20, 20}, .8).found({60, 60, 20, 20}, .7);
  const auto result = coco(scene);
  EXPECT_NEAR(result.means.ap, (51 * 1 + 50 * 2 / 3.) / 101, 1e-12);
  EXPECT_THAT(result.means.ar, ElementsAre(.5, 1, 1));
}

TEST(CocoProtocol, ThresholdsCountTheOverlap) {
  Scene scene({"car"});
  scene.image().object({0, 0, 10, 10}).found({0, 0, 10, 7.2}, .9);  // IoU 0.72: 0.50 to 0.70
  const auto result = coco(scene);
  EXPECT_NEAR(result.means.ap, .5, 1e-12);
  EXPECT_NEAR(result.means.ap50, 1, 1e-12);
  EXPECT_EQ(result.means.ap75, 0);
}

TEST(CocoProtocol, CrowdsExcuseAndAreNotMissed) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).crowd({50, 50, 50, 50});
  scene.found({55, 55, 10, 10}, .9).found({60, 60, 10, 10}, .8).found({10, 10, 20, 20}, .1);
  const auto result = coco(scene);
  EXPECT_NEAR(result.means.ap, 1, 1e-12);
  EXPECT_EQ(result.per_class[0].ground_truths, 1);
}

TEST(CocoProtocol, IgnoreIsOverwrittenByIscrowdOnlyInCocoFiles) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).ignored({60, 60, 20, 20}).found({10, 10, 20, 20}, .9);
  EXPECT_THAT(coco(scene).means.ar, ElementsAre(.5, .5, .5));
  scene.truth.format = "visdrone";
  EXPECT_THAT(coco(scene).means.ar, ElementsAre(1, 1, 1));
}

TEST(CocoProtocol, TheFilesAreaDecidesTheRange) {
  Scene scene({"car"});
  scene.image().object({10, 10, 20, 20}).found({10, 10, 20, 20}, .9);
  scene.truth.images[0].objects[0].area = 2000;
  const auto result = coco(scene);
  EXPECT_EQ(result.means.ap_small, -1);
  EXPECT_NEAR(result.means.ap_medium, 1, 1e-12);
}

TEST(CocoProtocol, AnnotationZeroIsNeverFoundAndThatIsSaid) {
  Scene scene({"car"});
  scene.last_id = -1;
  scene.image().object({10, 10, 20, 20}).object({60, 60, 20, 20});
  scene.found({10, 10, 20, 20}, .9).found({60, 60, 20, 20}, .8);
  const auto result = coco(scene);
  EXPECT_THAT(result.means.ar, ElementsAre(0, .5, .5));
  EXPECT_THAT(result.notes, ElementsAre(HasSubstr("id 0")));
  scene.truth.format = "yolo";
  EXPECT_THAT(coco(scene).means.ar, ElementsAre(.5, 1, 1));
}

TEST(CocoProtocol, SameResultOnAnyNumberOfThreads) {
  Scene scene({"car", "bus"});
  for (int i = 0; i < 200; ++i) {
    scene.image().object({10, 10, 20, 20}, i % 2);
    for (int j = 0; j < 5; ++j) scene.found({10. + j, 10. + i % 7, 20, 20}, (i * j % 11) / 11., j % 2);
  }
  EvalOptions one, four;
  one.threads = 1;
  four.threads = 4;
  EXPECT_EQ(to_json(coco(scene, one)), to_json(coco(scene, four)));
}

TEST(CocoProtocol, JsonHasTheDocumentedKeys) {
  Scene scene({"car", "bus"});
  scene.image().object({10, 10, 20, 20}).found({12, 10, 20, 20}, .9);
  EvalOptions options;
  options.max_dets = {1, 10, 500};
  const auto json = nlohmann::json::parse(to_json(coco(scene, options)));
  for (const char* key : {"protocol", "images", "detections", "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
                          "AR1", "AR10", "AR500", "per_class"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_FALSE(json.contains("AR100"));
  EXPECT_EQ(json["per_class"]["car"]["ground_truths"], 1);
  EXPECT_EQ(json["per_class"]["bus"]["AP"], -1);
  EXPECT_THAT(to_text(coco(scene, options)), HasSubstr("coco"));
}

TEST(CocoProtocol, CurvesAsCsv) {
  Scene scene({"a \"quoted\", name", "bus"});
  scene.image().object({10, 10, 20, 20}).found({10, 10, 20, 20}, .75);
  const std::string csv = curves_to_csv(coco(scene));
  EXPECT_THAT(csv, HasSubstr("\n\"a \"\"quoted\"\", name\",0.50,0.00,"));
  EXPECT_THAT(csv, HasSubstr(",0.95,1.00,0.9999999999999998,0.75\n"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 10 * 101);  // no rows of the class without objects
}

TEST(CocoProtocol, MistakesAreNamed) {
  Scene scene({"car"});
  scene.image().found({0, 0, 5, 5}, .5, 7);
  EXPECT_THAT(eval_error(scene), HasSubstr("class index 7"));
  scene.detections.emplace_back();
  EXPECT_THAT(eval_error(scene), HasSubstr("2 images"));
  EXPECT_THAT(eval_error(Scene({"car"}), {.protocol = "cocoo"}), HasSubstr("did you mean 'coco'"));
  EXPECT_THAT(eval_error(Scene({"car"}), {.max_dets = {0}}), HasSubstr("max_dets"));
}

}  // namespace
}  // namespace skylift
