#include "skylift/infer/predictor.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <thread>

#include "skylift/export/onnx_graph.h"
#include "skylift/export/onnx_model.h"
#include "skylift/infer/image_view.h"
#include "skylift/infer/openvino_engine.h"
#include "skylift/infer/torch_engine.h"
#include "skylift/models/card_text.h"
#include "tests/models/model_fixtures.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

/// Random weights whose scores spread, so that images have dozens of detections.
Model random_model(int side = 160) {
  Model model;
  model.detector = seeded_detector(tiny_options());
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.detector->named_parameters()) {
    if (parameter.key().find("cls") != std::string::npos && parameter.value().dim() == 4) parameter.value().mul_(20);
    if (parameter.key().find("reg") != std::string::npos && parameter.value().dim() == 4) parameter.value().mul_(5);
  }
  model.card.options = tiny_options();
  model.card.classes = {"a", "b", "c"};
  model.card.preprocess.long_side = model.card.preprocess.short_side = side;
  return model;
}

cv::Mat noise(int width, int height, int seed = 1) {
  cv::Mat coarse(height / 4 + 1, width / 4 + 1, CV_8UC3), image;
  cv::RNG rng(static_cast<uint64_t>(seed));
  rng.fill(coarse, cv::RNG::UNIFORM, 0, 256);
  cv::resize(coarse, image, {width, height}, 0, 0, cv::INTER_CUBIC);
  return image;
}

void expect_same(const std::vector<Detection>& a, const std::vector<Detection>& b, double px = 0, double score = 0) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].score, b[i].score, score);
    EXPECT_NEAR(a[i].box.x, b[i].box.x, px);
    EXPECT_NEAR(a[i].box.y, b[i].box.y, px);
    EXPECT_NEAR(a[i].box.w, b[i].box.w, px);
    EXPECT_NEAR(a[i].box.h, b[i].box.h, px);
    EXPECT_EQ(a[i].class_index, b[i].class_index);
  }
}

class PredictorTest : public ::testing::Test {
 protected:
  TempFolder folder;
  Predictor torch_predictor(const DetectOptions& detect = {}) {
    const auto path = folder / "model.safetensors";
    const Model model = random_model();
    save_model(path, *model.detector, model.card);
    return Predictor(path, {.engine = "torch"}, detect);
  }
};

TEST_F(PredictorTest, WhatElseIsPredictedChangesNothing) {
  const Predictor predictor = torch_predictor();
  const std::vector<cv::Mat> images = {noise(160, 160), noise(200, 120, 2), noise(160, 160, 3), noise(64, 150, 4)};
  std::vector<ImageView> views;
  for (const cv::Mat& image : images) views.push_back(view_of(image));
  const auto together = predictor.predict(views);
  ASSERT_EQ(together.size(), images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    ASSERT_GT(together[i].size(), 3U);
    expect_same(together[i], predictor.predict(views[i]), 1e-3, 1e-5);
  }
}

TEST_F(PredictorTest, BlueFirstAndPartsOfAnImage) {
  const Predictor predictor = torch_predictor();
  const cv::Mat large = noise(300, 200), part = large({40, 20, 200, 160}), copy = part.clone();
  cv::Mat bgr;
  cv::cvtColor(copy, bgr, cv::COLOR_RGB2BGR);
  const auto expected = predictor.predict(view_of(copy));
  expect_same(predictor.predict(view_of(part)), expected);
  expect_same(predictor.predict(view_of(bgr, true)), expected);
  // An image of the network's own size is not resized, only brought into order.
  const cv::Mat exact = noise(160, 120);
  cv::cvtColor(exact, bgr, cv::COLOR_RGB2BGR);
  expect_same(predictor.predict(view_of(bgr, true)), predictor.predict(view_of(exact)));
}

