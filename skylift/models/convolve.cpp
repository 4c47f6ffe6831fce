#include "skylift/models/convolve.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <optional>
#include <variant>

#include "skylift/models/depthwise_gradient.h"

namespace skylift {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using ConvOptions = torch::nn::detail::ConvNdOptions<2>;

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bw");
#else
  return true;  // as far as is known here
#endif
}

/// A copy costs one pass over both maps, the gradient in * out products a pixel: the narrow ones are better left alone.
bool wide(const ConvOptions& conv) {
  const int64_t in = conv.in_channels(), out = conv.out_channels();
  return conv.groups() == 1 && conv.kernel_size()->at(0) > 1 && in * out >= 16 * (in + out);
}

bool wide_depthwise(const ConvOptions& conv) {
  return conv.groups() > 1 && conv.groups() == conv.in_channels() && conv.groups() == conv.out_channels() &&
         conv.kernel_size()->at(0) >= 5;
}

/// What Convolution can do.
bool is_plain(const ConvOptions& conv) {
  const auto square = [](const torch::ExpandingArray<2>& sides) { return sides->at(0) == sides->at(1); };
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&conv.padding());
  return padding && square(*padding) && square(conv.kernel_size()) && square(conv.stride()) &&
         conv.dilation()->at(0) == 1 && conv.dilation()->at(1) == 1 &&
         std::holds_alternative<torch::enumtype::kZeros>(conv.padding_mode());
}

/// Whether oneDNN is slow at this convolution's weight gradient where tensors are as these.
bool is_slow(const torch::nn::Conv2dImpl& conv, const at::Tensor& input) {
  return input.is_cpu() && input.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU) &&
         input.suggest_memory_format() == c10::MemoryFormat::ChannelsLast && at::GradMode::is_enabled() &&
         conv.weight.requires_grad() && is_plain(conv.options) &&
         (wide_depthwise(conv.options) || (!has_avx512() && wide(conv.options)));
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, int64_t stride, int64_t padding, int64_t groups) {
    context->save_for_backward({input, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["groups"] = groups;
    context->saved_data["biased"] = bias.has_value();
    return at::conv2d(input, weight, bias, stride, padding, 1, groups);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1], &gradient = gradients[0];
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt(),
                  groups = context->saved_data["groups"].toInt();
    const bool biased = context->saved_data["biased"].toBool();
    const auto part = [&](c10::MemoryFormat format, std::array<bool, 3> wanted) {
      return at::convolution_backward(gradient.contiguous(format), input.contiguous(format), weight.contiguous(format),
                                      weight.size(0), {stride, stride}, {padding, padding}, {1, 1},
                                      /*transposed=*/false, {0, 0}, groups, wanted);
    };
    at::Tensor of_input, of_weight, of_bias;
    if (context->needs_input_grad(0))
      of_input = std::get<0>(part(c10::MemoryFormat::ChannelsLast, {true, false, false}));
    if (groups > 1) {
      of_weight = depthwise_weight_gradient(input, gradient, weight.size(2), stride, padding);
      if (biased) of_bias = gradient.sum({0, 2, 3});
    } else {
      std::tie(std::ignore, of_weight, of_bias) = part(c10::MemoryFormat::Contiguous, {false, true, biased});
    }
    return {of_input, of_weight.contiguous(weight.suggest_memory_format()), of_bias, {}, {}, {}};
  }
};

}  // namespace

at::Tensor convolve(torch::nn::Conv2dImpl& conv, const at::Tensor& input) {
  if (!is_slow(conv, input)) return conv.forward(input);
  const auto bias = conv.bias.defined() ? std::optional(conv.bias) : std::nullopt;
  return Convolution::apply(input, conv.weight, bias, conv.options.stride()->at(0),
                            std::get<0>(conv.options.padding())->at(0), conv.options.groups());
}

}  // namespace skylift
