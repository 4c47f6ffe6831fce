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
  return {detector.class_count(), options.head.reg_max,  options.neck.channels,
          options.neck.strides(), options.head.channels, options.head.depth};
}

MethodPtr function_method(std::function<void(DistillStep&)> add_terms) {
  return std::make_shared<FunctionMethod>(std::move(add_terms));
}

}  // namespace skylift
