#include "skylift/teachers/teacher_levels.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/core/checksum.h"
#include "skylift/teachers/dense_maps.h"
#include "skylift/teachers/teacher_around.h"

namespace skylift {
namespace {

/// What both have in common; `kind` tells their signals apart from the teacher's own.
class OtherLevels : public TeacherAround {
 public:
  OtherLevels(TeacherPtr inner, std::string kind)
      : TeacherAround(std::move(inner)), shape_(inner_->shape()), kind_(std::move(kind)) {
    shape_.channels = 0;
    shape_.bins = false;
  }

  const ModelShape& shape() const override { return shape_; }
  TeacherNetwork& scored() override { return inner_->scored(); }

  std::string checksum() const override {
    return checksum_text(skylift::checksum(kind_, skylift::checksum(inner_->checksum())));
  }

  DenseOutput forward(const Batch& batch) override {
    DenseOutput output = inner_->forward(batch);
    change_levels(output, batch.images.size(2), batch.images.size(3));
    for (LevelOutput& level : output.levels) level.feature = at::Tensor();
    output.strides = shape_.strides;
    return output;
  }

 protected:
  /// Brings output.levels to shape_.strides; its strides are still the teacher's. Images of that size.
  virtual void change_levels(DenseOutput& output, int64_t height, int64_t width) const = 0;

  ModelShape shape_;

 private:
  std::string kind_;
};

class Finer : public OtherLevels {
 public:
  Finer(TeacherPtr inner, const std::vector<int>& strides) : OtherLevels(std::move(inner), "finer") {
    const int finest = shape_.strides.front();
    for (const int stride : strides) {
      if (stride < finest) finer_.push_back(stride);
    }
    shape_.strides.insert(shape_.strides.begin(), finer_.begin(), finer_.end());
  }

  /// It has no network for the levels that it adds, so none to show.
  Detector* detector() const override { return nullptr; }

 private:
  void change_levels(DenseOutput& output, int64_t height, int64_t width) const override {
    std::vector<LevelOutput>& levels = output.levels;
    const DecodedMaps own = decoded({{levels.front()}, {output.strides.front()}, output.reg_max, {}});
    DecodedMaps maps;
    for (const int stride : finer_) {
      const int64_t times = own.strides.front() / stride;
      const auto repeated = [&](const at::Tensor& map) {
        return map.repeat_interleave(times, 2).repeat_interleave(times, 3);
      };
      maps.strides.push_back(stride);
      maps.scores.push_back(repeated(own.scores.front()));
      maps.boxes.push_back(repeated(own.boxes.front()));
    }
    const std::vector<LevelOutput> added = dense_output(maps, height, width, output.reg_max).levels;
    levels.insert(levels.begin(), added.begin(), added.end());
  }

  std::vector<int> finer_;
};

/// What each cell of [B,C,H,W] and [B,4,H,W] says.
struct Answers {
  at::Tensor scores, boxes;
};

/// [B,1,H,W], of the class that it is surest of.
at::Tensor sureness(const Answers& answers) { return answers.scores.amax(1, /*keepdim=*/true); }

Answers surer_of(const Answers& a, const Answers& b) {
  const at::Tensor first = sureness(a) >= sureness(b);
  return {at::where(first, a.scores, b.scores), at::where(first, a.boxes, b.boxes)};
}

/// [B,1,H,W] whether the box of a cell holds the cell's point.
at::Tensor holds_point(const at::Tensor& boxes, const at::Tensor& points) {
  const at::Tensor inside = at::cat({points - boxes.slice(1, 0, 2), boxes.slice(1, 2, 4) - points}, 1);
  return inside.amin(1, /*keepdim=*/true) >= 0;
}

/// `coarse`, or what a cell nearer to its point than the next coarse one says, if that is surer and its box holds the
/// point: a box beside the point is what the label of this cell calls background. `times`: finer cells to a coarse one.
Answers folded_into(Answers coarse, const Answers& fine, int64_t times, int stride) {
  const int64_t height = coarse.scores.size(2), width = coarse.scores.size(3), around = times - 1;
  const at::Tensor points = cell_points(height, width, stride, 0, coarse.boxes.options());
  const auto cells = [&](const at::Tensor& map, int64_t row, int64_t column) {
    return map.slice(2, row, row + (height - 1) * times + 1, times)
        .slice(3, column, column + (width - 1) * times + 1, times);
  };
  const auto padded = [&](const at::Tensor& map) {
    const int64_t below = std::max<int64_t>(0, (height - 1) * times + 1 + around - map.size(2)),
                  right = std::max<int64_t>(0, (width - 1) * times + 1 + around - map.size(3));
    return at::constant_pad_nd(map, {around, right, around, below});
  };
  const Answers all{padded(fine.scores), padded(fine.boxes)};
  for (int64_t row = 0; row <= 2 * around; ++row) {
    for (int64_t column = 0; column <= 2 * around; ++column) {
      const at::Tensor boxes = cells(all.boxes, row, column);
      const at::Tensor scores = cells(all.scores, row, column) * holds_point(boxes, points);
      coarse = surer_of(coarse, {scores, boxes});
    }
  }
  return coarse;
}

class Folded : public OtherLevels {
 public:
  Folded(TeacherPtr inner, int finest) : OtherLevels(std::move(inner), "folded") {
    const auto kept = std::ranges::find(shape_.strides, finest);
    finer_ = kept - shape_.strides.begin();
    shape_.strides.erase(shape_.strides.begin(), kept);
  }

 private:
  void change_levels(DenseOutput& output, int64_t height, int64_t width) const override {
    std::vector<LevelOutput>& levels = output.levels;
    const DecodedMaps all = decoded(output);
    const auto own = static_cast<size_t>(finer_);
    const int stride = all.strides[own];
    Answers surest{all.scores[own], all.boxes[own]};
    for (size_t i = 0; i < own; ++i)
      surest = folded_into(surest, {all.scores[i], all.boxes[i]}, stride / all.strides[i], stride);
    levels.erase(levels.begin(), levels.begin() + finer_);
    levels.front() =
        dense_output({{stride}, {surest.scores}, {surest.boxes}}, height, width, output.reg_max).levels.front();
  }

  std::ptrdiff_t finer_ = 0;  // how many levels
};

}  // namespace

TeacherPtr with_finer_levels(TeacherPtr teacher, const std::vector<int>& strides) {
  const int finest = teacher->shape().strides.front();
  if (std::ranges::none_of(strides, [&](int stride) { return stride < finest; })) return teacher;
  return std::make_unique<Finer>(std::move(teacher), strides);
}

bool has_levels_to_fold(const TeacherNetwork& teacher, int finest) {
  const std::vector<int>& strides = teacher.shape().strides;
  return strides.front() < finest && std::ranges::find(strides, finest) != strides.end();
}

TeacherPtr with_levels_folded(TeacherPtr teacher, int finest) {
  return std::make_unique<Folded>(std::move(teacher), finest);
}

}  // namespace skylift
