#include "skylift/models/timm_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr std::string_view list = "blocks.";

/// "blocks.2.1.conv_pw.weight" -> stage 2, block 1, "conv_pw.weight".
struct Place {
  int stage = 0, block = 0;
  std::string rest;
};

Place place_of(const std::string& name) {
  Place place;
  char* end = nullptr;
  place.stage = static_cast<int>(std::strtol(name.c_str() + list.size(), &end, 10));
  if (*end == '.') place.block = static_cast<int>(std::strtol(end + 1, &end, 10));
  if (*end == '.') place.rest = end + 1;
  return place;
}

/// How many blocks each stage has.
std::vector<int> counts_of(const ForeignFile& file) {
  std::map<int, int> counts;
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.starts_with(list)) continue;
    const Place place = place_of(name);
    counts[place.stage] = std::max(counts[place.stage], place.block + 1);
  }
  std::vector<int> all;
  for (const auto& [stage, count] : counts) all.push_back(count);
  return all;
}

using Renames = std::vector<std::pair<std::string, std::string>>;

/// The layers of a block in their order; one without expansion lacks the first.
const Renames wide_to_lite = {{"conv_pw.", "_expand_conv."},    {"bn1.", "_bn0."},
                              {"conv_dw.", "_depthwise_conv."}, {"bn2.", "_bn1."},
                              {"conv_pwl.", "_project_conv."},  {"bn3.", "_bn2."}};
const Renames plain_to_lite = {
    {"conv_dw.", "_depthwise_conv."}, {"bn1.", "_bn1."}, {"conv_pw.", "_project_conv."}, {"bn2.", "_bn2."}};
const Renames wide_to_mobile = {{"conv_pw.", "conv.0.0."}, {"bn1.", "conv.0.1."},    {"conv_dw.", "conv.1.0."},
                                {"bn2.", "conv.1.1."},     {"conv_pwl.", "conv.2."}, {"bn3.", "conv.3."}};
const Renames plain_to_mobile = {
    {"conv_dw.", "conv.0.0."}, {"bn1.", "conv.0.1."}, {"conv_pw.", "conv.1."}, {"bn2.", "conv.2."}};
const Renames outside_to_lite = {
    {"conv_stem.", "_conv_stem."}, {"bn1.", "_bn0."}, {"conv_head.", "_conv_head."}, {"bn2.", "_bn1."}};
const Renames outside_to_mobile = {{"conv_stem.", "features.0.0."},
                                   {"bn1.", "features.0.1."},
                                   {"conv_head.", "features.18.0."},
                                   {"bn2.", "features.18.1."}};

std::string renamed(const std::string& name, const Renames& renames) {
  for (const auto& [from, to] : renames) {
    if (name.starts_with(from)) return to + name.substr(from.size());
  }
  return name;
}

}  // namespace

void rename_from_timm(ForeignFile& file) {
  if (!file.find("conv_stem.weight") || !file.find("blocks.0.0.conv_dw.weight")) return;
  const std::vector<int> counts = counts_of(file);
  const bool mobile = counts == std::vector{1, 2, 3, 4, 3, 3, 1};
  const bool lite = counts == std::vector{1, 2, 2, 3, 3, 4, 1} || counts == std::vector{1, 3, 3, 4, 4, 5, 1};
  const bool excited =
      std::ranges::any_of(file.tensors, [](const auto& named) { return named.name.find(".se.") != std::string::npos; });
  if (excited || (!mobile && !lite)) {
    throw Error("{}: timm's network of {} blocks a stage{}, expected tf_efficientnet_lite0, 1, 2 or mobilenetv2_100",
                file.path.string(), fmt::join(counts, ", "), excited ? " with squeeze-excite" : "");
  }
  std::set<std::pair<int, int>> wide;
  for (const auto& [name, tensor] : file.tensors) {
    const Place place = name.starts_with(list) ? place_of(name) : Place();
    if (place.rest == "conv_pwl.weight") wide.insert({place.stage, place.block});
  }
  for (auto& [name, tensor] : file.tensors) {
    if (!name.starts_with(list)) {
      name = renamed(name, mobile ? outside_to_mobile : outside_to_lite);
      continue;
    }
    const Place place = place_of(name);
    int number = place.block + (mobile ? 1 : 0);  // torchvision's list begins with the stem
    for (int stage = 0; stage < place.stage; ++stage) number += counts.at(static_cast<size_t>(stage));
    const Renames& inner = wide.contains({place.stage, place.block}) ? (mobile ? wide_to_mobile : wide_to_lite)
                                                                     : (mobile ? plain_to_mobile : plain_to_lite);
    name = fmt::format("{}.{}.{}", mobile ? "features" : "_blocks", number, renamed(place.rest, inner));
  }
  file.timm = true;
}

}  // namespace skylift