/// One tile with something in it, seen alone and as part of a large image.
TEST_F(PredictorTest, TilesAreTheirImagesInPlace) {
  DetectOptions tiled;
  tiled.tiling = {.tile_px = 160, .overlap = 0, .full_image = false, .merge = {.metric = "iou", .threshold = 1}};
  const Predictor predictor = torch_predictor();
  const cv::Mat large = noise(320, 160);
  std::vector<Detection> expected = predictor.predict(view_of(large({0, 0, 160, 160})));
  for (Detection found : predictor.predict(view_of(large({160, 0, 160, 160})))) {
    found.box.x += 160;
    expected.push_back(found);
  }
  std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.score > b.score; });
  const auto found = predictor.predict(view_of(large), tiled);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i].score, expected[i].score, 1e-5);
  const auto moved = [](const std::vector<Detection>& list) {
    return std::count_if(list.begin(), list.end(), [](const Detection& d) { return d.box.x >= 160; });
  };
  EXPECT_EQ(moved(found), moved(expected));
  // What is no larger than a tile stays whole.
  const cv::Mat small = noise(150, 100);
  expect_same(predictor.predict(view_of(small), tiled), predictor.predict(view_of(small)));
}

TEST_F(PredictorTest, TheLimitIsOfEachTileAndNotOfTheImage) {
  DetectOptions limited;
  limited.decode.max_detections = 2;
  const Predictor predictor = torch_predictor();
  const cv::Mat large = noise(320, 320);
  EXPECT_EQ(predictor.predict(view_of(large), limited).size(), 2U);
  limited.tiling = {.tile_px = 160, .overlap = 0, .full_image = false, .merge = {.metric = "iou", .threshold = 1}};
  EXPECT_EQ(predictor.predict(view_of(large), limited).size(), 8U);
}

TEST_F(PredictorTest, CallsFromSeveralThreadsGiveTheSame) {
  const Predictor predictor = torch_predictor();
  const cv::Mat image = noise(200, 150);
  const auto expected = predictor.predict(view_of(image));
  std::vector<std::vector<Detection>> results(6);
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = predictor.predict(view_of(image)); });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) expect_same(result, expected);
}

TEST_F(PredictorTest, RefusesWhatItCannotRun) {
  const Predictor predictor = torch_predictor();
  EXPECT_THAT(error_of([&] { predictor.predict(ImageView{}); }), HasSubstr("expected pixels"));
  EXPECT_THAT(error_of([&] { Predictor(folder / "absent.safetensors"); }), HasSubstr("absent.safetensors"));
  EXPECT_THAT(error_of([&] { Predictor(folder / "model.safetensors", {.engine = "tensorrt"}); }),
              HasSubstr("engine: got 'tensorrt'"));
  write_file(folder / "model.onnx", std::string("\x08\x08"));
  EXPECT_THAT(error_of([&] { Predictor(folder / "model.onnx", {.engine = "torch"}); }), HasSubstr("ONNX"));
}

class OpenVinoTest : public PredictorTest {
 protected:
  void SetUp() override {
    if (!openvino_built_in()) GTEST_SKIP() << "built without OpenVINO";
  }
  std::filesystem::path stored_model() {
    const auto path = folder / "model.safetensors";
    const Model model = random_model();
    save_model(path, *model.detector, model.card);
    return path;
  }
};

/// Sizes that need padding and such that do not, more of them than get a graph of their own.
TEST_F(OpenVinoTest, AgreesWithTorchForEverySize) {
  const auto path = stored_model();
  const Predictor torch(path, {.engine = "torch"});
  for (const std::string mode : {"latency", "throughput"}) {
    const Predictor openvino(path, {.engine = "openvino", .mode = mode});
    for (const cv::Size size : {cv::Size(160, 160), cv::Size(300, 170), cv::Size(160, 128), cv::Size(77, 160),
                                cv::Size(160, 33), cv::Size(160, 160)}) {
      const cv::Mat image = noise(size.width, size.height);
      const auto expected = torch.predict(view_of(image));
      ASSERT_GT(expected.size(), 0U);
      expect_same(openvino.predict(view_of(image)), expected, 0.05, 1e-4);
    }
  }
}

