// Stored teacher signals: the same losses as under the live teacher, and a clear refusal where they do not fit.
#include "skylift/train/signal_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "skylift/data/loader.h"
#include "skylift/kd/cwd.h"
#include "skylift/kd/methods.h"
#include "skylift/models/model_file.h"
#include "tests/temp_folder.h"
#include "tests/train/kd_run.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

/// Scenes on disk and a teacher's file.
struct CacheTest : ::testing::Test {
  CacheTest() {
    scenes = write_scenes({.width = 160, .height = 96, .seed = 5, .density = 2}, 4, folder / "scenes", "coco");
    write_teacher(0);
  }

  void write_teacher(double shift) {
    const auto detector = testing::lively_teacher(16, static_cast<int>(synth_classes().size()));
    const at::NoGradGuard no_grad;
    detector->named_parameters()["head.cls_predictor.bias"].add_(shift);
    ModelCard card;
    card.options = detector->options();
    card.classes = synth_classes();
    save_model(folder / "teacher.safetensors", *detector, card);
  }

  RunOptions run_options(const std::vector<std::string>& methods) const {
    RunOptions options = testing::small_run(methods, false);
    options.data.augment.flip = 0.5;
    options.kd.cache = (folder / "signals.kd").string();
    options.kd.min_teacher_ap50 = 0;
    return options;
  }

  Teacher teacher(const RunOptions& options, const Dataset& data) const {
    return {{folder / "teacher.safetensors"}, options, data, cpu};
  }

  std::string open_error(const RunOptions& options) {
    return error_of([&] {
      const Dataset data(scenes, testing::dataset_options());
      const Teacher used = teacher(options, data);
      const SignalCache cache(options, data, used);
    });
  }

  TempFolder folder;
  AnnotationSet scenes;
  ComputeDevice cpu;
};

/// The teacher's own model, which it keeps.
std::shared_ptr<Detector> live_detector(const Teacher& teacher) {
  return {std::shared_ptr<void>(), teacher.network->detector()};
}

std::vector<RunOptions> stored_kinds(const CacheTest& test) {
  std::vector<RunOptions> kinds;
  for (const std::string& method : distill_method_names()) {
    for (const char* region : {"default", "cid", "vlr"}) {
      RunOptions options = test.run_options({method, "cid"});
      options.kd.region = region;
      if (method != "cid" && find_distill_method(method).reads(options.kd).why_not.empty()) kinds.push_back(options);
    }
  }
  return kinds;
}

TEST_F(CacheTest, LossesAreThoseOfTheLiveTeacherMirroredOrNot) {
  const Dataset data(scenes, testing::dataset_options());
  int mirrored = 0, compared = 0;
  for (const RunOptions& options : stored_kinds(*this)) {
    std::filesystem::remove(options.kd.cache);
    const Teacher live = teacher(options, data);
    const SignalCache cache(options, data, live);
    testing::KdRun run(options, live_detector(live), static_cast<int>(synth_classes().size()));
    Loader loader(data.size(), training_source(data, options.data), {.batch_size = 2, .shuffle = true, .seed = 1},
                  options.data.input);
    for (int epoch = 0; epoch < 2; ++epoch) {
      loader.start(epoch);
      while (const auto packed = loader.next()) {
        const Batch batch = packed->unpacked();
        for (const ImageGeometry& geometry : batch.geometries) mirrored += geometry.flipped;
        const LossTerms expected = run.terms(batch), got = run.terms(batch, &cache);
        ASSERT_EQ(got.size(), expected.size());
        for (size_t i = 0; i < got.size(); ++i, ++compared) {
          const double value = expected[i].value.item<double>();
          EXPECT_NEAR(got[i].value.item<double>(), value, 2e-3 * std::abs(value) + 1e-5)
              << got[i].name << " of " << options.kd.methods.front() << " at " << options.kd.region;
        }
      }
    }
  }
  EXPECT_GT(compared, 100);
  EXPECT_GT(mirrored, 0);
}

TEST_F(CacheTest, ASecondRunReadsTheFileAndAnotherTeacherIsRefused) {
  const RunOptions options = run_options({"cid", "ld"});
  EXPECT_EQ(open_error(options), "no error");
  const std::string bytes = read_file(options.kd.cache);
  EXPECT_EQ(open_error(options), "no error");
  EXPECT_EQ(read_file(options.kd.cache), bytes);
  write_teacher(0.5);
  EXPECT_THAT(open_error(options), HasSubstr("another teacher"));
  EXPECT_EQ(read_file(options.kd.cache), bytes) << "a refused file stays";
}

