// What must hold for CID, one test each; the list is in docs/methods.md.
#include "skylift/kd/cid.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/kd/cid_loss.h"
#include "skylift/kd/divergence.h"
#include "tests/gradient_check.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::KdScene;
using testing::make_targets;

const testing::DenseShape kLarge{.sizes = {{40, 40}, {20, 20}, {10, 10}, {5, 5}}};  // 320 px, strides 8..64

/// A scene whose teacher proposes the objects themselves.
KdScene scene_with_good_teacher(const std::vector<Targets>& targets, const testing::DenseShape& shape = kLarge) {
  KdScene scene(targets, shape);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].boxes_xyxy.size(0) > 0) {
      testing::propose_nearest_box(scene.teacher, scene.grid, static_cast<int64_t>(i), targets[i].boxes_xyxy);
    }
  }
  return scene;
}

/// Every combination of the two readings and the two proposals.
std::vector<CidOptions> variants() {
  std::vector<CidOptions> all;
  for (const char* reading : {"instance_in_proposal", "proposal_in_instance"}) {
    for (const char* proposals : {"teacher", "anchors"}) {
      CidOptions options;
      options.reading = reading;
      options.proposals = proposals;
      options.gate_relative = options.proposals == "anchors";
      options.gate_iou = options.gate_relative ? 0.5 : 0.3;
      all.push_back(options);
    }
  }
  return all;
}

DistillOptions cid_method() {
  DistillOptions options;
  options.methods = {"cid"};
  return options;
}

double sum_of_object(const Region& region, int64_t object) {
  return (region.weights * region.object.eq(object)).sum().item<double>();
}

TEST(Cid, WeightsAreZeroFarFromInstances) {
  const KdScene scene = scene_with_good_teacher({make_targets({100, 100, 140, 140}, {0})});
  for (const CidOptions& options : variants()) {
    const Region region = cid_region(scene.inputs(), options);
    ASSERT_GT(region.count(), 0);
    EXPECT_LT(region.count(), scene.grid.count() / 2);
    const at::Tensor points = scene.grid.centres.index_select(0, region.point);
    // A box of IoU >= 0.3 with the object is at most 40 / 0.3 px long, so it reaches at most 93 px beyond the object.
    const at::Tensor far = (points - 120).abs().amax(1).gt(20 + 94);
    EXPECT_EQ(far.sum().item<int>(), 0) << options.reading << " " << options.proposals;
  }
}

TEST(Cid, AnchorsWeighMostAtTheCentre) {  // a teacher's proposals: see AnOffCentreProposalWeighsLess
  const KdScene scene = scene_with_good_teacher({make_targets({96, 96, 160, 160}, {0})});
  for (const CidOptions& options : variants()) {
    if (options.proposals != "anchors") continue;
    const Region region = cid_region(scene.inputs(), options);
    const at::Tensor at_centre = scene.grid.centres.index_select(0, region.point).sub(128).abs().amax(1).eq(0);
    ASSERT_TRUE(at_centre.any().item<bool>());
    const double centre = region.weights.masked_select(at_centre).max().item<double>();
    EXPECT_NEAR(centre, region.weights.max().item<double>(), 1e-5) << options.reading << " " << options.proposals;
    // The nearer their point the better they are centred: weights fall along a row of the best fitting level.
    std::vector<double> row;
    for (int64_t column = 16; column < 19; ++column) {
      const at::Tensor match = region.point.eq(16 * 40 + column);
      row.push_back(match.any().item<bool>() ? region.weights.masked_select(match).item<double>() : 0.0);
    }
    EXPECT_GT(row[0], row[1]) << options.reading;
    EXPECT_GE(row[1], row[2]) << options.reading;
  }
}