TEST_F(OpenVinoTest, AnExportedFileGivesTheSame) {
  const Model model = random_model();
  const auto path = stored_model();
  write_file(folder / "model.onnx", onnx_model(model, {}));
  write_file(folder / "fixed.onnx", onnx_model(model, {.batch = 2, .height = 160, .width = 160}));
  const cv::Mat image = noise(300, 170), other = noise(300, 170, 5);
  const std::vector<ImageView> views = {view_of(image), view_of(other), view_of(image)};
  const auto expected = Predictor(path, {.engine = "openvino"}).predict(views);
  for (const std::string name : {"model.onnx", "fixed.onnx"}) {
    const Predictor predictor(folder / name);
    EXPECT_EQ(predictor.classes(), model.card.classes);
    const auto found = predictor.predict(views);
    // A fixed size pads further than the free one: borders may differ a little, boxes inside do not.
    for (size_t i = 0; i < views.size(); ++i) {
      if (name == "model.onnx") expect_same(found[i], expected[i], 1e-3, 1e-5);
      EXPECT_GT(found[i].size(), 0U);
    }
  }
}

/// Anybody can write a card; it decided once how far beyond the maps we read.
TEST_F(OpenVinoTest, ACardThatDoesNotFitItsGraphIsAnError) {
  const std::string good = onnx_model(random_model(), {});
  const auto error_with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    EXPECT_EQ(from.size(), to.size());       // a protobuf's lengths stay right
    const size_t place = bytes.rfind(from);  // the card is the last metadata that holds any of these
    EXPECT_NE(place, std::string::npos) << from;
    bytes.replace(place, from.size(), to);
    write_file(folder / "hostile.onnx", bytes);
    return error_of([&] { Predictor(folder / "hostile.onnx").predict(view_of(noise(160, 128))); });
  };
  EXPECT_EQ(error_with("\"version\":1", "\"version\":1"), "no error");
  EXPECT_THAT(error_with("\"head.reg_max\":7", "\"head.reg_max\":9"), HasSubstr("its card says 3 classes and 40 box"));
  EXPECT_THAT(error_with("\"classes\":[\"a\",\"b\",\"c\"]", "\"classes\":[\"a\",\"\",\"\",1]"),
              HasSubstr("hostile.onnx"));
  EXPECT_THAT(error_with("[\"a\",\"b\",\"c\"]", "[\"a\",\"bdc\"]  "), HasSubstr("its card says 2 classes"));
  EXPECT_THAT(error_with("[\"a\",\"b\",\"c\"]", "[\"\",\"\",\"\",\"\"]"), HasSubstr("its card says 4 classes"));
  EXPECT_THAT(error_with("\"neck.last_level\":5", "\"neck.last_level\":4"), HasSubstr("levels 3..4"));
  EXPECT_THAT(error_with("\"pad_multiple\":32", "\"pad_multiple\": 0"), HasSubstr("pad_multiple: got 0"));
  EXPECT_THAT(error_with("cls_logits_8", "cls_logits_9"), HasSubstr("hostile.onnx"));
}

/// Where sizes are free, a graph may give maps of unlike sizes: boxes here have eight rows, whatever the image.
TEST_F(OpenVinoTest, MapsOfUnlikeSizesAreFoundAfterTheRun) {
  OnnxGraph graph;
  const std::string images = graph.add_input({"images", c10::ScalarType::Float, {"B", 3, "H", "W"}});
  const std::string grey = graph.add("ReduceMean", {images, graph.integers({1})}, "grey");
  const std::string low =
      graph.add("Slice", {grey, graph.integers({0}), graph.integers({8}), graph.integers({2})}, "low");
  for (const std::string stride : {"8", "16", "32"}) {
    const auto add_maps = [&](const std::string& name, const std::string& map, int64_t channels) {
      const std::vector<std::string> maps(static_cast<size_t>(channels), map);
      graph.add_output(graph.add("Concat", maps, name, {{"axis", int64_t{1}}}),
                       {name + "_logits_" + stride, c10::ScalarType::Float, {"B", channels, name + "H", "W"}});
    };
    add_maps("cls", grey, 3);
    add_maps("box", low, 32);
  }
  graph.metadata = {{model_card_key, card_text(random_model().card)}, {"form", "raw"}};
  write_file(folder / "unlike.onnx", graph.serialised(""));
  const Predictor predictor(folder / "unlike.onnx");
  EXPECT_THAT(error_of([&] { predictor.predict(view_of(noise(160, 128))); }), HasSubstr("the maps of stride 8 are"));
}

