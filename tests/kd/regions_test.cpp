#include "skylift/kd/regions.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/core/error.h"
#include "skylift/kd/vlr.h"
#include "tests/error_of.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

using testing::KdScene;
using testing::make_targets;

/// [A] the region's weights of one image.
at::Tensor dense(const Region& region, const KdScene& scene, int64_t image = 0) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& map : region_maps(region, scene.grid, static_cast<int64_t>(scene.batch.targets.size()))) {
    flat.push_back(map[image].flatten());
  }
  return torch::cat(flat);
}

TEST(Vlr, GoldenTrueDiouAndRepositoryForm) {
  const KdScene scene({testing::GoldenScene().targets});
  const Region region = vlr_region(scene.inputs(), {}, false), repository = vlr_region(scene.inputs(), {}, true);
  EXPECT_EQ(region.count(), 174);
  EXPECT_NEAR(region.weights.sum().item<double>(), 50.911795, 1e-4);
  EXPECT_EQ(repository.count(), 177);
  EXPECT_NEAR(repository.weights.sum().item<double>(), 34.872344, 1e-4);

  AtssOptions no_rescue;
  no_rescue.rescue_small = false;
  const Assignment paper = assign_atss(scene.grid, scene.batch.targets, scene.batch.geometries, no_rescue);
  const auto positive_too = [&](const Region& r) {
    return dense(r, scene).index_select(0, paper.point).gt(0).sum().item<int>();
  };
  EXPECT_EQ(positive_too(region), 0);
  EXPECT_EQ(positive_too(repository), 4);
}

TEST(Vlr, GoldenPerBox) {
  const testing::GoldenScene golden;
  const int64_t expected[3] = {27, 1, 151}, expected_iof[3] = {27, 1, 161};
  for (int64_t i = 0; i < 3; ++i) {
    Targets one = golden.targets;
    one.boxes_xyxy = one.boxes_xyxy.narrow(0, i, 1);
    one.labels = one.labels.narrow(0, i, 1);
    const KdScene scene({one});
    EXPECT_EQ(vlr_region(scene.inputs(), {}, false).count(), expected[i]);
    EXPECT_EQ(vlr_region(scene.inputs(), {}, true).count(), expected_iof[i]);
  }
}

TEST(Vlr, LooksNowhereInVain) {
  // Objects of all shapes, some larger than every anchor: what the window around an object leaves out would be missed.
  const float boxes[][4] = {
      {100, 90, 103, 92}, {30, 40, 42, 70}, {20, 10, 120, 22}, {3, 5, 125, 120}, {32, 40, 96, 104}};
  int64_t locations = 0;
  for (const auto& box : boxes) {
    const KdScene scene({make_targets({box[0], box[1], box[2], box[3]}, {0})});
    const at::Tensor half = scene.grid.strides.unsqueeze(1) * 4;
    const at::Tensor anchors = torch::cat({scene.grid.centres - half, scene.grid.centres + half}, 1);
    const at::Tensor object = torch::tensor({{box[0], box[1], box[2], box[3]}}).expand_as(anchors);
    const at::Tensor threshold = scene.assignment.thresholds[0];
    for (const bool iof : {false, true}) {
      const at::Tensor overlap = iof ? aligned_iof(anchors, object, 1e-6) : aligned_iou(anchors, object, 1e-6);
      const at::Tensor d = overlap - aligned_centre_penalty(anchors, object);
      const at::Tensor expected = d.ge(threshold / 4).logical_and(d.lt(threshold)).nonzero().squeeze(1);
      locations += expected.numel();
      EXPECT_TRUE(vlr_region(scene.inputs(), {}, iof).point.equal(expected));
    }
  }
  EXPECT_GT(locations, 50);
}

