#include "skylift/models/cost.h"

#include <algorithm>
#include <array>

#include "skylift/boxes/point_grid.h"

namespace skylift {
namespace {

const std::string backbone_prefix = "backbone.";

/// "backbone.layer1.0.conv1.weight" -> "backbone stage1".
std::string part_of(const Detector& detector, const std::string& name) {
  const auto in = [&](const std::string& prefix) { return name.starts_with(prefix); };
  if (in(backbone_prefix)) {
    const int stage = detector.backbone().stage_of(name.substr(backbone_prefix.size()));
    return stage == 0 ? "backbone stem" : "backbone stage" + std::to_string(stage);
  }
  if (in("neck.")) return "neck";
  if (in("head.cls_tower.")) return "head cls tower";
  if (in("head.reg_tower.")) return "head reg tower";
  if (in("head.lifting.")) return "head Light-ML";
  return "head predictors";
}

/// Places at which a convolution's kernel is applied, known from its name; every halving in the network rounds up.
class Cells {
 public:
  Cells(const Detector& detector, int64_t height, int64_t width)
      : detector_(detector), height_(height), width_(width) {}

  int64_t of(const std::string& name) const {
    const ModelOptions& options = detector_.options();
    if (name.starts_with(backbone_prefix)) {
      return at_level(detector_.backbone().level_of(name.substr(backbone_prefix.size())));
    }
    if (name.starts_with("neck.")) return at_level(name[name.find('.', 5) - 1] - '0');  // lateral3, output7
    if (name.starts_with("head.lifting.") && options.head.lifting.training_only) return 0;
    int64_t sum = 0;
    for (int level = options.neck.first_level; level <= options.neck.last_level; ++level) sum += at_level(level);
    return sum;
  }

 private:
  int64_t at_level(int level) const {
    const auto [rows, columns] = level_size(height_, width_, int64_t{1} << level);
    return rows * columns;
  }

  const Detector& detector_;
  int64_t height_, width_;
};

PartCost& part_named(std::vector<PartCost>& parts, const std::string& name) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.part == name; });
  if (found != parts.end()) return *found;
  return parts.emplace_back(PartCost{name});
}

}  // namespace

std::vector<PartCost> part_costs(const Detector& detector, int64_t height, int64_t width) {
  const Cells cells(detector, height, width);
  std::vector<PartCost> parts;
  for (const auto& item : detector.named_parameters()) {
    PartCost& part = part_named(parts, part_of(detector, item.key()));
    part.parameters += item.value().numel();
    if (item.value().dim() == 4) part.multiply_adds += item.value().numel() * cells.of(item.key());
  }
  // Parameters of a module's own, such as the level scales, come before those of its children.
  constexpr std::array order = {"backbone", "neck", "head cls", "head reg", "head Light", "head pred"};
  const auto place = [&](const PartCost& part) {
    return std::ranges::find_if(order, [&](const char* start) { return part.part.starts_with(start); }) - order.begin();
  };
  std::ranges::stable_sort(parts, {}, place);
  return parts;
}

PartCost total_cost(const std::vector<PartCost>& parts) {
  PartCost total{"total"};
  for (const auto& part : parts) {
    total.parameters += part.parameters;
    total.multiply_adds += part.multiply_adds;
  }
  return total;
}

PartCost lifting_cost(const Detector& detector, int64_t height, int64_t width) {
  PartCost extra{"Light-ML"};
  for (const auto& part : part_costs(detector, height, width)) {
    if (part.part == "head Light-ML") extra = {"Light-ML", part.parameters, part.multiply_adds};
  }
  return extra;
}

}  // namespace skylift
