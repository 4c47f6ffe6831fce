#include "skylift/kd/features.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>

#include "skylift/boxes/in_float.h"
#include "skylift/core/log.h"

namespace skylift {

namespace {

/// As they are: in bf16 where the network computes so.
std::vector<at::Tensor> feature_maps(const DenseOutput& output) {
  std::vector<at::Tensor> maps;
  for (const LevelOutput& level : output.levels) maps.push_back(level.feature);
  return maps;
}

}  // namespace

std::vector<at::Tensor> pyramid_features(const DenseOutput& output) {
  std::vector<at::Tensor> maps = feature_maps(output);
  for (at::Tensor& map : maps) map = in_float(map);
  return maps;
}

at::Tensor gather_features(const PointGather& gather, const DenseOutput& output) {
  return gather(feature_maps(output));
}

ChannelAdapters::ChannelAdapters(const std::string& method, int student_channels, int teacher_channels, size_t levels) {
  convolutions_ = register_module("convolutions", torch::nn::ModuleList());
  if (student_channels == teacher_channels) return;
  for (size_t i = 0; i < levels; ++i) {
    torch::nn::Conv2d convolution(torch::nn::Conv2dOptions(student_channels, teacher_channels, 1));
    torch::nn::init::kaiming_normal_(convolution->weight, 0, torch::kFanIn, torch::kLinear);
    torch::nn::init::zeros_(convolution->bias);
    convolutions_->push_back(convolution);
  }
  log_info("kd '{}': 1x1 adapters from the student's {} to the teacher's {} channels are trained beside the student",
           method, student_channels, teacher_channels);
}

std::vector<at::Tensor> ChannelAdapters::operator()(const std::vector<at::Tensor>& maps) {
  if (convolutions_->is_empty()) return maps;
  std::vector<at::Tensor> adapted;
  for (size_t i = 0; i < maps.size(); ++i)
    adapted.push_back(convolutions_->at<torch::nn::Conv2dImpl>(i).forward(maps[i]));
  return adapted;
}

at::Tensor ChannelAdapters::at_points(const PointGather& gather, const DenseOutput& output) {
  if (convolutions_->is_empty()) return gather_features(gather, output);
  size_t level = 0;
  return gather(feature_maps(output), [&](const at::Tensor& rows) {
    const auto& convolution = convolutions_->at<torch::nn::Conv2dImpl>(level++);
    return at::linear(rows, convolution.weight.flatten(1), convolution.bias);
  });
}

std::shared_ptr<ChannelAdapters> pyramid_adapters(const std::string& method, const MethodContext& context) {
  return std::make_shared<ChannelAdapters>(method, context.student.channels, context.teacher.channels,
                                           context.student.strides.size());
}

std::vector<at::Tensor> adapted_features(DistillStep& step, ChannelAdapters& adapters) {
  return adapters(pyramid_features(step.inputs.student));
}

at::Tensor squared_errors(DistillStep& step, const std::string& region, const std::vector<at::Tensor>& student,
                          const std::vector<at::Tensor>& teacher) {
  const PointGather& gather = step.regions.gather(region);
  return (gather(student) - gather(teacher).detach()).square().mean(1);
}

}  // namespace skylift
