#include "skylift/kd/distiller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

#include "skylift/core/error.h"
#include "skylift/kd/cid_loss.h"
#include "skylift/kd/common_inputs.h"
#include "skylift/kd/divergence.h"
#include "skylift/kd/ld.h"
#include "skylift/kd/logit_kd.h"
#include "skylift/kd/methods.h"
#include "skylift/kd/pkd.h"
#include "skylift/kd/vlr.h"
#include "skylift/losses/point_gather.h"
#include "tests/error_of.h"
#include "tests/gradient_check.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::distil;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::KdScene;
using testing::make_targets;
using testing::term;

std::vector<std::string> names(const LossTerms& terms) {
  std::vector<std::string> result;
  for (const LossTerm& entry : terms) result.push_back(entry.name);
  return result;
}

DistillOptions with_methods(std::vector<std::string> methods) {
  DistillOptions options;
  options.methods = std::move(methods);
  return options;
}

KdScene golden_scene() { return KdScene({testing::GoldenScene().targets, make_targets({60, 20, 90, 70}, {2})}); }

TEST(Distiller, TermsAreNamedAndInOrder) {
  const KdScene scene = golden_scene();
  EXPECT_THAT(names(distil(scene, with_methods({"logit", "ld", "cid"}))),
              ElementsAre("kd_logit", "kd_ld_main", "kd_ld_vlr", "kd_cid_cls", "kd_cid_box"));
  DistillOptions at_cid = with_methods({"ld", "logit"});
  at_cid.region = "cid";
  EXPECT_THAT(names(distil(scene, at_cid)), ElementsAre("kd_ld", "kd_logit"));
}

TEST(Distiller, TermsOfWeightZeroAreAbsent) {
  const KdScene scene = golden_scene();
  DistillOptions options = with_methods({"logit", "ld", "cid"});
  options.of<LdOptions>().vlr_weight = options.of<CidLossOptions>().cls_weight = options.of<LogitKdOptions>().weight =
      0;
  EXPECT_THAT(names(distil(scene, options)), ElementsAre("kd_ld_main", "kd_cid_box"));
  options.of<LdOptions>().main_weight = options.of<CidLossOptions>().box_weight = 0;
  EXPECT_TRUE(distil(scene, options).empty());
}

TEST(Distiller, AMatchingTeacherCostsNothing) {
  KdScene scene = golden_scene();
  scene.teacher = scene.student;
  for (const std::string region : {"default", "cid", "all", "positives", "vlr", "boxes"}) {
    DistillOptions options = with_methods({"ld", "logit", "cid"});
    options.region = region;
    for (const LossTerm& entry : distil(scene, options))
      EXPECT_NEAR(entry.value.item<double>(), 0, 1e-6) << entry.name << " " << region;
  }
}

TEST(Distiller, TheSameRegionGivesLdAndCidTheSameBoxTerm) {
  const KdScene scene = golden_scene();
  DistillOptions options = with_methods({"ld", "cid", "logit"});
  options.region = "cid";
  const LossTerms terms = distil(scene, options);
  EXPECT_NEAR(term(terms, "kd_ld"), term(terms, "kd_cid_box"), 1e-6);
  EXPECT_NEAR(term(terms, "kd_logit"), term(terms, "kd_cid_cls"), 1e-6);
}

