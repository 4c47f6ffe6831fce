// Every method against tests/golden/kd_methods.txt (plain Python; kd_methods.py says how the scene is made), in double.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <fstream>
#include <map>

#include "skylift/kd/crosskd.h"
#include "skylift/kd/cwd.h"
#include "skylift/kd/dist.h"
#include "skylift/kd/features.h"
#include "skylift/kd/fgd.h"
#include "skylift/kd/ld.h"
#include "skylift/kd/logit_kd.h"
#include "skylift/kd/mgd.h"
#include "skylift/kd/pkd.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::KdScene;
using testing::term;

double golden(const std::string& name) {
  static const std::map<std::string, double> values = [] {
    std::map<std::string, double> read;
    std::ifstream file(std::string(SKYLIFT_SOURCE_DIR) + "/tests/golden/kd_methods.txt");
    for (std::string key; file >> key;) file >> read[key];
    return read;
  }();
  return values.at(name);
}

at::Tensor wave(int seed, at::IntArrayRef shape) {
  const at::Tensor values = torch::empty(shape, at::kDouble);
  for (int64_t i = 0; i < values.numel(); ++i) {
    values.data_ptr<double>()[i] = 1.5 * std::sin(0.37 * static_cast<double>(i + 1) * (seed + 2)) + 0.1 * seed;
  }
  return values;
}

DenseOutput wave_output(int seed) {
  LevelOutput level;
  level.feature = wave(seed, {2, 4, 2, 3});
  level.cls_logits = wave(seed + 2, {2, 4, 2, 3});
  level.box_logits = wave(seed + 4, {2, 20, 2, 3});
  DenseOutput output;
  output.levels = {level};
  output.strides = {8};
  output.reg_max = 4;
  return output;
}

struct Waves : KdScene {
  explicit Waves(const Targets& first = testing::make_targets({}, {}))
      : KdScene({first, testing::make_targets({}, {})},
                {.classes = 4, .reg_max = 4, .sizes = {{2, 3}}, .strides = {8}}) {
    student = wave_output(1);
    teacher = wave_output(2);
  }
};

DistillOptions golden_options(const std::string& method, const std::string& region = "default",
                              const std::string& normalise = "region") {
  DistillOptions options;
  options.methods = {method};
  options.region = region;
  options.normalise = normalise;
  return options;
}

TEST(MethodGoldens, LdAndLogit) {
  const Waves scene;
  DistillOptions options = golden_options("ld", "all");
  options.of<LdOptions>().main_weight = 1;
  EXPECT_NEAR(term(testing::distil(scene, options), "kd_ld"), golden("ld_all"), 1e-9);
  options = golden_options("logit", "all");
  EXPECT_NEAR(term(testing::distil(scene, options), "kd_logit"), golden("logit_bernoulli_all"), 1e-9);
  options.of<LogitKdOptions>() = {.form = "softmax", .weight = 1, .temperature = 2};
  EXPECT_NEAR(term(testing::distil(scene, options), "kd_logit"), golden("logit_softmax_t2_all"), 1e-9);
}

TEST(MethodGoldens, Bckd) {
  const Waves scene;  // no objects: N_pos is the number of images
  const LossTerms terms = testing::distil(scene, golden_options("bckd"));
  EXPECT_NEAR(term(terms, "kd_bckd_cls"), golden("bckd_cls_sum") / 2, 1e-9);
  EXPECT_NEAR(term(terms, "kd_bckd_box"), 4 * golden("bckd_box_sum") / 2, 1e-6);
  const LossTerms by_region = testing::distil(scene, golden_options("bckd", "all"));  // its own region, by its name
  EXPECT_NEAR(term(by_region, "kd_bckd_cls"), golden("bckd_cls_sum") / 2, 1e-9);
}

