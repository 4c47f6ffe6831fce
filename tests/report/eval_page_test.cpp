#include "skylift/report/eval_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/core.hpp>

#include "skylift/core/file.h"
#include "skylift/image/codec.h"
#include "skylift/report/html.h"
#include "skylift/report/plot.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

class EvalPage : public ::testing::Test {
 protected:
  EvalPage() {
    folder = fs::path(::testing::TempDir()) / "eval_page_test";
    truth.format = "coco";
    truth.image_folder = folder;
    truth.classes = {"car <old>", "bus"};
    truth.class_ids = {1, 2};
    Object object;
    object.box = {10, 10, 40, 30};
    object.id = 1;
    for (const char* name : {"a.jpg", "b.jpg"}) {
      truth.images.push_back({.file = name,
                              .id = static_cast<int64_t>(truth.images.size()),
                              .width = 100,
                              .height = 80,
                              .objects = {object},
                              .ignored_regions = {}});
    }
    detections = {{{{10, 10, 40, 30}, .9, 0}}, {{{60, 50, 20, 20}, .8, 1}}};
  }
  ~EvalPage() override { fs::remove_all(folder); }

  std::string page() {
    write_eval_page(folder / "page.html", truth, detections, evaluate(truth, detections),
                    break_down_errors(truth, detections));
    return read_file(folder / "page.html");
  }

  fs::path folder;
  AnnotationSet truth;
  DetectionSet detections;
};

TEST_F(EvalPage, HoldsNumbersPlotsAndTheWorstImage) {
  write_image(folder / "b.jpg", cv::Mat(80, 100, CV_8UC3, cv::Scalar(90, 90, 90)));
  const std::string html = page();
  EXPECT_THAT(html, HasSubstr("car &lt;old&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("car <old>")));
  EXPECT_THAT(html, HasSubstr("<canvas"));
  EXPECT_THAT(html, HasSubstr("data:image/jpeg;base64,/9j/"));
  EXPECT_THAT(html, HasSubstr("b.jpg: 2 errors, 1 background, 1 missed"));
  EXPECT_THAT(html, Not(HasSubstr("a.jpg:")));  // nothing is wrong there
  EXPECT_THAT(html.substr(0, html.find("<noscript")), Not(HasSubstr("nan")));
}

TEST_F(EvalPage, DrawsAnImageThatWouldShrinkToNothing) {
  write_image(folder / "b.jpg", cv::Mat(1, 5000, CV_8UC3, cv::Scalar(90, 90, 90)));
  EXPECT_THAT(page(), HasSubstr("data:image/jpeg;base64,/9j/"));
}

TEST_F(EvalPage, SaysThatAnImageCannotBeRead) { EXPECT_THAT(page(), HasSubstr("not drawn")); }

TEST_F(EvalPage, AnEmptySetGivesAPage) {
  truth.images.clear();
  detections.clear();
  EXPECT_THAT(page(), HasSubstr("</html>"));
}

TEST(Plot, GapsBreakTheLine) {
  const double gap = std::nan("");
  EXPECT_THAT(line_plot({{"a", {0, 1, 2}, {1, gap, 2}}}, {}), HasSubstr("[[0.0,1.0],null,[2.0,2.0]]"));
  EXPECT_THAT(line_plot({}, {.title = "t"}), HasSubstr("no data"));
  EXPECT_THAT(line_plot({{"a", {0}, {gap}}}, {}), HasSubstr("no data"));
}

TEST(Plot, NamesCannotEndTheScript) {
  const std::string plot = line_plot({{"</script><b>", {0}, {1}}}, {.title = "<i>"});
  EXPECT_THAT(plot, Not(HasSubstr("</script><b>")));
  EXPECT_THAT(plot, Not(HasSubstr("<i>")));
}

TEST(Html, OnlyAPageWithChartsCarriesTheLibrary) {
  const std::string with = html_page("t", line_plot({{"a", {0}, {1}}}, {}));
  EXPECT_THAT(with, HasSubstr("Released under the MIT License"));
  EXPECT_THAT(with, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(html_page("t", "<p>"), Not(HasSubstr("<script")));
}

TEST(Html, PicturesAreEncoded) {
  EXPECT_THAT(embedded_jpeg("Man", "x"), HasSubstr("base64,TWFu\""));
  EXPECT_THAT(embedded_jpeg("Ma", "x"), HasSubstr("base64,TWE=\""));
  EXPECT_THAT(embedded_jpeg("M", "a \"b\""), HasSubstr("base64,TQ==\""));
  EXPECT_THAT(embedded_jpeg("M", "a \"b\""), HasSubstr("a &quot;b&quot;"));
}

}  // namespace
}  // namespace skylift