TEST(Cid, AnOffCentreProposalWeighsLess) {
  KdScene scene({make_targets({96, 96, 160, 160}, {0})}, kLarge);
  const at::Tensor shifted = torch::tensor({{108.0F, 96.0F, 172.0F, 160.0F}});
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, torch::tensor({{96.0F, 96.0F, 160.0F, 160.0F}}));
  DenseOutput off = scene.teacher;
  testing::propose_nearest_box(off, scene.grid, 0, shifted);
  // Only the location (136, 128) of the finest level, column 17, row 16, proposes the shifted box.
  scene.teacher.levels[0].box_logits.select(2, 16).select(2, 17).copy_(
      off.levels[0].box_logits.select(2, 16).select(2, 17));
  for (CidOptions options : variants()) {
    if (options.proposals == "anchors") continue;
    const Region region = cid_region(scene.inputs(), options);
    const auto weight = [&](int64_t point) {
      return region.weights.masked_select(region.point.eq(point)).item<double>();
    };
    // Centre of the object in the proposal: l = 20, r = 44; of the proposal in the object: l = 44, r = 20.
    EXPECT_NEAR(weight(16 * 40 + 17) / weight(16 * 40 + 16), std::sqrt(20.0 / 44.0), 2e-3) << options.reading;
  }
}

TEST(Cid, EveryInstanceHasTheSameSum) {
  const Targets targets =
      make_targets({20, 20, 28, 28, 100, 100, 300, 300, 40, 200, 52, 220}, {0, 1, 2});  // 8 px, 200 px
  const KdScene scene = scene_with_good_teacher({targets});
  for (const CidOptions& options : variants()) {
    const Region region = cid_region(scene.inputs(), options);
    for (int64_t object = 0; object < 3; ++object)
      EXPECT_NEAR(sum_of_object(region, object), 1, 1e-4) << options.reading;
  }
  CidOptions by_area;
  by_area.area_power = 0.5;
  const Region region = cid_region(scene.inputs(), by_area);
  EXPECT_NEAR(sum_of_object(region, 0), 8.0 / 32, 1e-4);
  EXPECT_NEAR(sum_of_object(region, 1), 200.0 / 32, 1e-3);
}

TEST(Cid, WithAFloorEveryLocationInsideABoxCountsOnEveryLevel) {
  // 48..176 holds 16 x 16 points of stride 8, 8 x 8 of 16, 4 x 4 of 32 and 2 x 2 of 64, edges included.
  const KdScene scene = scene_with_good_teacher({make_targets({44, 44, 180, 180}, {0})});
  CidOptions options;
  options.floor = 0.5;
  const Region region = cid_region(scene.inputs(), options);
  const at::Tensor x = scene.grid.centres.select(1, 0), y = scene.grid.centres.select(1, 1);
  const at::Tensor inside = x.ge(44).logical_and(x.le(180)).logical_and(y.ge(44)).logical_and(y.le(180));
  at::Tensor weights = torch::zeros({scene.grid.count()});
  weights.index_put_({region.point}, region.weights);
  EXPECT_EQ(weights.gt(0).logical_and(inside).sum().item<int64_t>(), inside.sum().item<int64_t>());
  EXPECT_NEAR(sum_of_object(region, 0), 1, 1e-4);
  // Centerness is at most 1, so nothing inside weighs less than half of the largest weight.
  const at::Tensor within = weights.masked_select(inside);
  EXPECT_GE(within.min().item<float>(), 0.5F * within.max().item<float>() - 1e-6F);
  EXPECT_LT(within.min().item<float>(), within.max().item<float>());
}

