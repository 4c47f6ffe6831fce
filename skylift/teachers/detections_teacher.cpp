#include "skylift/teachers/detections_teacher.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <span>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/teachers/sparse_maps.h"

namespace skylift {
namespace {

class DetectionsTeacher : public TeacherNetwork {
 public:
  DetectionsTeacher(DetectionSet found, const TeacherPlace& place)
      : found_(std::move(found)), train_set_(place.train_set), labelled_(place.train_set.annotations().images.size()) {
    shape_.classes = static_cast<int>(train_set_.classes().size());
    shape_.reg_max = place.student.head.reg_max;
    shape_.strides = place.student.neck.strides();
    shape_.bins = false;
    const std::vector<std::string>& classes = train_set_.classes();
    for (const std::string& name : train_set_.annotations().classes) {
      const auto place_of = std::ranges::find(classes, name);
      label_of_class_.push_back(place_of == classes.end() ? -1 : place_of - classes.begin());
    }
    find_known_classes();
  }

  const ModelShape& shape() const override { return shape_; }

  DenseOutput forward(const Batch& batch) override {
    std::vector<std::vector<SparseBox>> images;
    for (size_t i = 0; i < batch.image_indices.size(); ++i) images.push_back(boxes_of(batch, i));
    const int64_t height = batch.images.size(2), width = batch.images.size(3);
    DenseOutput output =
        dense_output(sparse_maps(images, shape_.strides, height, width, shape_.classes), height, width, shape_.reg_max);
    for (LevelOutput& level : output.levels) {
      for (at::Tensor* map : {&level.cls_logits, &level.box_logits, &level.box_known})
        *map = map->to(batch.images.device());
    }
    output.known_classes = known_;
    return output;
  }

  at::Tensor known_classes() const override { return known_; }

  std::string checksum() const override {
    uint64_t sum = 1;
    for (const auto& image : found_) {
      for (const Detection& d : image) {
        const double numbers[] = {d.box.x, d.box.y, d.box.w, d.box.h, d.score, static_cast<double>(d.class_index)};
        sum = skylift::checksum({reinterpret_cast<const char*>(numbers), sizeof(numbers)}, sum);
      }
      sum = skylift::checksum("image", sum);
    }
    return checksum_text(sum);
  }

  std::optional<DetectionSet> detections() const override {
    return DetectionSet(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(labelled_));
  }

 private:
  /// A class without a box in the whole file is one that its maker does not know.
  void find_known_classes() {
    std::set<int64_t> known;
    for (const std::vector<Detection>& image : found_) {
      for (const Detection& d : image) known.insert(label_of(d));
    }
    known.erase(-1);
    const std::vector<std::string>& classes = train_set_.classes();
    std::vector<std::string> lacking;
    for (size_t i = 0; i < classes.size(); ++i) {
      if (!known.contains(static_cast<int64_t>(i))) lacking.push_back(classes[i]);
    }
    if (lacking.empty()) return;
    if (known.empty())
      throw Error("--teacher: its boxes are of none of the trained classes, expected some of {}",
                  fmt::join(classes, ", "));
    log_warning("--teacher: has no box of {}: learned from the labels alone", fmt::join(lacking, ", "));
    known_ = at::tensor(std::vector<int64_t>(known.begin(), known.end()), at::kLong);
  }

  int64_t label_of(const Detection& detection) const {
    return detection.class_index < 0 ? -1 : label_of_class_[static_cast<size_t>(detection.class_index)];
  }

  /// Of a sample's index: the unlabelled images follow the training set's (training_source).
  const std::vector<Detection>& found_on(int64_t index) const {
    const int64_t beyond = index - train_set_.size();
    return found_.at(beyond < 0 ? train_set_.record_index(index) : labelled_ + static_cast<size_t>(beyond));
  }

  /// In pixels of the batch's image.
  std::vector<SparseBox> boxes_of(const Batch& batch, size_t i) const {
    std::vector<SparseBox> boxes;
    const auto number = [](double value) { return static_cast<float>(value); };
    for (const Detection& d : found_on(batch.image_indices[i])) {
      const int64_t label = label_of(d);
      if (label < 0) continue;
      const BoxXyxy original{number(d.box.x), number(d.box.y), number(d.box.x + d.box.w), number(d.box.y + d.box.h)};
      boxes.push_back({from_original(batch.geometries[i], original), std::clamp(d.score, 0.0, 1.0), label});
    }
    return boxes;
  }

  DetectionSet found_;  // parallel to all_images
  const Dataset& train_set_;
  size_t labelled_;  // images of the training set's annotations
  ModelShape shape_;
  at::Tensor known_;                     // DenseOutput::known_classes
  std::vector<int64_t> label_of_class_;  // of the annotations' classes; -1: not trained
};

/// The training set's, then the unlabelled ones: these by their whole paths, and under numbers that no file has.
AnnotationSet all_images(const TeacherPlace& place) {
  AnnotationSet all = place.train_set.annotations();
  if (!place.unlabelled) return all;
  const AnnotationSet& unlabelled = place.unlabelled->annotations();
  for (const ImageRecord& image : unlabelled.images) {
    const auto number = static_cast<int64_t>(all.images.size());
    ImageRecord& added = all.images.emplace_back();
    added.file = unlabelled.image_path(image).string();
    added.id = -1 - number;
  }
  return all;
}

/// How many images have a box, and how many boxes there are. Error: none; scores in percent, which would all be sure.
void say_boxes(const std::string& file, const char* images_name, std::span<const std::vector<Detection>> found) {
  size_t boxes = 0, images = 0;
  for (const auto& image : found) {
    const auto above = std::ranges::find_if(image, [](const Detection& d) { return d.score > kMostScore; });
    if (above != image.end()) throw Error("{}: has a score of {:g}, expected at most 1", file, above->score);
    boxes += image.size();
    images += image.empty() ? 0 : 1;
  }
  if (boxes == 0) throw Error("{}: has no box on any {} image, expected detections of those", file, images_name);
  log_info("teacher {}: {} boxes on {} of {} {} images", file, boxes, images, found.size(), images_name);
  if (2 * images < found.size())
    log_warning("teacher {}: says nothing of {} {} images, which the student will take for 'nothing is there'", file,
                found.size() - images, images_name);
}

}  // namespace

TeacherPtr open_detections_teacher(const std::filesystem::path& file, const TeacherPlace& place) {
  Problems problems;  // detections of other images and classes are no mistake here
  DetectionSet found = read_detections(file, all_images(place), &problems);
  if (!problems.empty())
    log_warning("teacher {}: {} entries are passed over, the first: {}: {}", file.string(), problems.size(),
                problems.front().where, problems.front().what);
  const std::span all(found);
  const size_t labelled = place.train_set.annotations().images.size();
  say_boxes(file.string(), "training", all.first(labelled));
  if (place.unlabelled) say_boxes(file.string(), "unlabelled", all.subspan(labelled));
  return std::make_unique<DetectionsTeacher>(std::move(found), place);
}

}  // namespace skylift
