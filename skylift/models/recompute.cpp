#include "skylift/models/recompute.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>
#include <vector>

namespace skylift {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Autocast as it was where the block ran: the backward pass runs outside of it, on a GPU in another thread.
struct Autocast {
  c10::DeviceType device;
  bool enabled;
  c10::ScalarType type;

  static Autocast of(c10::DeviceType device) {
    return {device, at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
  }
  void set() const {
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, type);
  }
};

class AutocastAgain {
 public:
  explicit AutocastAgain(const Autocast& then) : before_(Autocast::of(then.device)) {
    at::autocast::clear_cache();  // weights that were cast without a gradient would go on without one
    then.set();
  }
  ~AutocastAgain() {
    before_.set();
    at::autocast::clear_cache();
  }
  AutocastAgain(const AutocastAgain&) = delete;
  AutocastAgain& operator=(const AutocastAgain&) = delete;

 private:
  Autocast before_;
};

/// Puts the buffers back as they were.
class BuffersKept {
 public:
  explicit BuffersKept(std::vector<at::Tensor> buffers) : buffers_(std::move(buffers)) {
    for (const at::Tensor& buffer : buffers_) kept_.push_back(buffer.clone());
  }
  ~BuffersKept() {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(kept_[i]);
  }
  BuffersKept(const BuffersKept&) = delete;
  BuffersKept& operator=(const BuffersKept&) = delete;

 private:
  std::vector<at::Tensor> buffers_, kept_;
};

struct Call : torch::CustomClassHolder {
  std::vector<at::Tensor> buffers;
  std::function<at::Tensor(const at::Tensor&)> forward;
  Autocast autocast{c10::kCPU, false, at::kBFloat16};

  /// The block's backward pass, with its forward pass before it. What that does to the buffers is undone only then:
  /// batch norm's backward pass reads them.
  void backward(const at::Tensor& input, const at::Tensor& gradient) const {
    const BuffersKept kept(buffers);
    const at::AutoGradMode grad(true);
    at::Tensor output;
    {
      const AutocastAgain again(autocast);
      output = forward(input);
    }
    torch::autograd::backward({output}, {gradient});
  }
};

struct Recompute : torch::autograd::Function<Recompute> {
  /// `anchor` needs a gradient, so that there is a backward pass where the input (an image) needs none.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& /*anchor*/,
                            const c10::intrusive_ptr<Call>& call) {
    context->save_for_backward({input});
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    return call->forward(input);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto call = c10::static_intrusive_pointer_cast<Call>(context->saved_data["call"].toCapsule());
    const at::Tensor saved = context->get_saved_variables().front();
    const at::Tensor input = saved.detach().requires_grad_(saved.requires_grad());
    call->backward(input, gradients.front());
    return {input.grad(), {}, {}};
  }
};

bool any_needs_gradient(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (tensor.requires_grad()) return true;
  }
  return false;
}

}  // namespace

at::Tensor recomputed(torch::nn::Module& block, std::function<at::Tensor(const at::Tensor&)> forward,
                      const at::Tensor& input) {
  if (!at::GradMode::is_enabled() || (!input.requires_grad() && !any_needs_gradient(block.parameters())))
    return forward(input);
  auto call = c10::make_intrusive<Call>();
  call->buffers = block.buffers();
  call->forward = std::move(forward);
  call->autocast = Autocast::of(input.device().type());
  return Recompute::apply(input, at::empty({0}, input.options().dtype(at::kFloat)).requires_grad_(), call);
}

}  // namespace skylift
