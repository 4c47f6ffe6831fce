// Finished boxes in the shapes in which they leave other tools, rows of several anchors, and what is refused.
#include "skylift/teachers/foreign_decode.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/boxes/point_grid.h"
#include "skylift/teachers/foreign_levels.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ForeignSight sight(std::vector<NamedTensor> outputs, std::vector<std::string> classes = {"car", "bus"}) {
  return {
      .outputs = std::move(outputs), .height = 64, .width = 96, .metadata = {}, .data_classes = classes, .name = "t"};
}

/// One box, 10,20 to 30,40, of class 1 at 0.75, however it is written.
void expect_the_box(const std::vector<NamedTensor>& outputs) {
  const ForeignLayout layout = recognised({}, sight(outputs));
  ASSERT_EQ(layout.kind, "detections");
  const FoundBoxes found = decode_finished(outputs, layout, 64, 96, "t").front();
  EXPECT_TRUE(torch::allclose(found.boxes_xyxy[0], torch::tensor({10.F, 20.F, 30.F, 40.F}), 0, 1e-4))
      << found.boxes_xyxy;
  EXPECT_NEAR(found.scores[0].item<float>(), 0.75, 1e-5);
  EXPECT_EQ(found.labels[0].item<int64_t>(), 1);
}

const at::Tensor kBox = torch::tensor({10.F, 20.F, 30.F, 40.F}).view({1, 1, 4});
const at::Tensor kScore = torch::full({1, 1, 1}, 0.75F);
const at::Tensor kLabel = torch::ones({1, 1}, at::kLong);

TEST(FinishedBoxes, CornersScoreAndClassInOneRow) {
  expect_the_box({{"output0", torch::cat({kBox, kScore, torch::ones({1, 1, 1})}, 2)}});
}

TEST(FinishedBoxes, DetsAndLabels) { expect_the_box({{"dets", torch::cat({kBox, kScore}, 2)}, {"labels", kLabel}}); }

TEST(FinishedBoxes, LabelsBoxesScores) {
  expect_the_box({{"labels", kLabel}, {"boxes", kBox}, {"scores", kScore.squeeze(2)}});
}

TEST(FinishedBoxes, LogitsAndCentresInPartsOfTheInput) {
  const at::Tensor box = torch::tensor({20.F / 96, 30.F / 64, 20.F / 96, 20.F / 64}).view({1, 1, 4});
  expect_the_box({{"logits", at::logit(torch::tensor({0.2F, 0.75F})).view({1, 1, 2})}, {"pred_boxes", box}});
  // DETR's softmax has a class more, for nothing.
  const at::Tensor softmax = torch::tensor({0.05F, 0.75F, 0.2F}).log().view({1, 1, 3});
  expect_the_box({{"logits", softmax}, {"pred_boxes", box}});
}

TEST(FinishedBoxes, LabelsAsLogitsWithOneThatNobodyReads) {  // RF-DETR
  const at::Tensor box = torch::tensor({20.F / 96, 30.F / 64, 20.F / 96, 20.F / 64}).view({1, 1, 4});
  const at::Tensor labels = at::logit(torch::tensor({0.2F, 0.75F, 0.9F})).view({1, 1, 3});
  expect_the_box({{"dets", box}, {"labels", labels}});
  EXPECT_EQ(recognised({}, sight({{"dets", box}, {"labels", torch::rand({1, 1, 91})}})).classes[8], "truck");
}

TEST(FinishedBoxes, CentresInPartsOfTheInputAndAScoreOfEachClassInOneRow) {  // RT-DETR of Ultralytics
  const at::Tensor box = torch::tensor({20.F / 96, 30.F / 64, 20.F / 96, 20.F / 64}).view({1, 1, 4});
  expect_the_box({{"output0", torch::cat({box, torch::tensor({0.2F, 0.75F}).view({1, 1, 2})}, 2)}});
}

TEST(FinishedBoxes, ASoftmaxOfCocosNumbers) {  // DETR
  const std::vector<NamedTensor> outputs = {{"logits", torch::rand({1, 1, 92})}, {"pred_boxes", kBox}};
  const ForeignLayout layout = recognised({}, sight(outputs));
  EXPECT_EQ(layout.scores, "softmax");
  EXPECT_EQ(layout.classes[3], "car");
}

