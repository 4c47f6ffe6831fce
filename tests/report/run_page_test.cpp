#include "skylift/report/run_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/error.h"
#include "skylift/image/codec.h"
#include "tests/exif_files.h"
#include "tests/runs/run_folder.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class RunPageTest : public ::testing::Test {
 protected:
  RunPageTest() {
    write_run(folder / "plain", {.seed = 1});
    write_run(folder / "distilled", {.seed = 2, .method = "cid"});
    for (const char* name : {"plain", "distilled"})
      write_file(folder / (std::string(name) + "/metrics.jsonl"),
                 "{\"kind\":\"train\",\"step\":1,\"epoch\":0,\"loss\":2.5,\"kd_x<y\":1}\n"
                 "{\"kind\":\"eval\",\"step\":1,\"epoch\":0,\"AP\":0.1234,\"AP50\":0.25,\"AP_small\":-1}\n");
  }
  TempFolder folder;
};

TEST_F(RunPageTest, OneRunShowsItsScoresAndAllItsOptions) {
  write_run_page(folder / "page.html", {folder / "plain"});
  const std::string page = read_file(folder / "page.html");
  EXPECT_THAT(page, HasSubstr("12.34"));
  EXPECT_THAT(page, HasSubstr("train.optimizer.lr"));
  EXPECT_THAT(page, HasSubstr("kd_x&lt;y"));
  EXPECT_THAT(page, Not(HasSubstr("kd_x<y")));
}

TEST_F(RunPageTest, SeveralRunsShowOnlyTheOptionsThatDiffer) {
  write_run_page(folder / "page.html", {folder / "plain", folder / "distilled/"});
  const std::string page = read_file(folder / "page.html");
  EXPECT_THAT(page, HasSubstr("distilled"));
  EXPECT_THAT(page, HasSubstr("train.seed"));
  EXPECT_THAT(page, Not(HasSubstr("train.optimizer.lr")));
}

TEST_F(RunPageTest, AnUnfinishedRunHasAPageThatSaysSo) {
  write_run(folder / "plain", {.seed = 1, .state = RunState::interrupted});
  write_file(folder / "plain/metrics.jsonl",
             "{\"kind\":\"train\",\"step\":1,\"epoch\":0,\"loss\":2.5}\n{\"kind\":\"tra");
  write_run_page(folder / "page.html", {folder / "plain"});
  EXPECT_THAT(read_file(folder / "page.html"), HasSubstr("interrupted"));
  std::filesystem::remove(folder / "plain/metrics.jsonl");
  write_run_page(folder / "page.html", {folder / "plain"});
}

TEST_F(RunPageTest, AFolderThatIsNoRunAndADamagedFileAreErrors) {
  EXPECT_THROW(write_run_page(folder / "page.html", {folder.path()}), Error);
  write_file(folder / "plain/metrics.jsonl", "{\"kind\":\"tra\n{}\n");
  EXPECT_THROW(write_run_page(folder / "page.html", {folder / "plain"}), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "page.html"));
}

Detection detection(double x, double score, int class_index = 0) {
  return {.box = {x, 0, 10, 10}, .score = score, .class_index = class_index};
}

ImageRecord three_cars() {
  ImageRecord image{.file = "a.jpg", .id = 1, .width = 100, .height = 40, .objects = {}, .ignored_regions = {}};
  for (const double x : {0.0, 20.0, 40.0}) {
    Object object;
    object.box = {x, 0, 10, 10};
    image.objects.push_back(object);
  }
  return image;
}

TEST(FoundObjects, AreHitOnceByTheirClassAtTheScore) {
  ImageRecord image = three_cars();
  EXPECT_THAT(
      found_objects(image, {detection(1, 0.9), detection(0, 0.8), detection(20, 0.2), detection(40, 0.9, 1)}, 0.3),
      ElementsAre(true, false, false));
  EXPECT_THAT(found_objects(image, {detection(26, 0.9)}, 0.3), ElementsAre(false, false, false)) << "IoU 0.25";
  image.objects[0].ignored = true;
  EXPECT_THAT(found_objects(image, {detection(0, 0.9)}, 0.3), ElementsAre(false, false, false));
}

ComparedModel model_of(const AnnotationSet& truth, const std::string& name, std::vector<Detection> detections) {
  ComparedModel model{
      .name = name, .detections = {std::move(detections)}, .result = {}, .by_size = {}, .errors = {}, .engine = "cpu"};
  model.result = evaluate(truth, model.detections);
  model.by_size = model.result;
  model.errors = break_down_errors(truth, model.detections);
  return model;
}

TEST(ModelComparison, CountsWhatIsGainedAndLostAgainstTheBaseline) {
  const TempFolder folder;
  write_image(folder / "a.jpg", cv::Mat(40, 100, CV_8UC3, cv::Scalar(90, 90, 90)), 90);
  ModelComparison comparison;
  comparison.truth.classes = {"car", "bus"};
  comparison.truth.class_ids = {1, 2};
  comparison.truth.image_folder = folder.path();
  comparison.truth.images = {three_cars()};
  comparison.models = {model_of(comparison.truth, "plain", {detection(0, 0.9), detection(20, 0.8)}),
                       model_of(comparison.truth, "distilled", {detection(20, 0.9), detection(40, 0.8)})};
  const std::string section = comparison_section(comparison);
  EXPECT_THAT(section, HasSubstr("plain: 2 found<"));
  EXPECT_THAT(section, HasSubstr("distilled: 2 found, 1 gained, 1 lost"));
  EXPECT_THAT(section, HasSubstr("small objects"));
  EXPECT_EQ(comparison_section({}), "");
}

TEST(ModelComparison, PicturesLieInTheFrameOfTheAnnotations) {
  const TempFolder folder;
  const std::string jpeg = encode_jpeg(cv::Mat(40, 100, CV_8UC3, cv::Scalar(90, 90, 90)), 90);
  ModelComparison comparison;
  comparison.truth.classes = {"car"};
  comparison.truth.class_ids = {1};
  comparison.truth.image_folder = folder.path();
  comparison.truth.images = {three_cars()};
  comparison.truth.reading.orientation = ImageReading::Orientation::stored;
  comparison.models = {model_of(comparison.truth, "plain", {detection(0, 0.9)})};
  write_file(folder / "a.jpg", jpeg);
  const std::string expected = comparison_section(comparison);
  write_file(folder / "a.jpg", exif::in_jpeg(jpeg, 6));
  EXPECT_EQ(comparison_section(comparison), expected);
}

}  // namespace
}  // namespace skylift