TEST(Cid, UnchangedUnderAShiftByOneStrideTogetherWithTheGrid) {
  // A shift by the coarsest stride is a shift by whole cells on every level.
  const std::vector<float> boxes = {70, 75, 90, 101, 120, 80, 126, 92};
  std::vector<float> moved = boxes;
  for (float& value : moved) value += 64;
  const KdScene before = scene_with_good_teacher({make_targets(boxes, {0, 1})});
  const KdScene after = scene_with_good_teacher({make_targets(moved, {0, 1})});
  for (const CidOptions& options : variants()) {
    const auto maps = region_maps(cid_region(before.inputs(), options), before.grid, 1);
    const auto shifted = region_maps(cid_region(after.inputs(), options), after.grid, 1);
    for (size_t level = 0; level < maps.size(); ++level) {
      const int64_t cells = 64 / before.grid.levels[level].stride, side = before.grid.levels[level].height;
      const at::Tensor a = maps[level].slice(2, 0, side - cells).slice(3, 0, side - cells);
      const at::Tensor b = shifted[level].slice(2, cells).slice(3, cells);
      EXPECT_TRUE(a.allclose(b, 1e-3, 1e-4)) << options.reading << " " << options.proposals << " level " << level;
    }
  }
}

TEST(Cid, NoInstanceIsLeftWithoutALocation) {
  // A teacher of random boxes, tiny and touching objects, one outside the points' lattice.
  const Targets targets =
      make_targets({33, 41, 35, 43, 34, 41, 36, 43, 317, 317, 319, 319, 2, 2, 3, 3, 10, 10, 310, 310}, {0, 1, 2, 0, 1});
  const KdScene scene({targets}, kLarge);
  for (const CidOptions& options : variants()) {
    const Region region = cid_region(scene.inputs(), options);
    for (int64_t object = 0; object < 5; ++object) {
      EXPECT_NEAR(sum_of_object(region, object), 1, 1e-4)
          << options.reading << " " << options.proposals << " object " << object;
    }
  }
}

TEST(Cid, IgnoredRegionsAndPaddingWeighNothing) {
  const Targets targets = make_targets({100, 100, 140, 140}, {0}, {100, 100, 119, 140});
  KdScene scene = scene_with_good_teacher({targets});
  scene.batch.geometries[0] = testing::content(128, 320);
  scene.assign();
  for (const CidOptions& options : variants()) {
    const Region region = cid_region(scene.inputs(), options);
    ASSERT_GT(region.count(), 0);
    const at::Tensor points = scene.grid.centres.index_select(0, region.point);
    const at::Tensor x = points.select(1, 0), y = points.select(1, 1);
    const at::Tensor ignored = x.ge(100).logical_and(x.le(119)).logical_and(y.ge(100)).logical_and(y.le(140));
    EXPECT_FALSE(ignored.any().item<bool>());
    EXPECT_TRUE(y.lt(128).all().item<bool>());
  }
}

TEST(Cid, AnInstanceWhollyInsideAnIgnoredRegionGetsTheNearestLocationOutside) {
  const KdScene scene = scene_with_good_teacher({make_targets({100, 100, 104, 104}, {0}, {90, 90, 114, 114})});
  const Region region = cid_region(scene.inputs(), {});
  EXPECT_NEAR(sum_of_object(region, 0), 1, 1e-5);
  const at::Tensor points = scene.grid.centres.index_select(0, region.point);
  EXPECT_TRUE((points - 102).abs().amax(1).gt(12).all().item<bool>());
}

TEST(Cid, ImagesWithoutInstancesContributeExactlyZero) {
  const Targets objects = make_targets({100, 100, 140, 140}, {0}), none = make_targets({}, {});
  const KdScene alone = scene_with_good_teacher({objects});
  const KdScene with_empty({objects, none}, kLarge);
  KdScene both = with_empty;
  testing::propose_nearest_box(both.teacher, both.grid, 0, objects.boxes_xyxy);
  for (double background : {0.0, 0.5}) {
    CidOptions options;
    options.background_weight = background;
    const Region region = cid_region(both.inputs(), options);
    EXPECT_TRUE(region.image.eq(0).all().item<bool>());
  }
  const KdScene empty({none}, kLarge);
  for (const LossTerm& term : testing::distil(empty, cid_method())) EXPECT_EQ(term.value.item<float>(), 0) << term.name;
}