TEST(MethodGoldens, Pkd) {
  const Waves scene;
  EXPECT_NEAR(term(testing::distil(scene, golden_options("pkd")), "kd_pkd"), 6 * golden("pkd"), 1e-9);
  EXPECT_NEAR(term(testing::distil(scene, golden_options("pkd", "all")), "kd_pkd"), 6 * golden("pkd"), 1e-9);
  // Reference value of the formula, from two channels of four cells.
  const at::Tensor s = torch::tensor({{0.0, 1.0, 2.0, 3.0}, {1.0, 1.0, 0.0, 0.0}}, at::kDouble).view({1, 2, 2, 2});
  const at::Tensor t = torch::tensor({{0.0, 0.0, 0.0, 4.0}, {2.0, 0.0, 0.0, 0.0}}, at::kDouble).view({1, 2, 2, 2});
  EXPECT_NEAR((standardised(s) - standardised(t)).square().mean().item<double>() / 2, 0.243019, 1e-6);
  EXPECT_NEAR(channel_wise_kl(s, t, 1).item<double>(), 0.281582, 1e-6);
}

TEST(MethodGoldens, Cwd) {
  const Waves scene;
  DistillOptions options = golden_options("cwd");
  EXPECT_NEAR(term(testing::distil(scene, options), "kd_cwd"), 5 * golden("cwd_t1"), 1e-9);
  EXPECT_NEAR(term(testing::distil(scene, golden_options("cwd", "all")), "kd_cwd"), 5 * golden("cwd_t1"), 1e-9);
  options.of<CwdOptions>().temperature = 3;
  EXPECT_NEAR(term(testing::distil(scene, options), "kd_cwd"), 5 * golden("cwd_t3"), 1e-9);
  at::Tensor weights = torch::zeros({2, 1, 2, 3}, at::kDouble);
  weights[0].view({6}).copy_(torch::tensor({0.5, 0.0, 2.0, 1.0, 0.0, 0.25}, at::kDouble));
  const at::Tensor kl =
      channel_wise_kl(scene.student.levels[0].cls_logits, scene.teacher.levels[0].cls_logits, 1, weights);
  EXPECT_NEAR(kl.item<double>(), golden("cwd_weighted"), 1e-9);
}

TEST(MethodGoldens, Dist) {
  const Waves scene;
  const LossTerms terms = testing::distil(scene, golden_options("dist", "all"));
  EXPECT_NEAR(term(terms, "kd_dist_inter"), golden("dist_inter"), 1e-6);
  EXPECT_NEAR(term(terms, "kd_dist_intra"), golden("dist_intra"), 1e-6);
  const at::Tensor s = flat_cls_logits(scene.student).view({12, 4}).softmax(1),
                   t = flat_cls_logits(scene.teacher).view({12, 4}).softmax(1);
  const at::Tensor weights = torch::arange(1, 13, at::kDouble);
  EXPECT_NEAR(dist_inter(s, t, weights).item<double>(), golden("dist_inter_weighted"), 1e-6);
  EXPECT_NEAR(dist_intra(s, t, weights).item<double>(), golden("dist_intra_weighted"), 1e-6);
  const at::Tensor rows_s =
      torch::tensor({{0.2, -1.0, -2.0}, {1.0, 0.0, -1.0}, {-1.0, 2.0, 0.5}}, at::kDouble).softmax(1);
  const at::Tensor rows_t =
      torch::tensor({{1.0, -0.5, -3.0}, {0.5, 0.5, -1.0}, {0.0, 1.0, 1.5}}, at::kDouble).softmax(1);
  const at::Tensor ones = torch::ones({3}, at::kDouble);
  EXPECT_NEAR(dist_inter(rows_s, rows_t, ones).item<double>(), 0.376086, 1e-6);
  EXPECT_NEAR(dist_intra(rows_s, rows_t, ones).item<double>(), 0.332809, 1e-6);
}

TEST(MethodGoldens, Fitnet) {
  const Waves scene;
  EXPECT_NEAR(term(testing::distil(scene, golden_options("fitnet", "all")), "kd_fitnet"), 2 * golden("fitnet_all"),
              1e-9);
}

/// Parameters of a method by the end of their name; its values from a wave.
void set_parameter(Distiller& distiller, const std::string& name, int seed) {
  const at::NoGradGuard no_grad;
  for (auto& entry : distiller.named_parameters()) {
    if (entry.key() == name) {
      entry.value().copy_(wave(seed, entry.value().sizes()));
      return;
    }
  }
  ADD_FAILURE() << "no parameter " << name;
}

