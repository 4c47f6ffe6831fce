#include "skylift/teachers/combined_teachers.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/teachers/dense_maps.h"

namespace skylift {
namespace {

constexpr double kLeast = 1e-12;

/// [B,4(R+1),H,W] -> probabilities [B,4,R+1,H,W].
at::Tensor side_probabilities(const at::Tensor& box_logits, int reg_max) {
  return box_logits.to(at::kFloat)
      .view({box_logits.size(0), 4, reg_max + 1, box_logits.size(2), box_logits.size(3)})
      .softmax(2);
}

/// The mean of outputs of the same levels and reg_max. A mean of distributions has the mean of their expectations, so
/// boxes without distributions (two_bins) are served, too.
DenseOutput mean_of(const std::vector<DenseOutput>& outputs) {
  DenseOutput mean = outputs.front();
  const auto count = static_cast<double>(outputs.size());
  for (size_t i = 0; i < mean.levels.size(); ++i) {
    at::Tensor scores, sides;
    for (const DenseOutput& output : outputs) {
      const at::Tensor score = output.levels[i].cls_logits.to(at::kFloat).sigmoid() / count;
      const at::Tensor side = side_probabilities(output.levels[i].box_logits, mean.reg_max) / count;
      scores = scores.defined() ? scores + score : score;
      sides = sides.defined() ? sides + side : side;
    }
    mean.levels[i].cls_logits = scores.clamp(1e-7, 1 - 1e-7).logit();
    mean.levels[i].box_logits = sides.clamp_min(kLeast).log().flatten(1, 2);
  }
  return mean;
}

class Mean : public TeacherNetwork {
 public:
  explicit Mean(std::vector<TeacherPtr> teachers) : teachers_(std::move(teachers)), shape_(teachers_.front()->shape()) {
    shape_.channels = 0;
    for (const TeacherPtr& teacher : teachers_) {
      const ModelShape& other = teacher->shape();
      if (other.strides != shape_.strides || other.reg_max != shape_.reg_max)
        throw Error("--teacher: the teachers have other levels or another head.reg_max; their mean needs the same");
      shape_.bins = shape_.bins && other.bins;
    }
  }

  const ModelShape& shape() const override { return shape_; }

  DenseOutput forward(const Batch& batch) override {
    std::vector<DenseOutput> outputs;
    for (const TeacherPtr& teacher : teachers_) {
      outputs.push_back(teacher->forward(batch));
      const at::Tensor &first = outputs.front().known_classes, &own = outputs.back().known_classes;
      if (first.defined() != own.defined() || (own.defined() && !own.equal(first)))
        throw Error("--teacher: the teachers know other classes; their mean needs the same");
    }
    return mean_of(outputs);
  }

  std::string checksum() const override {
    uint64_t sum = 1;
    for (const TeacherPtr& teacher : teachers_) sum = skylift::checksum(teacher->checksum(), sum);
    return checksum_text(sum);
  }

  int largest_side() const override {
    int least = 0;
    for (const TeacherPtr& teacher : teachers_) {
      const int side = teacher->largest_side();
      least = least == 0 || (side > 0 && side < least) ? side : least;
    }
    return least;
  }

 private:
  std::vector<TeacherPtr> teachers_;
  ModelShape shape_;
};

/// A teacher that passes on what its inner one says, but for what it overrides.
class Around : public TeacherNetwork {
 public:
  explicit Around(TeacherPtr inner) : inner_(std::move(inner)) {}
  const ModelShape& shape() const override { return inner_->shape(); }
  std::string checksum() const override { return inner_->checksum(); }
  Detector* detector() const override { return inner_->detector(); }
  std::optional<DetectionSet> detections() const override { return inner_->detections(); }
  int largest_side() const override { return inner_->largest_side(); }

 protected:
  TeacherPtr inner_;
};

/// What a mirrored image's maps say of the image. Column c stands at c strides, so its mirror image is column W - c: the
/// first column has none, there the upright answer `own` stays.
at::Tensor mirrored(const at::Tensor& map, const at::Tensor& own) {
  const at::Tensor turned = map.flip({3});
  return at::cat({own.slice(3, 0, 1), turned.slice(3, 0, turned.size(3) - 1)}, 3);
}

class Flipped : public Around {
 public:
  using Around::Around;

  DenseOutput forward(const Batch& batch) override {
    const DenseOutput upright = inner_->forward(batch);
    Batch turned = batch;
    turned.images = batch.images.flip({3});
    if (batch.fine_images.defined()) turned.fine_images = batch.fine_images.flip({3});
    DenseOutput other = inner_->forward(turned);
    for (size_t i = 0; i < other.levels.size(); ++i) {
      LevelOutput& level = other.levels[i];
      const LevelOutput& own = upright.levels[i];
      const auto sides = level.box_logits.chunk(4, 1);  // left and right change places
      level.box_logits = mirrored(at::cat({sides[2], sides[1], sides[0], sides[3]}, 1), own.box_logits);
      level.cls_logits = mirrored(level.cls_logits, own.cls_logits);
    }
    return mean_of({upright, other});
  }