TEST(Cid, AProposalBelowTheGateDoesNotCount) {
  // Points inside propose a box of the object's centre with the overlap 64 / 80 = 0.8, those outside larger ones.
  KdScene scene({make_targets({96, 96, 160, 160}, {0})}, kLarge);
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, torch::tensor({{96.0F, 88.0F, 160.0F, 168.0F}}));
  for (const char* reading : {"instance_in_proposal", "proposal_in_instance"}) {
    CidOptions options;
    options.reading = reading;
    options.gate_iou = 0.79;
    EXPECT_GT(cid_region(scene.inputs(), options).count(), 1) << reading;
    options.gate_iou = 0.81;
    EXPECT_EQ(cid_region(scene.inputs(), options).count(), 1) << reading << ": the nearest location alone";
  }
}

TEST(Cid, AnInstanceWithoutAProposalTeachesItsClassesOnly) {
  const Targets seen = make_targets({96, 96, 160, 160}, {1});
  const Targets all = make_targets({96, 96, 160, 160, 20, 200, 24, 204}, {1, 2});
  KdScene scene({all}, kLarge);
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, seen.boxes_xyxy);
  const Region region = cid_region(scene.inputs(), {});
  EXPECT_NEAR(sum_of_object(region, 1), 1, 1e-5);
  EXPECT_TRUE(region.box_weights.equal(region.weights * region.object.eq(0)));
  const double box = testing::term(testing::distil(scene, cid_method()), "kd_cid_box");
  scene.batch.targets = {seen};
  scene.assign();
  EXPECT_NEAR(box, testing::term(testing::distil(scene, cid_method()), "kd_cid_box"), 1e-5);
}

TEST(Cid, TheNearestLocationIsOnTheLevelThatFits) {
  for (const auto& [side, stride] : {std::pair(64.0F, 8), std::pair(128.0F, 16), std::pair(250.0F, 32)}) {
    // A teacher that proposes points: nothing passes the gate.
    KdScene scene({make_targets({40, 40, 40 + side, 40 + side}, {0})}, kLarge);
    for (LevelOutput& level : scene.teacher.levels) {
      level.box_logits = torch::full_like(level.box_logits, -20);
      level.box_logits.view({1, 4, 17, -1}).select(2, 0).fill_(20);
    }
    const Region region = cid_region(scene.inputs(), {});
    ASSERT_EQ(region.count(), 1);
    const int64_t point = region.point.item<int64_t>();
    EXPECT_EQ(scene.grid.strides[point].item<float>(), static_cast<float>(stride)) << side;
    const at::Tensor offset = (scene.grid.centres[point] - (40 + side / 2)).abs();
    EXPECT_LE(offset.max().item<float>(), static_cast<float>(stride) / 2) << side;
  }
}

/// Weight of a location whose proposal's centre is `off` px right of a small object's, relative to a centred one.
double relative_weight(const CidOptions& options, float half, float off) {
  KdScene scene({make_targets({128 - half, 128 - half, 128 + half, 128 + half}, {0})}, kLarge);
  const at::Tensor centred = torch::tensor({{128 - half, 128 - half, 128 + half, 128 + half}});
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, centred);
  DenseOutput other = scene.teacher;
  testing::propose_nearest_box(other, scene.grid, 0, centred + torch::tensor({off, 0.0F, off, 0.0F}));
  auto& logits = scene.teacher.levels[0].box_logits;
  logits.select(2, 16).select(2, 17).copy_(other.levels[0].box_logits.select(2, 16).select(2, 17));
  const Region region = cid_region(scene.inputs(), options);
  const auto weight = [&](int64_t point) { return (region.weights * region.point.eq(point)).sum().item<double>(); };
  return weight(16 * 40 + 17) / weight(16 * 40 + 16);
}