TEST(MethodGoldens, Mgd) {
  const Waves scene;
  for (const char* form : {"authors", "region"}) {
    DistillOptions options = golden_options("mgd", "default", form);
    options.of<MgdOptions>().hidden_share = 0;
    Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
    distiller.to(at::kDouble);
    for (const char* layer : {"0", "2"}) {
      set_parameter(distiller, std::string("mgd.generators.0.") + layer + ".weight", 8);
      set_parameter(distiller, std::string("mgd.generators.0.") + layer + ".bias", 9);
    }
    const double sum = 2e-5 * golden("mgd_sum") / 2;  // two images
    const double expected = options.normalise == "authors" ? sum : sum * 256 * 22400 / (4 * 6);
    EXPECT_NEAR(term(distiller(scene.inputs()), "kd_mgd"), expected, 1e-8 * expected);
  }
}

TEST(MethodGoldens, Fgd) {
  const Waves scene(testing::make_targets({2, 3, 12, 9, 1, 1, 6, 6}, {0, 1}));
  for (const char* form : {"authors", "region"}) {
    DistillOptions options = golden_options("fgd", "default", form);
    Distiller distiller(options, testing::shape_of(scene), testing::shape_of(scene));
    distiller.to(at::kDouble);
    int seed = 20;
    for (const char* side : {"student_context", "teacher_context"}) {
      const std::string block = std::string("fgd.") + side + ".blocks.0.";
      int part = seed;
      for (const char* layer : {"mask", "narrow", "norm", "widen"}) {
        set_parameter(distiller, block + layer + ".weight", part++);
        set_parameter(distiller, block + layer + ".bias", part++);
      }
      seed += 20;
    }
    const bool authors = options.normalise == "authors";
    const double channels = authors ? 1 : 256.0 / 4, cells = authors ? 1 : 22400.0 / 6;
    const double objects = authors ? 0.5 : 7 / golden("fgd_mask_sum");
    const LossTerms terms = distiller(scene.inputs());
    const auto expect = [&](const std::string& name, double value) {
      EXPECT_NEAR(term(terms, name), value, 1e-6 * value) << name;
    };
    expect("kd_fgd_foreground", 1e-3 * golden("fgd_foreground_sum") * channels * objects);
    expect("kd_fgd_background", 5e-4 * golden("fgd_background_sum") * channels / 2);
    expect("kd_fgd_attention", 5e-4 * golden("fgd_attention_sum") * cells / 2);
    expect("kd_fgd_relation", 5e-6 * golden("fgd_relation_sum") * channels * cells / 2);
  }
}

// The authors map boxes to cells by the unpadded size: on an image whose left half is content, as if boxes were twice
// as far right. Our form does not look at the padding.
TEST(MethodGoldens, FgdBoxesOnPaddedImages) {
  Waves padded(testing::make_targets({1, 3, 6, 9}, {0}));
  for (ImageGeometry& geometry : padded.batch.geometries) geometry.content_width /= 2;
  const Waves moved(testing::make_targets({2, 3, 12, 9}, {0})), whole(testing::make_targets({1, 3, 6, 9}, {0}));
  const auto foreground = [](const Waves& scene, const char* form) {
    Distiller distiller(golden_options("fgd", "default", form), testing::shape_of(scene), testing::shape_of(scene));
    distiller.to(at::kDouble);
    return term(distiller(scene.inputs()), "kd_fgd_foreground");
  };
  EXPECT_DOUBLE_EQ(foreground(padded, "authors"), foreground(moved, "authors"));
  EXPECT_NE(foreground(padded, "authors"), foreground(whole, "authors"));
  EXPECT_DOUBLE_EQ(foreground(padded, "region"), foreground(whole, "region"));
}