TEST_F(CacheTest, OtherDataOptionsOrMethodsAreRefusedByName) {
  const RunOptions options = run_options({"cid"});
  ASSERT_EQ(open_error(options), "no error");
  RunOptions other = options;
  other.kd.regions.cid.gate_iou = 0.5;
  EXPECT_THAT(open_error(other), HasSubstr("kd.regions.cid.gate_iou = 0.0"));
  other = options;
  other.kd.methods = {"ld"};
  EXPECT_THAT(open_error(other), HasSubstr("other logits"));
  scenes.images[1].objects.front().box.x += 1;
  EXPECT_THAT(open_error(options), HasSubstr("other training images"));
}

TEST_F(CacheTest, WhatCannotBeReplayedSaysWhatToSet) {
  const auto error = [&](auto change) {
    RunOptions options = run_options({"cid"});
    change(options);
    return error_of([&] { check_cacheable(options); });
  };
  EXPECT_EQ(error([](RunOptions&) {}), "no error");
  EXPECT_THAT(error([](RunOptions& o) { o.data.augment.photometric = 0.5; }), HasSubstr("photometric = 0"));
  EXPECT_THAT(error([](RunOptions& o) { o.data.augment.crop_px = 64; }), HasSubstr("crop_px = 0"));
  EXPECT_THAT(error([](RunOptions& o) { o.data.augment.scale_min = 0.8; }), HasSubstr("scale_min = scale_max = 1"));
  for (const char* method : {"fgd", "mgd", "pkd", "fitnet", "crosskd"}) {
    EXPECT_THAT(error([&](RunOptions& o) { o.kd.methods = {"cid", method}; }), HasSubstr(method));
  }
  EXPECT_THAT(error([&](RunOptions& o) {
                o.kd.methods = {"cwd"};
                o.kd.of<CwdOptions>().source = "features";
              }),
              HasSubstr("'cwd'"));
}

TEST_F(CacheTest, DamageIsFound) {
  const RunOptions options = run_options({"cid"});
  ASSERT_EQ(open_error(options), "no error");
  const std::string bytes = read_file(options.kd.cache);
  write_file(options.kd.cache, bytes.substr(0, bytes.size() - 5));
  EXPECT_THAT(open_error(options), HasSubstr("not a file of stored teacher signals"));
  std::string in_the_index = bytes;
  in_the_index[bytes.size() - 60] ^= 1;
  write_file(options.kd.cache, in_the_index);
  EXPECT_THAT(open_error(options), HasSubstr("damaged"));
  std::string in_a_record = bytes;
  in_a_record[100] ^= 1;
  write_file(options.kd.cache, in_a_record);
  EXPECT_THAT(error_of([&] { SignalFile(options.kd.cache).entry(0); }), HasSubstr("entry 0"));
}

TEST_F(CacheTest, ImagesOfTwoSizesRunInOneBatch) {  // that points find their places: see stored_signals_test.cpp
  const AnnotationSet small =
      write_scenes({.width = 96, .height = 64, .seed = 6, .density = 2}, 1, folder / "small", "coco");
  std::filesystem::copy(small.image_path(small.images[0]), folder / "scenes/images/small.png");
  scenes.images.push_back(small.images[0]);
  scenes.images.back().file = "small.png";
  RunOptions options = run_options({"ld", "logit", "cid"});
  options.data.input = {.long_side = 4096, .short_side = 4096};
  options.data.augment.scale_min = options.data.augment.scale_max = 0.0390625;  // the largest becomes 160 px
  const Dataset data(scenes, testing::dataset_options());
  const Teacher live = teacher(options, data);
  const SignalCache cache(options, data, live);
  testing::KdRun run(options, live_detector(live), static_cast<int>(synth_classes().size()));
  Loader loader(data.size(), training_source(data, options.data), {.batch_size = 5}, options.data.input);
  loader.start(0);
  const Batch batch = loader.next()->unpacked();
  for (const LossTerm& term : run.terms(batch, &cache)) EXPECT_TRUE(std::isfinite(term.value.item<double>()));
}

}  // namespace
}  // namespace skylift
