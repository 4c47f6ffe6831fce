#ifdef SKYLIFT_WITH_OPENVINO
#include "skylift/infer/openvino_graph.h"

#include <openvino/opsets/opset12.hpp>

namespace skylift {
namespace {

namespace op = ov::opset12;
using Node = ov::Output<ov::Node>;

Node integers(const std::vector<int64_t>& values) {
  return op::Constant::create(ov::element::i64, {values.size()}, values);
}

/// [1,3,1,1] float.
Node by_channel(const std::array<float, 3>& values) {
  return op::Constant::create(ov::element::f32, {1, 3, 1, 1}, std::vector<float>(values.begin(), values.end()));
}

/// How much [B,3,H,W] grows at the end of each dimension.
Node padding(const Node& planes, const ov::PartialShape& network, int multiple) {
  const Node size = std::make_shared<op::ShapeOf>(planes, ov::element::i64);
  if (network[2].is_static()) {
    const Node fixed = integers({0, 0, network[2].get_length(), network[3].get_length()});
    const Node own = std::make_shared<op::Multiply>(size, integers({0, 0, 1, 1}));
    return std::make_shared<op::Subtract>(fixed, own);
  }
  const Node missing = std::make_shared<op::Negative>(size);
  return std::make_shared<op::FloorMod>(missing, integers({1, 1, multiple, multiple}));
}

}  // namespace

void take_bytes(const std::shared_ptr<ov::Model>& network, const Preprocess& preprocess) {
  const auto images = network->get_parameters().front();
  const ov::PartialShape shape = images->get_partial_shape();
  const auto bytes = std::make_shared<op::Parameter>(ov::element::u8, ov::PartialShape{shape[0], -1, -1, 3});
  const Node floats = std::make_shared<op::Convert>(bytes, ov::element::f32);
  const Node planes = std::make_shared<op::Transpose>(floats, integers({0, 3, 1, 2}));
  const Node centred = std::make_shared<op::Subtract>(planes, by_channel(preprocess.mean));
  const Node normal = std::make_shared<op::Divide>(centred, by_channel(preprocess.deviation));
  const Node zero = op::Constant::create(ov::element::f32, {}, {0.F});
  const Node padded = std::make_shared<op::Pad>(
      normal, integers({0, 0, 0, 0}), padding(normal, shape, preprocess.pad_multiple), zero, ov::op::PadMode::CONSTANT);
  images->output(0).replace(padded);
  network->replace_parameter(0, bytes);
  network->validate_nodes_and_infer_types();
}

}  // namespace skylift
#endif