TEST(FinishedBoxes, AScoreOfEachClassBesideBoxes) {  // YOLO-NAS, PP-YOLOE
  const at::Tensor scores = torch::tensor({0.2F, 0.75F}).view({1, 1, 2});
  expect_the_box({{"boxes", kBox}, {"scores", scores}});
  expect_the_box({{"scores", scores}, {"boxes", kBox}});
}

TEST(FinishedBoxes, SixScoresAreNoBox) {
  const std::vector<std::string> six = {"a", "b", "c", "d", "e", "f"};
  const std::vector<NamedTensor> outputs = {{"cls", torch::rand({1, 9, 6})}, {"bbox", torch::rand({1, 9, 4})}};
  EXPECT_THAT(error_of([&] { recognised({}, sight(outputs, six)); }), HasSubstr("of no known layout"));
}

/// What has another length would be read past its end.
TEST(FinishedBoxes, WhatIsNotOneABoxIsNoPartOfThem) {
  const at::Tensor three = kBox.expand({1, 3, 4}), count = torch::full({1, 1}, 2, at::kLong);
  const std::vector<NamedTensor> whole = {{"det_boxes", three},
                                          {"det_scores", torch::full({1, 3}, 0.75F)},
                                          {"det_classes", torch::ones({1, 3}, at::kLong)},
                                          {"num_dets", count}};
  expect_the_box(whole);
  EXPECT_EQ(decode_finished(whole, recognised({}, sight(whole)), 64, 96, "t").front().scores.size(0), 2) << "num_dets";
  const std::vector<NamedTensor> longer = {
      {"boxes", three}, {"scores", torch::rand({1, 200})}, {"labels", torch::ones({1, 3}, at::kLong)}};
  EXPECT_THAT(error_of([&] { recognised({}, sight(longer)); }), HasSubstr("of no known layout"));
}

TEST(FinishedBoxes, AsManyAsCellsWhereTheMetadataSaysSo) {  // a YOLO26 of one class
  ForeignSight seen = sight({{"output0", torch::rand({1, 300, 6})}}, {"car"});
  seen.height = 192;
  seen.width = 320;  // 300 cells of strides 16 and 32
  EXPECT_EQ(recognised({}, seen).kind, "rows");
  seen.metadata = {{"names", "{0: 'car'}"}, {"end2end", "True"}};
  EXPECT_EQ(recognised({}, seen).kind, "detections");
}

TEST(FurtherInputs, AreWhatTheirToolMeans) {
  const at::Tensor images = torch::zeros({2, 3, 64, 96});
  const auto given = [&](const std::string& name, std::vector<int64_t> sizes, bool integers = true) {
    return further_input({name, std::move(sizes), integers, name}, images, "t");
  };
  const auto both = [](int64_t first, int64_t second) {
    return torch::tensor({{first, second}, {first, second}}, at::kLong);
  };
  EXPECT_TRUE(given("content_size", {-1, 2}, false).equal(both(64, 96))) << "our own export";
  EXPECT_TRUE(given("orig_target_sizes", {-1, 2}).equal(both(96, 64))) << "RT-DETR";
  EXPECT_TRUE(given("im_shape", {-1, 2}, false).equal(both(64, 96))) << "PaddleDetection";
  EXPECT_TRUE(given("scale_factor", {-1, 2}, false).equal(both(1, 1)));
  EXPECT_TRUE(given("pixel_mask", {-1, -1, -1}).equal(torch::ones({2, 64, 96}, at::kLong))) << "DETR";
  EXPECT_TRUE(given("pixel_mask", {1, 64, 64}).equal(torch::ones({2, 64, 64}, at::kLong)));
  EXPECT_THAT(error_of([&] { given("conf_threshold", {1}, false); }), HasSubstr("takes conf_threshold beside images"));
}

TEST(Rows, OfThreeAnchorsTheSurestCounts) {
  const int64_t cells = cell_count(64, 96, {8, 16, 32});
  at::Tensor rows = torch::zeros({1, 3 * cells, 7});
  const int64_t fine = 8 * 12;  // cells of the first level: anchor by anchor
  rows[0][fine + 5] = torch::tensor({50.F, 40.F, 8.F, 8.F, 0.5F, 0.F, 1.F});
  rows[0][2 * fine + 5] = torch::tensor({51.F, 41.F, 8.F, 8.F, 0.9F, 1.F, 0.F});
  const std::vector<NamedTensor> outputs = {{"output0", rows}};
  const ForeignLayout layout = recognised({}, sight(outputs));
  EXPECT_EQ(layout.anchors, 3);
  EXPECT_EQ(layout.objectness, "yes");
  const DecodedMaps maps = decode_dense(foreign_levels(outputs, layout, 64, 96, "t"), layout, 64, 96);
  EXPECT_NEAR(maps.scores[0][0][0][0][5].item<float>(), 0.9, 1e-6);
  EXPECT_TRUE(maps.boxes[0][0].select(1, 0).select(1, 5).equal(torch::tensor({47.F, 37.F, 55.F, 45.F})));
}