TEST(Cid, AnInstanceIsEnlargedAndHasALeastSize) {
  CidOptions options;
  options.reading = "proposal_in_instance";
  options.gate_iou = 0.1;
  options.least_strides = 0;
  const auto centerness = [](double half, double off) { return std::sqrt((half - off) / (half + off)); };
  EXPECT_NEAR(relative_weight(options, 32, 12), centerness(32, 12), 5e-3);
  options.enlarge = 1.5;
  EXPECT_NEAR(relative_weight(options, 32, 12), centerness(48, 12), 5e-3);
  options.enlarge = 1;
  options.least_strides = 12;  // 96 px on the level of stride 8
  EXPECT_NEAR(relative_weight(options, 32, 12), centerness(48, 12), 5e-3);
}

TEST(Cid, TheScoreFactorFollowsTheTeacher) {
  KdScene scene = scene_with_good_teacher({make_targets({96, 96, 160, 160}, {1})});
  for (LevelOutput& level : scene.teacher.levels) level.cls_logits = torch::full_like(level.cls_logits, -2);
  scene.teacher.levels[0].cls_logits[0][1][16][16] = 2;
  CidOptions options;
  const Region plain = cid_region(scene.inputs(), options);
  options.score_power = 1;
  const Region scored = cid_region(scene.inputs(), options);
  const auto ratio = [](const Region& region) {
    const auto weight = [&](int64_t point) {
      return region.weights.masked_select(region.point.eq(point)).item<double>();
    };
    return weight(16 * 40 + 16) / weight(16 * 40 + 17);
  };
  const double expected = (1 / (1 + std::exp(-2.0))) / (1 / (1 + std::exp(2.0)));
  EXPECT_NEAR(ratio(scored) / ratio(plain), expected, 1e-3);
}

TEST(Cid, AnInstanceWeighsAsMuchAsTheTeacherIsSureOfIt) {
  // Seen well, seen badly, and not covered by any proposal: the last one's nearest location has no proposal on it.
  const Targets seen = make_targets({96, 96, 160, 160, 200, 200, 240, 240}, {1, 0});
  const Targets all = make_targets({96, 96, 160, 160, 200, 200, 240, 240, 20, 200, 24, 204}, {1, 0, 2});
  KdScene scene = scene_with_good_teacher({all});
  testing::propose_nearest_box(scene.teacher, scene.grid, 0, seen.boxes_xyxy);
  for (LevelOutput& level : scene.teacher.levels) level.cls_logits = torch::full_like(level.cls_logits, -3);
  scene.teacher.levels[0].cls_logits[0][1][16][16] = 2;
  CidOptions options;
  options.confidence_power = 2;
  const Region region = cid_region(scene.inputs(), options);
  const auto sigmoid = [](double logit) { return 1 / (1 + std::exp(-logit)); };
  EXPECT_NEAR(sum_of_object(region, 0), std::pow(sigmoid(2), 2), 1e-5);
  EXPECT_NEAR(sum_of_object(region, 1), std::pow(sigmoid(-3), 2), 1e-6);
  EXPECT_NEAR(sum_of_object(region, 2), std::pow(sigmoid(-3), 2), 1e-6);
  EXPECT_EQ(region.object.eq(2).sum().item<int64_t>(), 1);
  options.confidence_power = 0;
  EXPECT_NEAR(sum_of_object(cid_region(scene.inputs(), options), 2), 1, 1e-5);
}

TEST(Cid, HardBackgroundIsWhereTheTeacherIsConfidentAndWrong) {
  KdScene scene = scene_with_good_teacher({make_targets({96, 96, 160, 160}, {1})});
  for (LevelOutput& level : scene.teacher.levels) level.cls_logits = torch::full_like(level.cls_logits, -5);
  scene.teacher.levels[0].cls_logits[0][2][35][3] = 3;
  CidOptions options;
  options.background_weight = 0.1;
  const Region region = cid_region(scene.inputs(), options);
  const at::Tensor rows = region.object.lt(0).nonzero().flatten();
  ASSERT_EQ(rows.numel(), 1);
  EXPECT_EQ(region.point[rows[0].item<int64_t>()].item<int64_t>(), 35 * 40 + 3);
  EXPECT_FLOAT_EQ(region.weights[rows[0].item<int64_t>()].item<float>(), 0.1F);
  EXPECT_TRUE(region.box_weights.eq(0).equal(region.object.lt(0))) << "no box to learn there";
}

