#include "skylift/train/learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "skylift/train/checkpoint.h"

namespace skylift {
namespace {

std::shared_ptr<Detector> placed(std::shared_ptr<Detector> detector, const ComputeDevice& compute) {
  place(*detector, compute);
  return detector;
}

std::unique_ptr<Distiller> make_distiller(Detector& student, Detector* teacher, const RunOptions& options,
                                          const ComputeDevice& compute) {
  if (!teacher) return nullptr;
  auto distiller = std::make_unique<Distiller>(options.kd, student, *teacher, options.assign);
  place(*distiller, compute);
  return distiller;
}

NamedParameters trained_parameters(const Detector& student, const Distiller* distiller) {
  NamedParameters parameters;
  for (const auto& entry : student.named_parameters()) parameters.emplace_back(entry.key(), entry.value());
  if (distiller) {
    for (const auto& entry : distiller->named_parameters())
      parameters.emplace_back("distiller." + entry.key(), entry.value());
  }
  return parameters;
}

}  // namespace

Learner::Learner(std::shared_ptr<Detector> student, Detector* teacher, const RunOptions& options,
                 const ComputeDevice& compute)
    : student_(placed(std::move(student), compute)),
      distiller_(make_distiller(*student_, teacher, options, compute)),
      optimizer_(options.train.optimizer, trained_parameters(*student_, distiller_.get()), options.train.batch_size) {
  if (options.train.ema.decay > 0) {
    average_.emplace(*student_, options.train.ema.decay);
    place(*average_->detector(), compute);
  }
}

double Learner::update(double lr_factor, int64_t step) {
  optimizer_.set_factor(lr_factor);
  const double gradient_norm = optimizer_.step();
  if (average_) average_->update(*student_, step);
  return gradient_norm;
}

std::vector<NamedTensor> Learner::state() const {
  std::vector<NamedTensor> state;
  append_prefixed(state, "student.", named_state(*student_));
  if (average_) append_prefixed(state, "ema.", named_state(*average_->detector()));
  if (distiller_) append_prefixed(state, "distiller.", named_state(*distiller_));
  for (const auto& [name, tensor] : optimizer_.state()) state.push_back({name, tensor});
  state.push_back({"random.cpu", at::detail::getDefaultCPUGenerator().get_state()});
  return state;
}

void Learner::load_state(const std::vector<NamedTensor>& state, const std::string& where) {
  skylift::load_state(*student_, with_prefix(state, "student."), where);
  if (average_) skylift::load_state(*average_->detector(), with_prefix(state, "ema."), where);
  if (distiller_) skylift::load_state(*distiller_, with_prefix(state, "distiller."), where);
  NamedParameters moments;
  for (const NamedTensor& entry : state) moments.emplace_back(entry.name, entry.tensor);
  optimizer_.load_state(moments);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  for (const NamedTensor& entry : with_prefix(state, "random.cpu")) generator.set_state(entry.tensor);
}

}  // namespace skylift