/// A request of OpenVINO's keeps its memory. One for each size seen took 213 MB for 120 sizes.
TEST_F(OpenVinoTest, MemoryDoesNotGrowWithTheSizesSeen) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer keeps freed memory for a while";
#endif
  const auto resident_mb = [] {
    std::ifstream statm("/proc/self/statm");
    int64_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * 4096 / 1'000'000;
  };
  const Predictor predictor(stored_model(), {.engine = "openvino"});
  const auto predict_sizes = [&](int first, int count) {
    for (int i = first; i < first + count; ++i) predictor.predict(view_of(noise(800, 400 + 3 * i)));
  };
  predict_sizes(100, 20);
  const int64_t before = resident_mb();
  predict_sizes(0, 100);
  EXPECT_LT(resident_mb() - before, 60);
}

TEST_F(PredictorTest, WorkThatNobodyWaitsForStops) {
  DetectOptions tiled;
  tiled.tiling.tile_px = 32;
  const Predictor predictor = torch_predictor();
  std::atomic<int> asked = 0;
  const cv::Mat image = noise(320, 320);
  EXPECT_THAT(error_of([&] { predictor.predict(view_of(image), tiled, [&] { return ++asked > 2; }); }),
              HasSubstr("stopped"));
  EXPECT_LE(asked, 2 + 2 + predictor.parallel_runs());
  EXPECT_NO_THROW(predictor.predict(view_of(image), tiled, [] { return false; }));
}

/// Counts what an engine is given.
struct CountingEngine : Engine {
  struct Counter : Session {
    Counter(std::unique_ptr<Session> of, CountingEngine& with) : session(std::move(of)), engine(with) {}
    uint8_t* input(int count, int height, int width) override {
      engine.images += count;
      engine.largest = std::max({engine.largest, height, width});
      return session->input(count, height, width);
    }
    OutputView run() override { return session->run(); }
    std::unique_ptr<Session> session;
    CountingEngine& engine;
  };
  const ModelCard& card() const override { return engine->card(); }
  std::unique_ptr<Session> open_session() override { return std::make_unique<Counter>(engine->open_session(), *this); }
  int parallel_runs() const override { return 1; }
  int good_batch() const override { return 2; }
  std::string description() const override { return "counting"; }

  std::unique_ptr<Engine> engine = make_torch_engine(random_model(), {});
  int images = 0, largest = 0;
};

TEST_F(PredictorTest, PreparingForLargeImagesRunsATileAndWhatTheNetworkSees) {
  auto engine = std::make_unique<CountingEngine>();
  const CountingEngine& counts = *engine;
  const Predictor predictor(std::move(engine), DecodeOptions{});
  predictor.prepare(100000, 100000);
  EXPECT_EQ(counts.images, 1);
  DetectOptions tiled;
  tiled.tiling.tile_px = 160;
  predictor.prepare(100000, 100000, tiled);
  EXPECT_EQ(counts.images, 1 + 2 + 1);
  EXPECT_EQ(counts.largest, 160);
  EXPECT_EQ(predictor.network_seconds(), 0);
  EXPECT_THAT(error_of([&] { predictor.prepare(0, 5); }), HasSubstr("expected pixels"));
}

TEST_F(OpenVinoTest, AnImageThatAFixedSizeDoesNotTakeIsToldFromOtherErrors) {
  const auto path = folder / "fixed.onnx";
  write_file(path, onnx_model(random_model(), {.batch = 1, .height = 96, .width = 160}));
  const Predictor predictor(path);
  EXPECT_NO_THROW(predictor.predict(view_of(noise(160, 96))));
  EXPECT_THROW(predictor.predict(view_of(noise(96, 160))), ImageTooLarge);
}

TEST_F(OpenVinoTest, RefusesWhatIsNotOurs) {
  write_file(folder / "noise.onnx", std::string(1000, 'x'));
  EXPECT_THAT(error_of([&] { Predictor(folder / "noise.onnx"); }), HasSubstr("noise.onnx"));
  write_file(folder / "empty.onnx", std::string("\x08\x08"));
  EXPECT_THAT(error_of([&] { Predictor(folder / "empty.onnx"); }), HasSubstr("skylift export"));
  EXPECT_THAT(error_of([&] { Predictor(stored_model(), {.engine = "openvino", .device = "cuda"}); }),
              HasSubstr("got 'cuda'"));
}

}  // namespace
}  // namespace skylift