TEST(Cid, GatheredLossesEqualMaskedDenseLosses) {
  const Targets targets = make_targets({20, 20, 28, 28, 100, 100, 300, 300, 40, 200, 52, 220}, {0, 1, 2});
  const KdScene scene = scene_with_good_teacher({targets, make_targets({}, {}), targets});
  DistillOptions options = cid_method();
  const LossTerms terms = testing::distil(scene, options);
  std::vector<at::Tensor> flat;
  for (const at::Tensor& map : region_maps(cid_region(scene.inputs(), options.regions.cid), scene.grid, 3))
    flat.push_back(map.flatten(1));
  const at::Tensor weights = torch::cat(flat, 1);  // [B,A]
  const at::Tensor cls = bernoulli_kl(flat_cls_logits(scene.student), flat_cls_logits(scene.teacher), 1).sum(2);
  const at::Tensor box = softmax_kl(flat_box_logits(scene.student), flat_box_logits(scene.teacher), 10).sum(2);
  const double cls_expected = ((cls * weights).sum() / weights.sum()).item<double>();
  const double box_expected = 0.25 * ((box * weights).sum() / weights.sum()).item<double>();
  EXPECT_NEAR(testing::term(terms, "kd_cid_cls"), cls_expected, 1e-6 * (1 + cls_expected));
  EXPECT_NEAR(testing::term(terms, "kd_cid_box"), box_expected, 1e-6 * (1 + box_expected));
}

TEST(Cid, StrengthDoesNotDependOnCrowdingOrBatchSize) {
  // Student and teacher differ by the same logits everywhere: whatever the region, the weighted mean is the same.
  const Targets one = make_targets({100, 100, 140, 140}, {0});
  std::vector<float> crowd;
  std::vector<int64_t> labels;
  for (int i = 0; i < 100; ++i) {
    const float x = 10.0F + 30.0F * static_cast<float>(i % 10), y = 10.0F + 30.0F * static_cast<float>(i / 10);
    crowd.insert(crowd.end(), {x, y, x + 12, y + 12});
    labels.push_back(i % 3);
  }
  const auto loss = [&](const std::vector<Targets>& targets) {
    KdScene scene(targets, kLarge);
    for (LevelOutput& level : scene.teacher.levels) level.cls_logits = torch::full_like(level.cls_logits, -1);
    for (LevelOutput& level : scene.student.levels) level.cls_logits = torch::full_like(level.cls_logits, 0.5);
    return testing::term(testing::distil(scene, cid_method()), "kd_cid_cls");
  };
  const double reference = loss({one});
  EXPECT_GT(reference, 0.1);
  EXPECT_NEAR(loss({make_targets(crowd, labels)}), reference, 1e-4);
  EXPECT_NEAR(loss({one, one, one, make_targets({}, {})}), reference, 1e-4);
}

TEST(Cid, GradientsInDouble) {
  const testing::DenseShape tiny{.classes = 2, .reg_max = 2, .sizes = {{3, 3}, {1, 1}}, .strides = {8, 16}};
  const KdScene scene({make_targets({4, 4, 20, 20}, {1})}, tiny, at::kDouble);
  for (const char* form : {"kl", "quality_focal"}) {
    DistillOptions options = cid_method();
    options.of<CidLossOptions>().cls_loss = form;
    const auto loss = [&](const at::Tensor& packed) {
      KdScene varied = scene;
      varied.student = testing::with_logits(scene.student, packed);
      const LossTerms terms = testing::distil(varied, options);
      return terms[0].value + terms[1].value;
    };
    testing::expect_gradient_matches(loss, testing::pack_logits(scene.student));
  }
}

}  // namespace
}  // namespace skylift
