#include "skylift/teachers/combined_teachers.h"

#include <ATen/ATen.h>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/teachers/teacher_around.h"

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
    for (const DenseOutput& output : outputs) {
      const at::Tensor &known = output.levels[i].box_known, &so_far = mean.levels[i].box_known;
      if (known.defined()) mean.levels[i].box_known = so_far.defined() ? so_far * known : known;
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
      const at::Tensor first = teachers_.front()->known_classes(), own = teacher->known_classes();
      if (first.defined() != own.defined() || (own.defined() && !own.equal(first)))
        throw Error("--teacher: the teachers know other classes; their mean needs the same");
      shape_.bins = shape_.bins && other.bins;
    }
  }

  const ModelShape& shape() const override { return shape_; }

  DenseOutput forward(const Batch& batch) override {
    std::vector<DenseOutput> outputs;
    for (const TeacherPtr& teacher : teachers_) outputs.push_back(teacher->forward(batch));
    return mean_of(outputs);
  }

  at::Tensor known_classes() const override { return teachers_.front()->known_classes(); }

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

/// What a mirrored image's maps say of the image. Column c stands at c strides, so in an image of W strides its mirror
/// image is column W - c: the first column has none, there the upright answer `own` stays, whose columns are those kept.
at::Tensor mirrored(const at::Tensor& map, const at::Tensor& own) {
  const at::Tensor turned = map.flip({3});
  return at::cat({own.slice(3, 0, 1), turned.slice(3, 0, own.size(3) - 1)}, 3);
}

/// Mirrored, its width a multiple of `stride` before.
at::Tensor turned_image(const at::Tensor& images, int64_t stride) {
  const int64_t width = images.size(3), missing = (stride - width % stride) % stride;
  return at::constant_pad_nd(images, {0, missing}).flip({3});
}

class Flipped : public TeacherAround {
 public:
  using TeacherAround::TeacherAround;

  /// Mirrored, an image is a multiple of the coarsest stride wide, which the teacher has to take, too.
  int largest_side() const override {
    const int coarsest = shape().strides.back();
    return inner_->largest_side() / coarsest * coarsest;
  }

  DenseOutput forward(const Batch& batch) override {
    if (const int64_t most = largest_side(); inner_->largest_side() > 0 && batch.images.size(3) > most) {
      throw Error(
          "kd.teacher_flip: the teacher takes images of {0} px, of which {1} hold whole cells of stride {2}, got {3} "
          "(hint: crops of at most {1} px, data.augment.crop_px)",
          inner_->largest_side(), most, shape().strides.back(), batch.images.size(3));
    }
    const DenseOutput upright = inner_->forward(batch);
    Batch turned = batch;
    const int64_t coarsest = shape().strides.back();
    turned.images = turned_image(batch.images, coarsest);
    if (batch.fine_images.defined()) turned.fine_images = turned_image(batch.fine_images, coarsest);
    DenseOutput other = inner_->forward(turned);
    for (size_t i = 0; i < other.levels.size(); ++i) {
      LevelOutput& level = other.levels[i];
      const LevelOutput& own = upright.levels[i];
      const auto sides = level.box_logits.chunk(4, 1);  // left and right change places
      level.box_logits = mirrored(at::cat({sides[2], sides[1], sides[0], sides[3]}, 1), own.box_logits);
      level.cls_logits = mirrored(level.cls_logits, own.cls_logits);
      if (level.box_known.defined()) level.box_known = mirrored(level.box_known, own.box_known);
    }
    return mean_of({upright, other});
  }

  std::string checksum() const override {
    return checksum_text(skylift::checksum("flip", skylift::checksum(inner_->checksum())));
  }
};

class Scaled : public TeacherAround {
 public:
  Scaled(TeacherPtr inner, int scale) : TeacherAround(std::move(inner)), scale_(scale), shape_(inner_->shape()) {
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

}  // namespace skylift
