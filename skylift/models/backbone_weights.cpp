#include "skylift/models/backbone_weights.h"

#include <fmt/ranges.h>
#include <torch/utils.h>

#include <map>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/models/tensor_file.h"

namespace skylift {
namespace {

/// A part of the network may be missing, but a file with less than this share of its tensors is taken for another
/// architecture: all of ResNet-18's tensors fit into ResNet-34, where they are 56 in 100.
constexpr double least_share = 0.75;

bool passed_over(const std::string& name) { return name.starts_with("fc.") || name.ends_with("num_batches_tracked"); }

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ","));
}

void check_fits(const TensorView& view, const std::map<std::string, at::Tensor>& state,
                const std::filesystem::path& path) {
  const auto target = state.find(view.name);
  if (target == state.end()) {
    throw Error(
        "backbone.weights: {}: tensor '{}' has no place in this backbone; set backbone.name to the file's architecture",
        path.string(), view.name);
  }
  if (target->second.sizes() != at::IntArrayRef(view.shape)) {
    throw Error(
        "backbone.weights: {}: tensor '{}' has shape {}, expected {}; set backbone.name to the file's architecture",
        path.string(), view.name, shape_text(view.shape), shape_text(target->second.sizes()));
  }
}

/// Folding leaves mean 0 and variance 1 - eps in every batch norm.
bool norm_folded(const SafetensorsFile& file) {
  const TensorView *mean = file.find("bn1.running_mean"), *variance = file.find("bn1.running_var");
  if (mean == nullptr || variance == nullptr) return false;
  return to_tensor(*mean).eq(0).all().item<bool>() && to_tensor(*variance).sub(1).abs().lt(1e-4).all().item<bool>();
}

}  // namespace

std::string layer_summary(const std::vector<std::string>& names) {
  std::map<std::string, std::set<std::string>> layers;  // block -> layers in it; a layer outside of blocks has none
  for (const auto& name : names) {
    const std::string layer = name.substr(0, name.rfind('.'));
    const size_t second_dot = layer.find('.', layer.find('.') + 1);
    if (second_dot == std::string::npos) {
      layers[layer];
    } else {
      layers[layer.substr(0, second_dot)].insert(layer.substr(second_dot + 1));
    }
  }
  std::vector<std::string> parts;
  for (const auto& [block, inner] : layers) {
    parts.push_back(inner.empty() ? block : fmt::format("{} ({})", block, fmt::join(inner, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

BackboneReport load_backbone_weights(ResNet& network, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : named_state(network)) state[name] = tensor;
  BackboneReport report;
  for (const auto& view : file.tensors()) {
    if (passed_over(view.name)) continue;
    check_fits(view, state, path);
    report.matched.push_back(view.name);
  }
  for (const auto& [name, tensor] : state) {
    if (file.find(name) == nullptr) report.absent.push_back(name);
  }
  if (static_cast<double>(report.matched.size()) < least_share * static_cast<double>(state.size())) {
    throw Error(
        "backbone.weights: {}: got {} of the backbone's {} tensors ('{}' is absent); set backbone.name to the file's "
        "architecture",
        path.string(), report.matched.size(), state.size(), report.absent.front());
  }
  torch::NoGradGuard no_grad;
  for (const auto& name : report.matched) state.at(name).copy_(to_tensor(file.tensor(name)));
  report.norm_folded = norm_folded(file);
  if (!report.absent.empty()) {
    log_warning("backbone.weights: {}: {} of {} tensors are absent and start at random: {}", path.string(),
                report.absent.size(), state.size(), layer_summary(report.absent));
  }
  return report;
}

}  // namespace skylift
