#include "skylift/assign/assignment_builder.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/boxes/upload.h"
#include "skylift/dist/processes.h"

namespace skylift {

double positive_count(const Assignment& assignment) {
  double count = 0;
  for (size_t i = 0; i < assignment.positives_per_image.size(); ++i) {
    if (assignment.labelled.empty() || assignment.labelled[i])
      count += static_cast<double>(std::max<int64_t>(assignment.positives_per_image[i], 1));
  }
  return std::max(sum_over_processes(std::vector<double>{count}).front(), 1.0);
}

double distilled_count(const Assignment& assignment) {
  const auto labelled = std::ranges::count(assignment.labelled, true);
  const double images = static_cast<double>(assignment.labelled.size());
  return positive_count(assignment) * (labelled > 0 ? images / static_cast<double>(labelled) : 1.0);
}

AssignmentBuilder::AssignmentBuilder(const PointGrid& grid, int64_t images)
    : levels_(grid.levels),
      device_(grid.centres.device()),
      positives_per_level_(grid.levels.size()),
      weights_(at::empty({images, grid.count()}, at::kFloat)) {}

void AssignmentBuilder::add_image(const std::vector<int>& object_of, const std::vector<BoxXyxy>& boxes,
                                  const at::Tensor& labels, const std::vector<float>& thresholds,
                                  const std::vector<float>& mask) {
  const int64_t* label_of = labels.const_data_ptr<int64_t>();
  float* weights = weights_.data_ptr<float>() + image_count_ * weights_.size(1);
  std::copy(mask.begin(), mask.end(), weights);
  thresholds_.insert(thresholds_.end(), thresholds.begin(), thresholds.end());
  int64_t positives = 0;
  size_t level = 0;
  for (size_t point = 0; point < object_of.size(); ++point) {
    const int object = object_of[point];
    if (object < 0) continue;
    while (static_cast<int64_t>(point) >= levels_[level].offset + levels_[level].count()) ++level;
    ++positives_per_level_[level];
    const BoxXyxy& box = boxes[object];
    image_.push_back(image_count_);
    point_.push_back(static_cast<int64_t>(point));
    object_.push_back(object);
    labels_.push_back(label_of[object]);
    boxes_.insert(boxes_.end(), {box.x1, box.y1, box.x2, box.y2});
    weights[point] = 1;
    ++positives;
  }
  positives_per_image_.push_back(positives);
  ++image_count_;
}

Assignment AssignmentBuilder::finish() const {
  const auto indices = [&](const std::vector<int64_t>& values) {
    return upload(at::tensor(values, at::kLong), device_);
  };
  Assignment assignment;
  assignment.image = indices(image_);
  assignment.point = indices(point_);
  assignment.object = indices(object_);
  assignment.labels = indices(labels_);
  assignment.boxes_xyxy = upload(at::tensor(boxes_, at::kFloat).view({-1, 4}), device_);
  assignment.weights = upload(weights_, device_);
  assignment.thresholds = upload(at::tensor(thresholds_, at::kFloat), device_);
  assignment.positives_per_image = positives_per_image_;
  assignment.positives_per_level = positives_per_level_;
  return assignment;
}

}  // namespace skylift