/// [1,N,2] px, level by level.
at::Tensor cell_centres(int64_t height, int64_t width, const std::vector<int>& strides) {
  std::vector<at::Tensor> levels;
  for (const int stride : strides) {
    const auto [h, w] = level_size(height, width, stride);
    const at::Tensor y = (torch::arange(h) + 0.5) * stride, x = (torch::arange(w) + 0.5) * stride;
    levels.push_back(torch::stack({x.expand({h, w}), y.unsqueeze(1).expand({h, w})}, 2).view({1, h * w, 2}));
  }
  return torch::cat(levels, 1);
}

TEST(Recognition, NamesComeFromTheMetadataOrAreCocos) {
  const int64_t cells = cell_count(64, 96, {8, 16, 32});
  ForeignSight seen = sight({{"output0", torch::rand({1, 6, cells})}}, {"a", "b", "c"});
  seen.metadata["names"] = "{0: 'traffic light', 1: 'bus'}";
  EXPECT_THAT(recognised({}, seen).classes, ElementsAre("traffic light", "bus"));
  EXPECT_EQ(recognised({}, sight({{"o", torch::rand({1, 84, cells})}})).classes, coco_classes());
}

TEST(Recognition, NamesAreInTheOrderOfTheirNumbers) {
  ForeignSight seen = sight({{"output0", torch::rand({1, 6, cell_count(64, 96, {8, 16, 32})})}});
  for (const char* names : {"{1: 'bus', 0: 'car'}", "{\"1\": \"bus\", \"0\": \"car\"}", "[\"car\", \"bus\"]"}) {
    seen.metadata["names"] = names;
    EXPECT_THAT(recognised({}, seen).classes, ElementsAre("car", "bus")) << names;
  }
}

TEST(Recognition, RowsOfCornersAreNoCentres) {  // PaddleDetection without its post-processing
  const at::Tensor point = cell_centres(64, 96, {8, 16, 32});
  const at::Tensor scores = torch::rand({1, point.size(1), 2});
  EXPECT_EQ(recognised({}, sight({{"o", torch::cat({point - 9, point + 9, scores}, 2)}})).boxes, "xyxy");
  EXPECT_EQ(recognised({}, sight({{"o", torch::cat({point, point * 0 + 18, scores}, 2)}})).boxes, "xywh");
}

TEST(Recognition, WhatIsAssumedOfClassesIsSaid) {
  const int64_t cells = cell_count(64, 96, {8, 16, 32});
  ForeignSight seen = sight({{"output0", torch::rand({1, 6, cells})}});
  EXPECT_THAT(recognised({}, seen).assumed, AllOf(HasSubstr("in their order"), HasSubstr("objectness")));
  seen.metadata["names"] = "{0: 'car', 1: 'bus'}";
  EXPECT_EQ(recognised({}, seen).assumed, "");
  const std::vector<NamedTensor> rfdetr = {{"dets", torch::rand({1, 5, 4})}, {"labels", torch::rand({1, 5, 3})}};
  EXPECT_THAT(recognised({}, sight(rfdetr)).assumed, HasSubstr("the last of 3 as none"));
}

TEST(Recognition, OnlyDetectorsOfUltralyticsAreRead) {
  ForeignSight seen = sight({{"output0", torch::rand({1, 7, cell_count(64, 96, {8, 16, 32})})}});
  seen.metadata = {{"names", "{0: 'plane', 1: 'ship'}"}, {"task", "obb"}};
  EXPECT_THAT(error_of([&] { recognised({}, seen); }), HasSubstr("task 'obb'"));
}

TEST(Recognition, WithoutNamesLabelsAreNumbersOfTheDatasClasses) {
  const std::vector<NamedTensor> outputs = {{"dets", torch::cat({kBox, kScore}, 2)}, {"labels", kLabel}};
  EXPECT_TRUE(recognised({}, sight(outputs)).numbered_classes);
  ForeignLayout given;
  given.classes = {"coco"};
  EXPECT_FALSE(recognised(given, sight(outputs)).numbered_classes);
}