TEST(MethodGoldens, FgdAttentionAndMask) {
  const at::Tensor map = torch::tensor({{1.0, -1.0, 2.0, 0.0}, {0.0, 1.0, -3.0, 1.0}}, at::kDouble).view({1, 2, 2, 2});
  const FgdAttention attention = fgd_attention(map, 0.5);
  const at::Tensor cells = torch::tensor({0.067435, 0.183307, 3.681823, 0.067435}, at::kDouble);
  EXPECT_TRUE(attention.cells.flatten().allclose(cells, 1e-5, 1e-6));
  EXPECT_TRUE(attention.channels.flatten().allclose(torch::tensor({0.755081, 1.244919}, at::kDouble), 1e-5, 1e-6));
  const at::Tensor mask = fgd_foreground({8, 4, 4, 0}, {{8, 8, 20, 16}});
  EXPECT_TRUE(mask.slice(0, 1, 3).slice(1, 1, 4).allclose(torch::full({2, 3}, 1.0 / 6)));
  EXPECT_EQ(mask.gt(0).sum().item<int>(), 6);
}

TEST(MethodGoldens, CrossKdAlignment) {
  const at::Tensor s = torch::tensor({1.0, 2.0, 3.0, 6.0}, at::kDouble).view({1, 1, 2, 2});
  const at::Tensor t = torch::tensor({0.0, -1.0, 1.0, 4.0}, at::kDouble).view({1, 1, 2, 2});
  EXPECT_TRUE(align_statistics(s, t).flatten().allclose(torch::tensor({-1.0, 0.0, 1.0, 4.0}, at::kDouble), 0, 1e-5));
  const Waves scene;
  const at::Tensor aligned = align_statistics(scene.student.levels[0].feature, scene.teacher.levels[0].feature);
  EXPECT_NEAR(aligned.square().sum().item<double>(), golden("crosskd_align_squares"), 1e-8);
}

/// A head's parameters from the golden script's waves; `towers`: seeds of cls 0, reg 0, cls 1, reg 1.
void set_head(Detector& detector, const std::vector<int>& towers) {
  const at::NoGradGuard no_grad;
  auto parameters = detector.named_parameters();
  const auto small = [](int seed, at::IntArrayRef shape) { return (wave(seed, shape) - 0.1 * seed) * (0.2 / 1.5); };
  const auto set = [&](const std::string& name, int seed, double offset = 0) {
    parameters["head." + name].copy_(small(seed, parameters["head." + name].sizes()) + offset);
  };
  for (size_t i = 0; i < towers.size(); ++i) {
    const std::string layer = std::string(i % 2 == 0 ? "cls_tower." : "reg_tower.") + (i < 2 ? "0." : "1.");
    set(layer + "conv.weight", towers[i]);
    set(layer + "norm.weight", towers[i] + 1, 1);
    set(layer + "norm.bias", towers[i] + 2);
  }
  set("cls_predictor.weight", 52);
  set("cls_predictor.bias", 53);
  set("box_predictor.weight", 54);
  set("box_predictor.bias", 55);
  parameters["head.level_scales"].fill_(1.25);
}

TEST(MethodGoldens, CrossKd) {
  const Waves scene;  // no objects: N_pos is the number of images
  ModelOptions model;
  model.backbone.width = 0.125;
  model.neck = {.channels = 4, .first_level = 3, .last_level = 3};
  model.head.channels = 4;
  model.head.depth = 2;
  model.head.norm_groups = 2;
  model.head.reg_max = 4;
  Detector student(model, 4), teacher(model, 4);
  student.to(at::kDouble);
  teacher.to(at::kDouble);
  set_head(student, {30, 33, 46, 49});
  set_head(teacher, {40, 43, 46, 49});
  DistillOptions options = golden_options("crosskd");
  options.of<CrossKdOptions>().tower_convs = 1;
  Distiller distiller(options, student, teacher);
  const LossTerms terms = distiller(scene.inputs());
  EXPECT_NEAR(term(terms, "kd_crosskd_cls"), golden("crosskd_cls_sum") / 2, 1e-6);
  EXPECT_NEAR(term(terms, "kd_crosskd_box"), 4 * golden("crosskd_box"), 1e-6);
}

}  // namespace
}  // namespace skylift
