#include "skylift/kd/method.h"

#include "skylift/dist/processes.h"

namespace skylift {
namespace {

class FunctionMethod final : public DistillMethod {
 public:
  explicit FunctionMethod(std::function<void(DistillStep&)> add_terms) : add_terms_(std::move(add_terms)) {}
  void add_terms(DistillStep& step) override { add_terms_(step); }

 private:
  std::function<void(DistillStep&)> add_terms_;
};

}  // namespace

double DistillStep::image_count() const { return static_cast<double>(inputs.batch.targets.size()) * process_count(); }

ModelShape model_shape(const Detector& detector) {
  const ModelOptions& options = detector.options();
  ModelShape shape{detector.class_count(), options.head.reg_max, options.neck.channels, {},
                   options.head.channels,  options.head.depth};
  for (int level = options.neck.first_level; level <= options.neck.last_level; ++level)
    shape.strides.push_back(1 << level);
  return shape;
}

MethodPtr function_method(std::function<void(DistillStep&)> add_terms) {
  return std::make_shared<FunctionMethod>(std::move(add_terms));
}

}  // namespace skylift
