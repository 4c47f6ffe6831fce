// The teacher's signals read from a file instead of computed: its logits at the locations that the chosen methods look
// at, and CID's region, which is made of the teacher's boxes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "skylift/boxes/point_grid.h"
#include "skylift/kd/region.h"

namespace skylift {

struct ClassMaps;

/// One image in one orientation. Its points count on its own grid (the image padded alone), which may be smaller than a
/// batch's.
struct SignalEntry {
  std::vector<std::pair<int64_t, int64_t>> sizes;  ///< (height, width) of each level's map
  at::Tensor points;                               ///< [N] int32, rising
  at::Tensor cls;                                  ///< [N,C] half; [N,0]: not stored
  at::Tensor box;                                  ///< [N,4(R+1)] half, all 0: no box there; [N,0]: not stored
  at::Tensor cid_points;                           ///< [M] int32, CID's region
  at::Tensor cid_objects;                          ///< [M] int32
  at::Tensor cid_weights, cid_box_weights;         ///< [M] float
};

/// Of a batch, in its order. The tensors may point into the file.
struct StoredBatch {
  std::vector<SignalEntry> entries;  ///< B
};

/// The same, located on a step's grid.
class StoredSignals {
 public:
  /// Error: an entry's grid is larger than the step's or has other levels.
  StoredSignals(const StoredBatch& batch, const PointGrid& grid, int reg_max);

  const Region& cid_region() const { return cid_; }

  /// At these locations, in float. Error: one of them is not stored.
  at::Tensor cls_logits(const Region& region) const;  ///< [N,C]
  at::Tensor box_logits(const Region& region) const;  ///< [N,4,R+1]
  at::Tensor box_known(const Region& region) const;   ///< [N] 1 where the teacher has a box, else 0

  /// Scattered over maps, 0 where nothing is stored.
  ClassMaps class_maps() const;

 private:
  at::Tensor rows_of(const Region& region) const;

  const PointGrid& grid_;
  int64_t images_, bins_;
  at::Tensor keys_;       // [N] int64, image * A + point, rising
  at::Tensor cls_, box_;  // [N,C], [N,4(R+1)] half
  Region cid_;
};

/// The entry of one image: the logits at the union of these regions' locations. cls [1,A,C] and box [1,A,4(R+1)] (0
/// where there is no box) of the teacher over the image's own grid; undefined: not stored. `cid` may be null.
SignalEntry make_signal_entry(const PointGrid& grid, const std::vector<const Region*>& regions, const Region* cid,
                              const at::Tensor& cls, const at::Tensor& box);

}  // namespace skylift