  std::string checksum() const override {
    return checksum_text(skylift::checksum("flip", skylift::checksum(inner_->checksum())));
  }
};

class Scaled : public Around {
 public:
  Scaled(TeacherPtr inner, int scale) : Around(std::move(inner)), scale_(scale), shape_(inner_->shape()) {
    for (int& stride : shape_.strides) stride /= scale_;
  }

  const ModelShape& shape() const override { return shape_; }

  DenseOutput forward(const Batch& batch) override {
    Batch fine = batch;
    if (batch.fine_images.defined()) fine.images = batch.fine_images;
    DenseOutput output = inner_->forward(fine);
    output.strides = shape_.strides;
    return output;
  }

 private:
  int scale_;
  ModelShape shape_;
};

class Finer : public Around {
 public:
  Finer(TeacherPtr inner, const std::vector<int>& strides) : Around(std::move(inner)), shape_(inner_->shape()) {
    const int finest = shape_.strides.front();
    for (const int stride : strides) {
      if (stride < finest) finer_.push_back(stride);
    }
    shape_.strides.insert(shape_.strides.begin(), finer_.begin(), finer_.end());
    shape_.channels = 0;
    shape_.bins = false;
  }

  const ModelShape& shape() const override { return shape_; }

  /// It has no network for the levels that it adds, so none to show.
  Detector* detector() const override { return nullptr; }

  TeacherNetwork& scored() override { return inner_->scored(); }

  std::string checksum() const override {
    return checksum_text(skylift::checksum("finer", skylift::checksum(inner_->checksum())));
  }

  DenseOutput forward(const Batch& batch) override {
    DenseOutput output = inner_->forward(batch);
    const DecodedMaps own = decoded({{output.levels.front()}, {output.strides.front()}, output.reg_max, {}});
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
    const DenseOutput added = dense_output(maps, batch.images.size(2), batch.images.size(3), output.reg_max);
    for (LevelOutput& level : output.levels) level.feature = at::Tensor();
    output.levels.insert(output.levels.begin(), added.levels.begin(), added.levels.end());
    output.strides = shape_.strides;
    return output;
  }

 private:
  std::vector<int> finer_;
  ModelShape shape_;
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

class Folded : public Around {
 public:
  Folded(TeacherPtr inner, int finest) : Around(std::move(inner)), shape_(inner_->shape()) {
    const auto kept = std::ranges::find(shape_.strides, finest);
    finer_ = static_cast<size_t>(kept - shape_.strides.begin());
    shape_.strides.erase(shape_.strides.begin(), kept);
    shape_.channels = 0;
    shape_.bins = false;
  }

  const ModelShape& shape() const override { return shape_; }

  TeacherNetwork& scored() override { return inner_->scored(); }

  std::string checksum() const override {
    return checksum_text(skylift::checksum("folded", skylift::checksum(inner_->checksum())));
  }

  DenseOutput forward(const Batch& batch) override {
    DenseOutput output = inner_->forward(batch);
    const DecodedMaps all = decoded(output);
    Answers surest{all.scores[finer_], all.boxes[finer_]};
    for (size_t i = 0; i < finer_; ++i)
      surest =
          folded_into(surest, {all.scores[i], all.boxes[i]}, all.strides[finer_] / all.strides[i], all.strides[finer_]);
    const DecodedMaps folded{{all.strides[finer_]}, {surest.scores}, {surest.boxes}};
    output.levels.erase(output.levels.begin(), output.levels.begin() + static_cast<std::ptrdiff_t>(finer_));
    output.levels[0] = dense_output(folded, batch.images.size(2), batch.images.size(3), output.reg_max).levels.front();
    for (LevelOutput& level : output.levels) level.feature = at::Tensor();
    output.strides = shape_.strides;
    return output;
  }

 private:
  size_t finer_ = 0;  // how many levels
  ModelShape shape_;
};

}  // namespace

TeacherPtr mean_of_teachers(std::vector<TeacherPtr> teachers) {
  for (const TeacherPtr& teacher : teachers) {
    if (teacher->detections())
      throw Error(
          "--teacher: boxes in a file see no image, so they have no mean with other teachers (hint: merge the "
          "detections into one file)");
  }
  return std::make_unique<Mean>(std::move(teachers));
}

TeacherPtr flipped_too(TeacherPtr teacher) { return std::make_unique<Flipped>(std::move(teacher)); }

TeacherPtr at_scale(TeacherPtr teacher, int scale) { return std::make_unique<Scaled>(std::move(teacher), scale); }

TeacherPtr with_finer_levels(TeacherPtr teacher, const std::vector<int>& strides) {
  const int finest = teacher->shape().strides.front();
  if (std::ranges::none_of(strides, [&](int stride) { return stride < finest; })) return teacher;
  return std::make_unique<Finer>(std::move(teacher), strides);
}

TeacherPtr with_levels_folded(TeacherPtr teacher, int finest) {
  const std::vector<int>& strides = teacher->shape().strides;
  if (strides.front() >= finest || std::ranges::find(strides, finest) == strides.end()) return teacher;
  return std::make_unique<Folded>(std::move(teacher), finest);
}

}  // namespace skylift
