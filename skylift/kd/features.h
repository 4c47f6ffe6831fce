// What the methods on pyramid features share: adapters, errors at a region's locations, and the size that published
// sums refer to.
#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/kd/method.h"

namespace skylift {

/// Some methods were published with sums over channels and locations, tuned for 256 channels and an image of 1333 x 800
/// (22,400 locations on strides 8..128). Our means are multiplied by these, so that published weights keep their
/// meaning and their strength no longer depends on the channels or the resolution.
constexpr double reference_channels = 256;
constexpr double reference_locations = 22400;

/// [B,K,H,W] pyramid features, one a level, in float (double stays).
std::vector<at::Tensor> pyramid_features(const DenseOutput& output);

/// One 1x1 convolution a level from the student's to the teacher's channels; nothing where they are equal.
class ChannelAdapters : public torch::nn::Module {
 public:
  /// `method`: for the log line that says that adapters are trained.
  ChannelAdapters(const std::string& method, int student_channels, int teacher_channels, size_t levels);
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& maps);

  /// [N,K] the output's features through the adapters, at these points alone: a few of all where objects are.
  at::Tensor at_points(const PointGather& gather, const DenseOutput& output);

 private:
  torch::nn::ModuleList convolutions_;  ///< empty: channels are equal
};

/// From the student's pyramid to the teacher's.
std::shared_ptr<ChannelAdapters> pyramid_adapters(const std::string& method, const MethodContext& context);

/// The student's features through the adapters.
std::vector<at::Tensor> adapted_features(DistillStep& step, ChannelAdapters& adapters);

/// [N,K] features at these points, in float (double stays).
at::Tensor gather_features(const PointGather& gather, const DenseOutput& output);

/// [N] mean over channels of the squared difference at a region's locations.
at::Tensor squared_errors(DistillStep& step, const std::string& region, const std::vector<at::Tensor>& student,
                          const std::vector<at::Tensor>& teacher);

}  // namespace skylift