TEST(Ld, AgreesWithPlainSums) {
  const KdScene scene = golden_scene();
  const at::Tensor kl = softmax_kl(flat_box_logits(scene.student), flat_box_logits(scene.teacher), 10).sum(2);  // [B,A]
  const at::Tensor scores = flat_cls_logits(scene.student).sigmoid().amax(2);
  const DistillInputs inputs = scene.inputs();
  const at::Tensor vlr_maps = [&] {
    std::vector<at::Tensor> flat;
    for (const auto& map : region_maps(vlr_region(inputs, {}, false), scene.grid, 2)) flat.push_back(map.flatten(1));
    return torch::cat(flat, 1);
  }();
  double main = 0, main_weights = 0;
  for (int64_t i = 0; i < scene.assignment.count(); ++i) {
    const int64_t image = scene.assignment.image[i].item<int64_t>(), point = scene.assignment.point[i].item<int64_t>();
    main += (scores[image][point] * kl[image][point]).item<double>();
    main_weights += scores[image][point].item<double>();
  }
  const double vlr = (kl * vlr_maps).sum().item<double>(), vlr_weights = vlr_maps.sum().item<double>();
  DistillOptions options = with_methods({"ld"});
  const LossTerms ours = distil(scene, options);
  EXPECT_NEAR(term(ours, "kd_ld_main"), 0.25 * main / main_weights, 1e-4);
  EXPECT_NEAR(term(ours, "kd_ld_vlr"), 0.25 * vlr / vlr_weights, 1e-4);
  options.normalise = "authors";
  const LossTerms authors = distil(scene, options);
  EXPECT_NEAR(term(authors, "kd_ld_main"), 0.25 * main / 17 / 4, 1e-4);
  EXPECT_NEAR(term(authors, "kd_ld_vlr"), 0.25 * vlr / 17 / 16, 1e-4);
}

TEST(LogitKd, AuthorsFormSumsTheMeansOfTheLevels) {
  const KdScene scene = golden_scene();
  DistillOptions options = with_methods({"logit"});
  options.of<LogitKdOptions>() = {.form = "softmax", .weight = 10, .temperature = 2};
  options.normalise = "authors";
  const PointGather gather(scene.grid, scene.assignment.image, scene.assignment.point);
  const at::Tensor kl =
      softmax_kl(gather_cls_logits(gather, scene.student), gather_cls_logits(gather, scene.teacher), 2);
  double expected = 0;
  int levels = 0;
  for (const GridLevel& level : scene.grid.levels) {
    const at::Tensor& point = scene.assignment.point;
    const at::Tensor here =
        kl.masked_select(point.ge(level.offset).logical_and(point.lt(level.offset + level.count())));
    if (here.numel() > 0) expected += (10 * here.mean() / 3).item<double>(), ++levels;
  }
  ASSERT_GT(levels, 1);
  EXPECT_NEAR(term(distil(scene, options), "kd_logit"), expected, 1e-5);
}

TEST(Distiller, NoObjectsGiveZeroInTheGraph) {
  KdScene scene({make_targets({}, {}), make_targets({}, {})});
  for (LevelOutput& level : scene.student.levels) {
    level.cls_logits.requires_grad_(true);
    level.box_logits.requires_grad_(true);
  }
  for (const std::string normalise : {"region", "authors"}) {
    DistillOptions options = with_methods({"ld", "logit", "cid"});
    options.normalise = normalise;
    for (const LossTerm& entry : distil(scene, options)) {
      EXPECT_EQ(entry.value.item<float>(), 0) << entry.name;
      EXPECT_TRUE(entry.value.requires_grad()) << entry.name;
      entry.value.backward();
    }
  }
  for (const LevelOutput& level : scene.student.levels) EXPECT_EQ(level.box_logits.grad().abs().sum().item<float>(), 0);
}

TEST(Distiller, OneClassAndOneCellWork) {
  const testing::DenseShape smallest{.classes = 1, .reg_max = 4, .sizes = {{1, 1}}, .strides = {8}};
  const KdScene scene({make_targets({-4, -4, 5, 5}, {0})}, smallest);
  for (const std::string region : {"default", "cid", "all", "positives", "vlr", "boxes"}) {
    for (const char* form : {"bernoulli", "softmax"}) {
      DistillOptions options = with_methods({"ld", "logit", "cid"});
      options.region = region;
      options.of<LogitKdOptions>().form = form;
      for (const LossTerm& entry : distil(scene, options))
        EXPECT_TRUE(std::isfinite(entry.value.item<float>())) << entry.name << region;
    }
  }
}