TEST(Regions, AllIsWhatCountsForClassification) {
  KdScene scene({make_targets({40, 40, 60, 60}, {0}, {0, 0, 30, 30}), make_targets({}, {})});
  const DistillInputs inputs = scene.inputs();
  const RegionOptions options;
  const AtssOptions atss;
  RegionSet regions(inputs, options, atss);
  const Region& region = regions.region("all");
  EXPECT_EQ(region.count(), static_cast<int64_t>(scene.assignment.weights.sum().item<float>()));
  EXPECT_TRUE(dense(region, scene).equal(scene.assignment.weights[0]));
  EXPECT_TRUE(region.box_weights.equal(region.weights));
  EXPECT_TRUE(region.object.eq(-1).all().item<bool>()) << "also on the image that has no object 0";
}

TEST(Regions, PositivesAreTheAssigners) {
  KdScene scene({testing::GoldenScene().targets, make_targets({}, {})});
  const DistillInputs inputs = scene.inputs();
  const RegionOptions options;
  const AtssOptions atss;
  RegionSet regions(inputs, options, atss);
  const Region& region = regions.region("positives");
  EXPECT_TRUE(region.point.equal(scene.assignment.point));
  EXPECT_TRUE(region.weights.eq(1).all().item<bool>());
}

TEST(Regions, BoxesHoldEveryPointInsideSomeBoxOnce) {
  KdScene scene({make_targets({10, 10, 30, 34, 8, 8, 40, 40}, {0, 1}, {24, 0, 30, 20})});
  const DistillInputs inputs = scene.inputs();
  const RegionOptions options;
  const AtssOptions atss;
  RegionSet regions(inputs, options, atss);
  const Region& region = regions.region("boxes");
  const at::Tensor x = scene.grid.centres.select(1, 0), y = scene.grid.centres.select(1, 1);
  const auto inside = [&](float x1, float y1, float x2, float y2) {
    return x.ge(x1).logical_and(x.le(x2)).logical_and(y.ge(y1)).logical_and(y.le(y2));
  };
  const at::Tensor expected = inside(8, 8, 40, 40).logical_and(inside(24, 0, 30, 20).logical_not()).to(at::kFloat);
  EXPECT_TRUE(dense(region, scene).equal(expected));
  // (16, 16) lies in both boxes; the smaller one owns it.
  const at::Tensor row = region.point.eq(2 * 16 + 2).nonzero();
  ASSERT_EQ(row.numel(), 1);
  EXPECT_EQ(region.object[row.item<int64_t>()].item<int64_t>(), 0);
}

TEST(Regions, WithoutObjectsOnlyAllHasLocations) {
  KdScene scene({make_targets({}, {})});
  const DistillInputs inputs = scene.inputs();
  const RegionOptions options;
  const AtssOptions atss;
  RegionSet regions(inputs, options, atss);
  for (const std::string& name : region_names()) {
    EXPECT_EQ(regions.region(name).count(), name == "all" ? 340 : 0) << name;
    EXPECT_EQ(gather_box_logits(regions.gather(name), scene.student).size(0), name == "all" ? 340 : 0) << name;
  }
}

TEST(Regions, AnUnknownNameListsTheKnownOnes) {
  KdScene scene({make_targets({}, {})});
  const DistillInputs inputs = scene.inputs();
  const RegionOptions options;
  const AtssOptions atss;
  RegionSet regions(inputs, options, atss);
  EXPECT_NE(error_of([&] { regions.region("everything"); }).find("positives"), std::string::npos);
}

TEST(Regions, ALocationOfTwoObjectsAddsUpInTheMaps) {
  KdScene scene({make_targets({}, {})});
  const Region region{torch::tensor({0, 0}, at::kLong), torch::tensor({5, 5}, at::kLong), torch::tensor({0.25F, 0.5F}),
                      torch::tensor({0.25F, 0.5F}), torch::tensor({0, 1}, at::kLong)};
  EXPECT_FLOAT_EQ(region_maps(region, scene.grid, 1)[0][0][0][0][5].item<float>(), 0.75F);
}

}  // namespace
}  // namespace skylift
