#include "skylift/teachers/foreign_levels.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/boxes/point_grid.h"
#include "skylift/core/error.h"
#include "skylift/teachers/foreign_layout.h"

namespace skylift {
namespace {

/// Of several anchors at a cell (YOLOv5: anchor by anchor within a level) the row whose best score is highest.
at::Tensor surest_anchor(const at::Tensor& rows, const ForeignLayout& layout, int64_t height, int64_t width) {
  std::vector<at::Tensor> levels;
  int64_t begin = 0;
  for (const int stride : layout.strides) {
    const auto [h, w] = level_size(height, width, stride);
    const at::Tensor level =
        rows.narrow(1, begin, layout.anchors * h * w).reshape({rows.size(0), layout.anchors, h * w, rows.size(2)});
    begin += layout.anchors * h * w;
    at::Tensor best = level.slice(3, layout.objectness == "yes" ? 5 : 4).amax(3);
    if (layout.objectness == "yes") best = best * level.select(3, 4);
    const at::Tensor which = best.argmax(1, /*keepdim=*/true).unsqueeze(3).expand({-1, 1, -1, rows.size(2)});
    levels.push_back(level.gather(1, which).squeeze(1));
  }
  return at::cat(levels, 1);
}

/// [B,n,K] -> [B,K,H,W].
at::Tensor as_map(const at::Tensor& rows, int64_t height, int64_t width) {
  return rows.transpose(1, 2).reshape({rows.size(0), rows.size(2), height, width});
}

std::vector<ForeignLevel> split_rows(at::Tensor rows, const ForeignLayout& layout, int64_t height, int64_t width) {
  if (layout.anchors > 1) rows = surest_anchor(rows, layout, height, width);
  const bool bins = layout.boxes == "bins", objectness = layout.objectness == "yes";
  const auto classes = static_cast<int64_t>(layout.classes.size()) + (layout.scores == "softmax" ? 1 : 0);
  std::vector<ForeignLevel> levels;
  int64_t begin = 0;
  for (const int stride : layout.strides) {
    const auto [h, w] = level_size(height, width, stride);
    const at::Tensor map = as_map(rows.narrow(1, begin, h * w), h, w);
    begin += h * w;
    ForeignLevel level;
    level.cls = bins ? map.slice(1, 0, classes) : map.slice(1, objectness ? 5 : 4);
    level.box = bins ? map.slice(1, classes) : map.slice(1, 0, 4);
    if (objectness) level.objectness = map.slice(1, 4, 5);
    levels.push_back(level);
  }
  return levels;
}

/// Which of a level's maps is which: by its channels; where both could be the classes, by its name; else the first.
ForeignLevel sorted_maps(const std::vector<NamedTensor>& maps, const ForeignLayout& layout) {
  const auto classes = static_cast<int64_t>(layout.classes.size()) + (layout.scores == "softmax" ? 1 : 0);
  const int64_t sides = layout.boxes == "bins" ? int64_t{4} * (layout.reg_max + 1) : 4;
  ForeignLevel level;
  std::vector<NamedTensor> rest = maps;
  const auto take = [&](int64_t channels, std::initializer_list<const char*> names) {
    const auto fits = [&](const NamedTensor& map) { return map.tensor.size(1) == channels; };
    auto found =
        std::ranges::find_if(rest, [&](const NamedTensor& map) { return fits(map) && named_like(map.name, names); });
    if (found == rest.end()) found = std::ranges::find_if(rest, fits);
    if (found == rest.end()) return at::Tensor();
    const at::Tensor map = found->tensor;
    rest.erase(found);
    return map;
  };
  if (maps.size() == 3) level.objectness = take(1, {"obj", "center"});
  if (classes == sides) level.box = take(sides, {"box", "reg", "dis"});
  level.cls = take(classes, {"cls", "score", "conf"});
  if (!level.box.defined()) level.box = take(sides, {"box", "reg", "dis"});
  return level;
}

}  // namespace

bool named_like(const std::string& name, std::initializer_list<const char*> parts) {
  return std::ranges::any_of(parts, [&](const char* part) { return name.find(part) != std::string::npos; });
}

int64_t cell_count(int64_t height, int64_t width, const std::vector<int>& strides) {
  int64_t count = 0;
  for (const int stride : strides) {
    const auto [h, w] = level_size(height, width, stride);
    count += h * w;
  }
  return count;
}

std::optional<std::vector<std::vector<NamedTensor>>> outputs_by_level(const std::vector<NamedTensor>& outputs,
                                                                      int64_t height, int64_t width,
                                                                      const std::vector<int>& strides) {
  std::vector<std::vector<NamedTensor>> levels(strides.size());
  for (const NamedTensor& output : outputs) {
    const at::Tensor& values = output.tensor;
    bool placed = false;
    for (size_t i = 0; i < strides.size() && !placed; ++i) {
      const auto [h, w] = level_size(height, width, strides[i]);
      if (values.dim() == 4 && values.size(2) == h && values.size(3) == w) {
        levels[i].push_back(output);
        placed = true;
      } else if (values.dim() == 3 && (values.size(1) == h * w || values.size(2) == h * w)) {
        levels[i].push_back({output.name, as_map(as_rows(values, h * w), h, w)});
        placed = true;
      }
    }
    if (!placed) return std::nullopt;
  }
  const auto whole = [&](const auto& level) { return level.size() == levels.front().size() && level.size() >= 2; };
  return std::ranges::all_of(levels, whole) ? std::optional(levels) : std::nullopt;
}

at::Tensor as_rows(const at::Tensor& output, int64_t rows) {
  return output.size(1) == rows ? output : output.transpose(1, 2);
}

std::vector<ForeignLevel> foreign_levels(const std::vector<NamedTensor>& outputs, const ForeignLayout& layout,
                                         int64_t height, int64_t width, const std::string& name) {
  if (layout.kind == "rows") {
    const int64_t rows = cell_count(height, width, layout.strides) * layout.anchors;
    const at::Tensor& values = outputs.front().tensor;
    if (values.dim() != 3 || (values.size(1) != rows && values.size(2) != rows))
      throw Error("{}: got {} x {} numbers for an image of {}x{} px, expected {} rows", name, values.size(1),
                  values.dim() == 3 ? values.size(2) : 1, width, height, rows);
    return split_rows(as_rows(values, rows), layout, height, width);
  }
  const auto by_level = outputs_by_level(outputs, height, width, layout.strides);
  std::vector<ForeignLevel> levels;
  if (by_level) {
    for (const auto& maps : *by_level) levels.push_back(sorted_maps(maps, layout));
  }
  for (const ForeignLevel& level : levels) {
    if (!level.cls.defined() || !level.box.defined()) levels.clear();
  }
  if (levels.empty())
    throw Error("{}: its outputs for an image of {}x{} px are not {} classes and boxes for each level", name, width,
                height, layout.classes.size());
  return levels;
}

}  // namespace skylift