TEST(Distiller, GradientsOfEveryTermInDouble) {
  const testing::DenseShape tiny{.classes = 2, .reg_max = 2, .sizes = {{3, 3}, {1, 1}}, .strides = {8, 16}};
  const KdScene scene({make_targets({4, 4, 20, 20}, {1})}, tiny, at::kDouble);
  for (const std::string region : {"all", "vlr", "cid"}) {
    for (const char* form : {"bernoulli", "softmax"}) {
      DistillOptions options = with_methods({"ld", "logit"});
      options.region = region;
      options.of<LogitKdOptions>().form = form;
      const auto loss = [&](const at::Tensor& packed) {
        KdScene varied = scene;
        varied.student = testing::with_logits(scene.student, packed);
        const LossTerms terms = distil(varied, options);
        return terms[0].value + terms[1].value;
      };
      testing::expect_gradient_matches(loss, testing::pack_logits(scene.student));
    }
  }
}

TEST(Distiller, NothingReachesTheTeacher) {
  KdScene scene = golden_scene();
  for (LevelOutput& level : scene.teacher.levels) level.cls_logits.requires_grad_(true);
  for (const LossTerm& entry : distil(scene, with_methods({"ld", "logit", "cid"})))
    EXPECT_FALSE(entry.value.requires_grad()) << entry.name;
}

TEST(Distiller, WarmupGrowsAndStopEnds) {
  const KdScene scene = golden_scene();
  DistillOptions options = with_methods({"cid"});
  const double full = term(distil(scene, options), "kd_cid_cls");
  options.warmup_steps = 4;
  options.stop_epoch = 2;
  Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
  for (const double strength : {0.25, 0.5, 0.75, 1.0, 1.0}) {
    EXPECT_NEAR(term(distiller(scene.inputs()), "kd_cid_cls"), strength * full, 1e-5);
  }
  EXPECT_TRUE(distiller.active());
  distiller.begin_epoch(2);
  EXPECT_FALSE(distiller.active());
  EXPECT_TRUE(distiller(scene.inputs()).empty());
  EXPECT_EQ(distiller.named_buffers()["warmup_steps"].item<int64_t>(), 5) << "a resumed run goes on from here";
}

TEST(Distiller, AWarmupGoesOnByStepsWhateverTheirBatches) {
  const KdScene scene = golden_scene();
  DistillOptions options = with_methods({"cid"});
  const double full = term(distil(scene, options), "kd_cid_cls");
  options.warmup_steps = 8;
  Distiller before(options, testing::shape_of(scene), testing::shape_of(scene));
  before.set_batches_per_step(2);
  for (const double step : {1, 1, 2, 2, 3, 3})
    EXPECT_NEAR(term(before(scene.inputs()), "kd_cid_cls"), step / 8 * full, 1e-5);
  Distiller resumed(options, testing::shape_of(scene), testing::shape_of(scene));
  resumed.named_buffers()["warmup_steps"].copy_(before.named_buffers()["warmup_steps"]);
  EXPECT_NEAR(term(resumed(scene.inputs()), "kd_cid_cls"), 4.0 / 8 * full, 1e-5) << "one batch a step now";
}

TEST(Distiller, WhereATeacherHasNoBoxNoneIsTaught) {
  const KdScene scene = golden_scene();
  KdScene none = scene, all = scene;
  for (size_t i = 0; i < scene.teacher.levels.size(); ++i) {
    const at::Tensor map = scene.teacher.levels[i].cls_logits.slice(1, 0, 1);
    none.teacher.levels[i].box_known = at::zeros_like(map);
    all.teacher.levels[i].box_known = at::ones_like(map);
  }
  const DistillOptions options = with_methods({"bckd"});
  const double taught = term(distil(scene, options), "kd_bckd_box");
  EXPECT_GT(taught, 1e-3);
  EXPECT_NEAR(term(distil(all, options), "kd_bckd_box"), taught, 1e-6);
  EXPECT_EQ(term(distil(none, options), "kd_bckd_box"), 0);
  EXPECT_EQ(term(distil(none, options), "kd_bckd_cls"), term(distil(scene, options), "kd_bckd_cls"));
}

