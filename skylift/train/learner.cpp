#include "skylift/train/learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/core.h>

#include <algorithm>

#include "skylift/dist/processes.h"
#include "skylift/train/checkpoint.h"

namespace skylift {
namespace {

std::shared_ptr<Detector> placed(std::shared_ptr<Detector> detector, const ComputeDevice& compute) {
  place(*detector, compute);
  return detector;
}

std::unique_ptr<Distiller> make_distiller(Detector& student, const TeacherNetwork* teacher, const RunOptions& options,
                                          const ComputeDevice& compute) {
  if (!teacher) return nullptr;
  auto distiller =
      std::make_unique<Distiller>(options.kd, student, teacher->shape(), teacher->detector(), options.assign);
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

std::vector<at::Tensor> tensors_of(const NamedParameters& parameters) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters) tensors.push_back(tensor);
  return tensors;
}

/// What random numbers come from, by name.
std::vector<std::pair<std::string, at::Generator>> generators(c10::Device device) {
  std::vector<std::pair<std::string, at::Generator>> found = {{"random.cpu", at::detail::getDefaultCPUGenerator()}};
  if (device.is_cuda()) found.emplace_back("random.cuda", at::globalContext().defaultGenerator(device));
  return found;
}

std::string of_rank(const std::string& name, size_t rank) {
  return rank == 0 ? name : fmt::format("{}@{}", name, rank);
}

at::Tensor bytes_of(const std::string& text) {
  return at::from_blob(const_cast<char*>(text.data()), {static_cast<int64_t>(text.size())}, at::kByte).clone();
}

/// Every process has its own.
void append_generators(std::vector<NamedTensor>& state, c10::Device device) {
  for (const auto& [name, generator] : generators(device)) {
    const at::Tensor own = generator.get_state();
    const auto all = texts_of_processes({static_cast<const char*>(own.const_data_ptr()), own.nbytes()});
    for (size_t rank = 0; rank < all.size(); ++rank) state.push_back({of_rank(name, rank), bytes_of(all[rank])});
  }
}

void load_generators(const std::vector<NamedTensor>& state, c10::Device device) {
  for (auto& [name, generator] : generators(device)) {
    for (const std::string& wanted : {name, of_rank(name, static_cast<size_t>(process_rank()))}) {
      const auto found = std::ranges::find(state, wanted, &NamedTensor::name);
      if (found != state.end()) generator.set_state(found->tensor);
    }
  }
}

void append_tensors(const torch::nn::Module& module, std::vector<at::Tensor>& tensors) {
  for (const NamedTensor& named : named_state(module)) tensors.push_back(named.tensor);
}

}  // namespace

Learner::Learner(std::shared_ptr<Detector> student, const TeacherNetwork* teacher, const RunOptions& options,
                 const ComputeDevice& compute, int64_t images_a_step)
    : student_(placed(std::move(student), compute)),
      distiller_(make_distiller(*student_, teacher, options, compute)),
      optimizer_(options.train.optimizer, trained_parameters(*student_, distiller_.get()), images_a_step),
      buckets_(tensors_of(trained_parameters(*student_, distiller_.get()))),
      device_(compute.device) {
  student_->backbone().recompute(options.train.recompute);
  if (options.train.ema.decay > 0) {
    average_.emplace(*student_, options.train.ema.decay);
    place(*average_->detector(), compute);
  }
}

void Learner::backward(const at::Tensor& loss, bool last) {
  if (last) buckets_.begin();
  loss.backward();
  if (last) buckets_.finish();
}

void Learner::follow_first() {
  std::vector<at::Tensor> tensors;
  append_tensors(*student_, tensors);
  if (average_) append_tensors(*average_->detector(), tensors);
  if (distiller_) append_tensors(*distiller_, tensors);
  copy_from_first(tensors);
}

double Learner::update(double lr_factor, int64_t step) {
  optimizer_.set_factor(lr_factor);
  const double gradient_norm = optimizer_.step();
  if (average_) average_->update(*student_, step);
  return gradient_norm;
}

/// What is saved under which name; a run without an average or a distiller has none of theirs.
std::vector<std::pair<std::string, torch::nn::Module*>> Learner::saved_modules() const {
  std::vector<std::pair<std::string, torch::nn::Module*>> modules = {{"student.", student_.get()}};
  if (average_) modules.emplace_back("ema.", average_->detector().get());
  if (distiller_) modules.emplace_back("distiller.", distiller_.get());
  return modules;
}

std::vector<NamedTensor> Learner::state() const {
  std::vector<NamedTensor> state;
  for (const auto& [prefix, module] : saved_modules()) append_prefixed(state, prefix, named_state(*module));
  for (const auto& [name, tensor] : optimizer_.state()) state.push_back({name, tensor});
  append_generators(state, device_);
  return state;
}

void Learner::load_state(const std::vector<NamedTensor>& state, const std::string& where) {
  for (const auto& [prefix, module] : saved_modules()) skylift::load_state(*module, with_prefix(state, prefix), where);
  NamedParameters moments;
  for (const NamedTensor& entry : state) moments.emplace_back(entry.name, entry.tensor);
  optimizer_.load_state(moments);
  load_generators(state, device_);
}

}  // namespace skylift
