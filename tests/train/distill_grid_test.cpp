// Every method, at its own region and at CID's and with CID joined to it, with and without Light-ML: two steps of a
// training run, then the student's file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <cmath>
#include <map>
#include <string>

#include "skylift/kd/methods.h"
#include "skylift/models/model_file.h"
#include "tests/temp_folder.h"
#include "tests/train/kd_run.h"

namespace skylift {
namespace {

struct GridCase {
  std::string method;
  std::string with_cid;  ///< "no", "region" (kd.region = cid) or "joined" (the method cid beside it)
  bool lifting = false;
};

std::vector<GridCase> grid_cases() {
  std::vector<GridCase> cases;
  for (const std::string& method : distill_method_names()) {
    for (const char* with_cid : {"no", "region", "joined"}) {
      if (method == "cid" && std::string(with_cid) == "joined") continue;
      for (const bool lifting : {false, true}) cases.push_back({method, with_cid, lifting});
    }
  }
  return cases;
}

RunOptions options_of(const GridCase& tested) {
  RunOptions options = testing::small_run({tested.method}, tested.lifting);
  if (tested.with_cid == "region") options.kd.region = "cid";
  if (tested.with_cid == "joined") options.kd.methods.push_back("cid");
  return options;
}

class DistillGrid : public ::testing::TestWithParam<GridCase> {};

TEST_P(DistillGrid, TwoStepsAndTheStudentsFileGivesTheSameOutputs) {
  const RunOptions options = options_of(GetParam());
  const Batch batch = testing::synth_batch(2, options.data.input);
  const int classes = static_cast<int>(synth_classes().size());
  testing::KdRun run(options, testing::lively_teacher(24, classes), classes);
  for (int step = 0; step < 2; ++step) {
    const MetricValues values = run.step(batch);
    EXPECT_TRUE(std::isfinite(values.front().second));
    const auto distils = [](const auto& value) { return value.first.starts_with("kd_") && value.second > 0; };
    EXPECT_TRUE(std::ranges::any_of(values, distils)) << "nothing is distilled";
  }

  run.student->eval();
  const at::NoGradGuard no_grad;
  const DenseOutput expected = run.student->forward(batch.images);
  const TempFolder folder;
  ModelCard card;
  card.options = options.model;
  card.classes = synth_classes();
  card.preprocess = options.data.input;
  save_model(folder / "student.safetensors", *run.student, card);
  const Model loaded = load_model(folder / "student.safetensors");
  EXPECT_EQ(loaded.card.options.head.lifting.folded, GetParam().lifting);
  const DenseOutput got = loaded.detector->forward(batch.images);
  for (size_t i = 0; i < expected.levels.size(); ++i) {
    const auto difference = [&](at::Tensor LevelOutput::*map) {
      const at::Tensor& wanted = expected.levels[i].*map;
      const double scale = std::max(1.0, wanted.abs().max().item<double>());  // 1e-5 of the largest, not of small ones
      return (got.levels[i].*map - wanted).abs().max().item<double>() / scale;
    };
    EXPECT_LT(difference(&LevelOutput::cls_logits), 1e-5);
    EXPECT_LT(difference(&LevelOutput::box_logits), 1e-5);
  }
}

std::string case_name(const ::testing::TestParamInfo<GridCase>& tested) {
  return tested.param.method + "_cid_" + tested.param.with_cid + (tested.param.lifting ? "_light_ml" : "_plain");
}

INSTANTIATE_TEST_SUITE_P(All, DistillGrid, ::testing::ValuesIn(grid_cases()), case_name);

TEST(DistillGrid, EveryTermIsDeclaredByItsMethod) {
  const Batch batch = testing::synth_batch(1, {});
  const int classes = static_cast<int>(synth_classes().size());
  for (const MethodInfo& method : distill_methods()) {
    for (const char* region : {"default", "cid"}) {
      RunOptions options = testing::small_run({method.name}, false);
      options.kd.region = region;
      testing::KdRun run(options, testing::lively_teacher(16, classes), classes);
      for (const LossTerm& term : run.terms(batch)) {
        if (term.name.starts_with("kd_")) {
          EXPECT_THAT(method.terms, ::testing::Contains(term.name));
        }
      }
    }
  }
}

TEST(DistillGrid, TheTeachersFeaturesAreKeptWhereSomethingReadsThem) {
  const Batch batch = testing::synth_batch(1, {});
  const int classes = static_cast<int>(synth_classes().size());
  for (const auto& [method, reads] : std::map<std::string, bool>{{"bckd", false}, {"pkd", true}}) {
    SCOPED_TRACE(method);
    testing::KdRun run(testing::small_run({method}, false), testing::lively_teacher(16, classes), classes);
    const StepForward step = forward_and_assign(run.context(), batch);
    for (const LevelOutput& level : step.teacher.levels) EXPECT_EQ(level.feature.defined(), reads);
  }
}

}  // namespace
}  // namespace skylift