TEST(Distiller, LabelsFollowTheClassesThatATeacherKnows) {
  KdScene scene = golden_scene();
  scene.teacher.known_classes = torch::tensor({1, 2}, at::kLong);
  const DistillInputs all = scene.inputs();
  const CommonInputs common(all);
  const at::Tensor before = all.assignment.labels, after = common.inputs().assignment.labels;
  ASSERT_GT(before.size(0), 0);
  EXPECT_TRUE(after.equal(before - 1)) << "classes 1 and 2 are 0 and 1 there, class 0 is none: -1";
  EXPECT_EQ(common.inputs().student.levels.front().cls_logits.size(1), 2);
}

TEST(Distiller, TheLiftedPredictionIsDistilledWhereThereIsOne) {
  const KdScene plain = golden_scene();
  KdScene lifted = plain;
  for (size_t i = 0; i < lifted.student.levels.size(); ++i) {
    LevelOutput& level = lifted.student.levels[i];
    level.lifted_cls_logits = plain.teacher.levels[i].cls_logits;
    level.lifted_box_logits = plain.teacher.levels[i].box_logits;
  }
  DistillOptions options;
  options.methods = {"cid"};
  EXPECT_GT(term(distil(plain, options), "kd_cid_box"), 1e-3);
  EXPECT_NEAR(term(distil(lifted, options), "kd_cid_box"), 0, 1e-6);
}

TEST(Distiller, OfDifferentLevelsTheCommonOnesAreDistilled) {
  // A student with a finer level than its teacher: the same as distilling its other levels alone.
  const Targets targets = make_targets({4, 4, 30, 34, 3, 41, 7, 44}, {0, 2});
  KdScene fine({targets}, {.sizes = {{16, 16}, {8, 8}, {4, 4}}, .strides = {4, 8, 16}});
  KdScene coarse({targets}, {.sizes = {{8, 8}, {4, 4}}, .strides = {8, 16}});
  coarse.student.levels = {fine.student.levels[1], fine.student.levels[2]};
  fine.teacher = coarse.teacher;
  DistillOptions options = with_methods({"cid", "pkd", "fitnet"});
  Distiller mixed(options, testing::shape_of(fine), testing::shape_of(coarse));
  const LossTerms terms = mixed(fine.inputs()), expected = distil(coarse, options);
  ASSERT_EQ(terms.size(), expected.size());
  for (size_t i = 0; i < terms.size(); ++i)
    EXPECT_NEAR(terms[i].value.item<double>(), expected[i].value.item<double>(), 1e-5) << terms[i].name;
  const LossTerms at_positives =
      Distiller(with_methods({"ld"}), testing::shape_of(fine), testing::shape_of(coarse))(fine.inputs());
  for (const LossTerm& entry : at_positives) EXPECT_TRUE(std::isfinite(entry.value.item<float>())) << entry.name;
}

TEST(Bckd, CountsThePositivesOfAllLevelsWhateverIsShared) {
  const Targets targets = make_targets({4, 4, 30, 34, 3, 41, 7, 44}, {0, 2});
  KdScene fine({targets}, {.sizes = {{16, 16}, {8, 8}, {4, 4}}, .strides = {4, 8, 16}});
  KdScene coarse({targets}, {.sizes = {{8, 8}, {4, 4}}, .strides = {8, 16}});
  coarse.student.levels = {fine.student.levels[1], fine.student.levels[2]};
  fine.teacher = coarse.teacher;
  ASSERT_GT(positive_count(fine.assignment), positive_count(coarse.assignment));
  const DistillOptions options = with_methods({"bckd"});
  Distiller mixed(options, testing::shape_of(fine), testing::shape_of(coarse));
  const double sum = term(distil(coarse, options), "kd_bckd_cls") * positive_count(coarse.assignment);
  EXPECT_NEAR(term(mixed(fine.inputs()), "kd_bckd_cls"), sum / positive_count(fine.assignment), 1e-5);
}

