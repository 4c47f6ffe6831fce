#include "skylift/models/backbone_origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/image/preprocess.h"
#include "skylift/models/timm_names.h"

namespace skylift {
namespace {

struct PassedOver {
  const char* prefix;
  const char* reason;
};

constexpr PassedOver passed_over[] = {
    {"fc.", "classifier"},
    {"classifier.", "classifier"},
    {"_fc.", "classifier"},
    {"features.18.", "convolution to 1280 channels before the classifier"},
    {"_conv_head.", "convolution to 1280 channels before the classifier"},
    {"_bn1.", "convolution to 1280 channels before the classifier"},
};

using Shapes = std::map<std::string, at::Tensor>;

/// 1 + the largest number that follows `prefix`, "layer3." or "_blocks."; 0: none.
int count_of(const Shapes& tensors, const std::string& prefix) {
  int count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) count = std::max(count, 1 + std::atoi(name.c_str() + prefix.size()));
  }
  return count;
}

std::string resnet_in(const Shapes& tensors, const std::string& where) {
  const bool bottleneck = tensors.contains("layer1.0.conv3.weight");
  const int blocks = count_of(tensors, "layer3.");
  if (!bottleneck && blocks == 2) return "resnet18";
  if (!bottleneck && blocks == 6) return "resnet34";
  if (bottleneck && blocks == 6) return "resnet50";
  if (bottleneck && blocks == 23) return "resnet101";
  throw Error("{}: a ResNet whose layer3 has {} blocks {}, expected the depths 18, 34, 50 or 101", where, blocks,
              bottleneck ? "with a bottleneck" : "of two convolutions");
}

std::string lite_in(const Shapes& tensors, const std::string& where) {
  if (tensors.contains("_blocks.0._se_reduce.weight")) {
    throw Error("{}: an EfficientNet with squeeze-excite, expected EfficientNet-Lite", where);
  }
  const int blocks = count_of(tensors, "_blocks.");
  const auto last = tensors.find("_blocks." + std::to_string(blocks - 1) + "._project_conv.weight");
  const int64_t channels = last == tensors.end() ? 0 : last->second.size(0);
  if (blocks == 16 && channels == 320) return "efficientnet_lite0";
  if (blocks == 21 && channels == 320) return "efficientnet_lite1";
  if (blocks == 21 && channels == 352) return "efficientnet_lite2";
  throw Error("{}: an EfficientNet-Lite of {} blocks that ends in {} channels, expected Lite0, Lite1 or Lite2", where,
              blocks, channels);
}

NamedTensor& named(std::vector<NamedTensor>& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const auto& item) { return item.name == name; });
  if (found == tensors.end()) throw Error("tensor '{}' is absent, expected an EfficientNet-Lite", name);
  return *found;
}

/// What stands before the names of the backbones among these tensors: "", "backbone.body.", ...
std::vector<std::string> backbone_prefixes(const std::vector<NamedTensor>& tensors) {
  std::set<std::string> names;
  for (const auto& named : tensors) names.insert(named.name);
  // A stem, and what tells it from the same name within another network.
  constexpr std::pair<const char*, const char*> marks[] = {{"conv1.weight", "layer3."},
                                                           {"_conv_stem.weight", "_blocks."},
                                                           {"conv_stem.weight", "blocks.0.0.conv_dw.weight"},
                                                           {"features.0.0.weight", "features.1.conv.0.0.weight"}};
  std::vector<std::string> found;
  for (const auto& [stem, inner] : marks) {
    for (auto& prefix : prefixes_of(tensors, stem)) {
      const auto next = names.lower_bound(prefix + inner);
      if (next != names.end() && next->starts_with(prefix + inner)) found.push_back(std::move(prefix));
    }
  }
  return found;
}

}  // namespace

void enter_backbone(ForeignFile& file) {
  enter_network(file, backbone_prefixes(file.tensors));
  rename_from_timm(file);
}

std::string backbone_in(const std::vector<NamedTensor>& tensors, const std::string& prefix, const std::string& where) {
  Shapes inner;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) inner[name.substr(prefix.size())] = tensor;
  }
  if (inner.contains("conv1.weight") && count_of(inner, "layer3.") > 0) return resnet_in(inner, where);
  if (inner.contains("_conv_stem.weight")) return lite_in(inner, where);
  if (inner.contains("features.0.0.weight") && inner.contains("features.1.conv.0.0.weight")) return "mobilenet_v2";
  throw Error(
      "{}: no backbone among its {} tensors{}, expected a ResNet or MobileNetV2 with torchvision's names, or an "
      "EfficientNet-Lite",
      where, tensors.size(), tensors.empty() ? "" : " ('" + tensors.front().name + "', ...)");
}

std::optional<std::string> reason_to_pass_over(const std::string& name) {
  if (name.ends_with("num_batches_tracked")) return "step counter";
  for (const auto& [prefix, reason] : passed_over) {
    if (name.starts_with(prefix)) return reason;
  }
  return std::nullopt;
}

bool needs_lite_normalisation(const ForeignFile& file) {
  return file.find("_conv_stem.weight") != nullptr && !file.texts.contains(backbone_key);
}

std::string fold_lite_normalisation(std::vector<NamedTensor>& tensors, bool timm) {
  const double lite_mean = timm ? 127.5 : 127, lite_deviation = timm ? 127.5 : 128;
  const Preprocess ours;
  at::Tensor& weight = named(tensors, "_conv_stem.weight").tensor;
  at::Tensor& mean = named(tensors, "_bn0.running_mean").tensor;
  if (weight.dim() != 4 || weight.size(1) != 3 || mean.dim() != 1 || mean.size(0) != weight.size(0)) {
    throw Error("tensor '_conv_stem.weight' or '_bn0.running_mean' has an unexpected shape");
  }
  at::Tensor scale = at::empty({1, 3, 1, 1}, at::kDouble), shift = at::empty({1, 3, 1, 1}, at::kDouble);
  for (int64_t channel = 0; channel < 3; ++channel) {
    const auto c = static_cast<size_t>(channel);
    scale[0][channel].fill_(ours.deviation[c] / lite_deviation);
    shift[0][channel].fill_((ours.mean[c] - lite_mean) / lite_deviation);
  }
  const at::Tensor exact = weight.to(at::kDouble);
  mean = (mean.to(at::kDouble) - (exact * shift).sum({1, 2, 3})).to(mean.scalar_type());
  weight = (exact * scale).to(weight.scalar_type());
  return fmt::format(
      "the stem was changed from the origin's normalisation, (x - {:g}) / {:g}, to that of all models here{}",
      lite_mean, lite_deviation,
      timm ? "; the names are timm's, of which tf_efficientnet_lite has the padding of this network, "
             "efficientnet_lite without tf_ has not"
           : "");
}

}  // namespace skylift
