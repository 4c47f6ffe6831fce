// Signals of an image on its own grid, read on the larger grid of a batch.
#include "skylift/kd/stored_signals.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "skylift/kd/cid.h"
#include "tests/kd/kd_scene.h"

namespace skylift {
namespace {

TEST(StoredSignals, PointsOfASmallerImageFindTheirPlaceInTheBatch) {
  const testing::KdScene small({testing::make_targets({20, 24, 44, 52}, {1})},
                               {.sizes = {{8, 12}, {4, 6}}, .strides = {8, 16}});
  const testing::KdScene large({testing::make_targets({}, {})}, {.sizes = {{16, 20}, {8, 10}}, .strides = {8, 16}});
  const Region own = cid_region(small.inputs(), {});
  ASSERT_GT(own.count(), 0);
  const at::Tensor cls = flat_cls_logits(small.teacher), box = flat_box_logits(small.teacher).flatten(2);
  const SignalEntry entry = make_signal_entry(small.grid, {&own}, &own, cls, box);
  const StoredBatch batch{{make_signal_entry(large.grid, {}, nullptr, flat_cls_logits(large.teacher),
                                             flat_box_logits(large.teacher).flatten(2)),
                           entry}};
  const StoredSignals stored(batch, large.grid, 16);
  const Region& moved = stored.cid_region();
  ASSERT_EQ(moved.count(), own.count());
  EXPECT_TRUE(moved.image.eq(1).all().item<bool>());
  EXPECT_TRUE(large.grid.centres.index_select(0, moved.point).equal(small.grid.centres.index_select(0, own.point)));
  EXPECT_TRUE(large.grid.strides.index_select(0, moved.point).equal(small.grid.strides.index_select(0, own.point)));
  EXPECT_TRUE(moved.weights.equal(own.weights));
  EXPECT_TRUE(moved.box_weights.equal(own.box_weights));
  const auto half = [](const at::Tensor& values) { return values.to(at::kHalf).to(at::kFloat); };
  EXPECT_TRUE(stored.cls_logits(moved).equal(half(cls[0].index_select(0, own.point))));
  EXPECT_TRUE(stored.box_logits(moved).equal(half(box[0].index_select(0, own.point)).view({-1, 4, 17})));
}

}  // namespace
}  // namespace skylift