TEST(Bckd, TheFactorOfTheBoxTermIsNoWayAround) {
  KdScene scene = golden_scene();
  for (LevelOutput& level : scene.student.levels) {
    level.cls_logits.requires_grad_();
    level.box_logits.requires_grad_();
  }
  for (const auto& [method, name] : {std::pair("bckd", "kd_bckd_box"), std::pair("ld", "kd_ld_main")}) {
    at::Tensor box_term;
    for (const LossTerm& entry : distil(scene, with_methods({method}))) {
      if (entry.name == name) box_term = entry.value;
    }
    box_term.backward();
    for (LevelOutput& level : scene.student.levels) {
      EXPECT_FALSE(level.cls_logits.grad().defined() && level.cls_logits.grad().abs().sum().item<double>() > 0)
          << name << " must not lower itself through the scores";
    }
    EXPECT_GT(scene.student.levels[0].box_logits.grad().abs().sum().item<double>(), 0) << name;
  }
}

TEST(Distiller, OtherBinsAreRefusedWhereBinsAreCompared) {
  const ModelShape student{3, 16, 64, {8, 16}}, teacher{3, 8, 64, {8, 16}};
  for (const char* method : {"pkd", "bckd", "logit", "fgd"}) {
    EXPECT_EQ(error_of([&] { Distiller(with_methods({method}), student, teacher); }), "no error") << method;
  }
  for (const char* method : {"ld", "cid"}) {
    EXPECT_THAT(error_of([&] { Distiller(with_methods({method}), student, teacher); }), HasSubstr("reg_max"));
  }
}

TEST(Distiller, WhatDoesNotFitIsAnError) {
  const ModelShape student{3, 16, 64, {8, 16}};
  const auto error = [&](const std::string& method, const ModelShape& teacher) {
    return error_of([&] { Distiller(with_methods({method}), student, teacher); });
  };
  EXPECT_EQ(error("ld", student), "no error");
  EXPECT_THAT(error("cid", {4, 16, 64, {8, 16}}), HasSubstr("the teacher has 4 classes, the student 3"));
  EXPECT_THAT(error("ld", {3, 8, 64, {8, 16}}), HasSubstr("head.reg_max 8, the student 16"));
  EXPECT_EQ(error("ld", {3, 16, 64, {8, 16, 32}}), "no error");
  EXPECT_THAT(error("ld", {3, 16, 64, {32, 64}}), HasSubstr("strides 32,64"));
  EXPECT_THAT(error("crosskd", {3, 16, 64, {8, 16, 32}}), HasSubstr("strides 8,16,32"));
  EXPECT_THAT(error("lg", student), HasSubstr("did you mean 'ld'"));
  EXPECT_THAT(error("everything", student), HasSubstr("cid, ld, logit"));
}

TEST(DistillOptions, ComposeFromTheCommandLine) {
  DistillOptions options;
  OptionTable table;
  bind(table.root().section("kd"), options);
  table.set("kd.methods=ld,logit");
  table.set("kd.region=cid");
  table.set("kd.regions.cid.proposals=anchors");
  EXPECT_THAT(options.methods, ElementsAre("ld", "logit"));
  EXPECT_EQ(options.region, "cid");
  EXPECT_EQ(options.regions.cid.proposals, "anchors");
  EXPECT_THAT(error_of([&] { table.set("kd.methods=ld,logits"); }), HasSubstr("did you mean 'logit'"));
  EXPECT_THAT(error_of([&] { table.set("kd.region=cids"); }), HasSubstr("did you mean 'cid'"));
}