TEST(Recognition, PixelsAsTheToolsOfTheseOutputsTakeThem) {
  const auto pixels = [](const std::vector<NamedTensor>& outputs) {
    const ForeignLayout layout = recognised({}, sight(outputs));
    return fmt::format("{} {:g} {:g}", layout.channels, layout.mean[0], layout.deviation[0]);
  };
  EXPECT_EQ(pixels({{"dets", torch::cat({kBox, kScore}, 2)}, {"labels", kLabel}}), "bgr 103.53 57.375") << "mmdeploy";
  at::Tensor rows = torch::rand({1, cell_count(64, 96, {8, 16, 32}), 7}) * 0.5;
  int64_t row = 0;
  for (const int stride : {8, 16, 32}) {
    for (int64_t cell = 0; cell < (64 / stride) * (96 / stride); ++cell, ++row) {
      rows[0][row][0] = (static_cast<double>(cell % (96 / stride)) + 0.5) * stride;
      rows[0][row][1] = (static_cast<double>(cell / (96 / stride)) + 0.5) * stride;
    }
  }
  EXPECT_EQ(pixels({{"output", rows}}), "bgr 0 1") << "YOLOX, decoded";
  rows.select(2, 4).fill_(1);
  EXPECT_EQ(pixels({{"outputs", rows}}), "rgb 0 255") << "YOLOv6";
  EXPECT_EQ(pixels({{"dets", kBox}, {"labels", torch::rand({1, 1, 3})}}), "rgb 123.675 58.395") << "RF-DETR";
}

/// Classes, boxes and one more for each level of five.
std::vector<NamedTensor> five_levels(double box_shift) {
  std::vector<NamedTensor> outputs;
  for (const int stride : {8, 16, 32, 64, 128}) {
    const auto [h, w] = level_size(64, 96, stride);
    outputs.push_back({fmt::format("cls{}", stride), torch::rand({1, 2, h, w})});
    outputs.push_back({fmt::format("box{}", stride), torch::rand({1, 4, h, w}) + box_shift});
    outputs.push_back({fmt::format("center{}", stride), torch::rand({1, 1, h, w})});
  }
  return outputs;
}

TEST(Recognition, ACenternessIsNotYoloxsObjectness) {
  const ForeignLayout fcos = recognised({}, sight(five_levels(3)));
  EXPECT_EQ(fcos.boxes, "distances_px");
  EXPECT_EQ(fcos.point, "middle");
  EXPECT_EQ(fcos.objectness, "yes");
  EXPECT_THAT(error_of([] { recognised({}, sight(five_levels(-0.5))); }), HasSubstr("no known layout"))
      << "ATSS: offsets from anchors";
}

TEST(Recognition, FinishedBoxesInPixelsWhateverTheirName) {
  expect_the_box({{"pred_boxes", kBox}, {"pred_scores", kScore.squeeze(2)}, {"pred_classes", kLabel}});
}

TEST(Recognition, WhatFitsNothingIsRefusedWithItsShapes) {
  const std::string error = error_of([] { recognised({}, sight({{"strange", torch::rand({1, 12, 345})}})); });
  EXPECT_THAT(error, HasSubstr("strange [1,12,345]"));
  EXPECT_THAT(error_of([] {
                recognised({}, sight({{"dets", kBox}, {"labels", torch::rand({1, 1, 5})}}));
              }),
              HasSubstr("labels [1,1,5]"));
  EXPECT_THAT(error, HasSubstr(".toml"));
  const int64_t cells = cell_count(64, 96, {8, 16, 32});
  const std::string rows = error_of([&] { recognised({}, sight({{"o", torch::rand({1, cells, 20})}})); });
  EXPECT_THAT(rows, HasSubstr("no known layout")) << "sixteen classes that nobody names";
}

TEST(ForeignLayoutTest, WhatTheFileBesideAModelSaysTellsTeachersApart) {
  ForeignLayout rgb;
  rgb.classes = {"car", "bus"};
  rgb.channels = "rgb";
  ForeignLayout bgr = rgb;
  bgr.channels = "bgr";
  ForeignLayout other = rgb;
  other.classes = {"bus", "car"};
  EXPECT_NE(keys_text(rgb), keys_text(bgr));
  EXPECT_NE(keys_text(rgb), keys_text(other));
}

}  // namespace
}  // namespace skylift
