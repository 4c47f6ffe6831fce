#include "skylift/models/backbone_weights.h"

#include <fmt/ranges.h>
#include <torch/utils.h>

#include <algorithm>
#include <map>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/models/backbone_origin.h"

namespace skylift {
namespace {

/// A part of the network may be missing, but a file with less than this share of its tensors is taken for another
/// architecture: all of ResNet-18's tensors fit into ResNet-34, where they are 56 in 100.
constexpr double least_share = 0.75;

using State = std::map<std::string, at::Tensor>;

State state_of(const torch::nn::Module& network) {
  State state;
  for (const auto& [name, tensor] : named_state(network)) state[name] = tensor;
  return state;
}

/// "layer3.0.bn1.bias" -> "layer": which part of a network a tensor is of.
std::string part_of(const std::string& name) {
  const std::string first = name.substr(0, name.find('.'));
  return first.substr(0, first.find_last_not_of("0123456789") + 1);
}

/// Whether a tensor is of another part than any of the backbone's: a head, a neck, a projector beside it.
bool is_beside(const std::string& name, const State& state) {
  return std::none_of(state.begin(), state.end(), [&](const auto& own) { return part_of(own.first) == part_of(name); });
}

void check_fits(const NamedTensor& given, const State& state, const std::string& where) {
  const auto target = state.find(given.name);
  if (target == state.end()) {
    throw Error("{}: tensor '{}' has no place in this backbone; set backbone.name to the file's architecture", where,
                given.name);
  }
  if (target->second.sizes() != given.tensor.sizes()) {
    throw Error("{}: tensor '{}' has shape [{}], expected [{}]; set backbone.name to the file's architecture", where,
                given.name, fmt::join(given.tensor.sizes(), ","), fmt::join(target->second.sizes(), ","));
  }
}

/// Sorts the file's tensors into those that are the network's and those without a place.
ImportReport match(const ForeignFile& file, const State& state, const std::string& where) {
  ImportReport report;
  std::set<std::string> given;
  for (const std::string& name : file.beside) report.passed_over.push_back({name, "beside the backbone"});
  for (const auto& named : file.tensors) {
    if (const auto reason = reason_to_pass_over(named.name)) {
      report.passed_over.push_back({named.name, *reason});
      continue;
    }
    if (is_beside(named.name, state)) {
      report.passed_over.push_back({named.name, "beside the backbone"});
      continue;
    }
    check_fits(named, state, where);
    check_finite(named, where);
    report.matched.push_back({named.name, named.name});
    given.insert(named.name);
  }
  for (const auto& [name, tensor] : state) {
    if (!given.contains(name)) report.absent.push_back(name);
  }
  if (static_cast<double>(given.size()) < least_share * static_cast<double>(state.size())) {
    throw Error(
        "{}: got {} of the backbone's {} tensors ('{}' is absent); set backbone.name to the file's architecture", where,
        given.size(), state.size(), report.absent.front());
  }
  return report;
}

/// Folding leaves mean 0 and variance 1 - eps in every batch norm; the first one is looked at.
bool norm_folded(const ForeignFile& file, const torch::nn::Module& network) {
  for (const auto& named : named_state(network)) {
    if (!named.name.ends_with("running_mean")) continue;
    const at::Tensor* mean = file.find(named.name);
    const at::Tensor* variance = file.find(named.name.substr(0, named.name.size() - 4) + "var");
    return mean != nullptr && variance != nullptr && mean->eq(0).all().item<bool>() &&
           variance->sub(1).abs().lt(2e-3).all().item<bool>();
  }
  return false;
}

void check_exists(const std::filesystem::path& path, const Backbone& network, const std::string& where) {
  if (is_there(path)) return;
  std::string name = network.options().name;
  const bool lite = name.starts_with("efficientnet_lite");
  std::replace(name.begin(), name.end(), '_', '-');
  throw Error("{}: no such file (hint: {})", where,
              lite ? "scripts/fetch-weights.sh " + name + " fetches it" : "skylift import makes one from a checkpoint");
}

void check_name(const ForeignFile& file, const Backbone& network, const std::string& where) {
  const auto marked = file.texts.find(backbone_key);
  if (marked != file.texts.end() && marked->second != network.options().name) {
    throw Error("{}: holds {}, but backbone.name is {}", where, marked->second, network.options().name);
  }
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

BackboneReport load_backbone_weights(Backbone& network, const std::filesystem::path& path) {
  const std::string where = "backbone.weights: " + path.string();
  check_exists(path, network, where);
  ForeignFile file = read_foreign(path);
  enter_backbone(file);
  check_name(file, network, where);
  if (needs_lite_normalisation(file)) fold_lite_normalisation(file.tensors, file.timm);
  const State state = state_of(network);
  const ImportReport match_report = match(file, state, where);
  BackboneReport report;
  report.absent = match_report.absent;
  report.norm_folded = norm_folded(file, network);
  torch::NoGradGuard no_grad;
  for (const auto& [name, same] : match_report.matched) {
    state.at(name).copy_(*file.find(name));
    report.matched.push_back(name);
  }
  if (!report.absent.empty()) {
    log_warning("{}: {} of {} tensors are absent and start at random: {}", where, report.absent.size(), state.size(),
                layer_summary(report.absent));
  }
  return report;
}

ImportedBackbone import_backbone(const ForeignFile& file) {
  ImportedBackbone imported;
  imported.name = backbone_in(file.tensors, "", file.path.string());
  imported.report = match(file, state_of(*make_backbone({.name = imported.name})), file.path.string());
  for (const auto& [name, same] : imported.report.matched) imported.tensors.push_back({name, *file.find(name)});
  if (needs_lite_normalisation(file)) {
    imported.report.notes.push_back(fold_lite_normalisation(imported.tensors, file.timm));
  }
  return imported;
}

void write_backbone(const std::filesystem::path& path, const ImportedBackbone& backbone) {
  write_tensors(path, backbone.tensors, {{backbone_key, backbone.name}, {"format", "pt"}});
}

}  // namespace skylift