TEST(Distiller, AMethodsOwnRegionGoesOverThatOfAll) {
  DistillOptions options;
  OptionTable table;
  bind(table.root().section("kd"), options);
  table.set("kd.region=boxes");
  table.set("kd.pkd.region=cid");
  EXPECT_EQ(options.region_of("pkd"), "cid");
  EXPECT_EQ(options.region_of("bckd"), "boxes");
  EXPECT_EQ(find_distill_method("pkd").regions_under(options), std::vector<std::string>{"cid"});
  EXPECT_EQ(find_distill_method("cid").regions_under(options), std::vector<std::string>{"cid"});
  table.set("kd.region=default");
  EXPECT_EQ(find_distill_method("ld").regions_under(options), (std::vector<std::string>{"positives", "vlr"}));
  EXPECT_THAT(error_of([&] { table.set("kd.cid.region=all"); }), HasSubstr("unknown key"));
}

TEST(Distiller, TwoMethodsLookAtTwoRegionsInOneStep) {
  KdScene scene({make_targets({8, 8, 40, 40}, {0}), make_targets({20, 20, 60, 50}, {1})});
  const auto terms_at = [&](const std::string& logits, const std::string& features) {
    DistillOptions options;
    options.methods = {"bckd", "pkd"};
    options.own_region("bckd") = logits;
    options.own_region("pkd") = features;
    Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
    std::map<std::string, double> values;
    for (const LossTerm& term : distiller(scene.inputs())) values[term.name] = term.value.item<double>();
    return values;
  };
  auto apart = terms_at("all", "boxes"), logits = terms_at("all", "cid"), features = terms_at("positives", "boxes");
  EXPECT_EQ(apart["kd_bckd_cls"], logits["kd_bckd_cls"]);
  EXPECT_NE(apart["kd_pkd"], logits["kd_pkd"]);
  EXPECT_EQ(apart["kd_pkd"], features["kd_pkd"]);
  EXPECT_NE(apart["kd_bckd_cls"], features["kd_bckd_cls"]);
}

TEST(Distiller, AMethodsOwnRegionByItsNameIsTheDefault) {
  // Not a mean over twenty times as many locations: bckd at "all" beside another method once hardly acted.
  const KdScene scene({make_targets({8, 8, 40, 40}, {0}), make_targets({20, 20, 60, 50}, {1})});
  for (const MethodInfo& method : distill_methods()) {
    if (method.regions.size() != 1 || !method.takes_region || method.regions[0] == "grid") continue;
    const auto terms_at = [&](const std::string& region) {
      torch::manual_seed(0);
      DistillOptions options;
      options.methods = {method.name};
      options.own_region(method.name) = region;
      ModelShape shape = testing::shape_of(scene);
      return method.name == "crosskd" ? LossTerms() : Distiller(options, shape, shape)(scene.inputs());
    };
    const LossTerms own = terms_at("default"), named = terms_at(method.regions[0]);
    ASSERT_EQ(own.size(), named.size()) << method.name;
    for (size_t i = 0; i < own.size(); ++i)
      EXPECT_EQ(own[i].value.item<double>(), named[i].value.item<double>()) << method.name << ": " << own[i].name;
  }
}

TEST(Pkd, StatisticsOfTheRegionDoNotSeeWhatLiesOutside) {
  KdScene scene({make_targets({8, 8, 40, 40}, {0})});
  const auto loss = [&](const std::string& statistics) {
    DistillOptions options;
    options.methods = {"pkd"};
    options.own_region("pkd") = "boxes";
    options.of<PkdOptions>().statistics = statistics;
    Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
    return distiller(scene.inputs()).at(0).value.item<double>();
  };
  const double map = loss("map"), region = loss("region");
  for (LevelOutput& level : scene.student.levels) {  // far from the object
    level.feature = level.feature.clone();
    level.feature.narrow(2, level.feature.size(2) - 1, 1).add_(5);
  }
  EXPECT_NE(loss("map"), map);
  EXPECT_DOUBLE_EQ(loss("region"), region);
}

}  // namespace
}  // namespace skylift
