#include "skylift/teachers/class_map.h"

#include <ATen/Functions.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"

namespace skylift {
ClassMap make_class_map(const std::vector<std::string>& theirs, const std::vector<std::string>& ours,
                        const std::vector<std::string>& pairs, const std::string& teacher) {
  const auto renamed = parse_renames(pairs, theirs, "kd.teacher_classes", "the teacher");
  for (const auto& [from, to] : renamed) {
    if (!to.empty() && std::ranges::find(ours, to) == ours.end())
      throw Error("kd.teacher_classes: the data has no class '{}'{}", to, suggestion(to, ours));
  }
  ClassMap map;
  map.sources.resize(ours.size());
  std::vector<std::string> dropped, lacking;
  for (size_t i = 0; i < theirs.size(); ++i) {
    const auto found = renamed.find(theirs[i]);
    const auto place = std::ranges::find(ours, found == renamed.end() ? theirs[i] : found->second);
    if (place == ours.end()) {
      dropped.push_back(theirs[i]);
    } else {
      map.sources[static_cast<size_t>(place - ours.begin())].push_back(static_cast<int64_t>(i));
    }
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    map.sources[i].empty() ? lacking.push_back(ours[i]) : map.known.push_back(static_cast<int64_t>(i));
  }
  if (map.known.empty()) {
    throw Error(
        "{}: no class in common: the teacher finds {}, the data names {} (hint: --teacher-classes FROM=TO says which "
        "of the teacher's is which of the data's)",
        teacher, fmt::join(theirs, ", "), fmt::join(ours, ", "));
  }
  if (!lacking.empty())
    log_warning(
        "{}: does not know {}: learned from the labels alone (--teacher-classes FROM=TO names what stands for "
        "them)",
        teacher, fmt::join(lacking, ", "));
  if (!dropped.empty()) {
    const size_t shown = std::min<size_t>(dropped.size(), 8);
    const std::vector<std::string> first(dropped.begin(), dropped.begin() + static_cast<std::ptrdiff_t>(shown));
    log_info("{}: {} of its classes are none of the data's: {}{}", teacher, dropped.size(), fmt::join(first, ", "),
             dropped.size() > shown ? ", ..." : "");
  }
  return map;
}

at::Tensor mapped_scores(const at::Tensor& scores, const ClassMap& map) {
  std::vector<at::Tensor> channels;
  for (const std::vector<int64_t>& sources : map.sources) {
    if (sources.empty()) {
      channels.push_back(at::zeros_like(scores.select(1, 0)));
      continue;
    }
    const at::Tensor which = at::tensor(sources, at::TensorOptions(at::kLong).device(scores.device()));
    channels.push_back(scores.index_select(1, which).amax(1));
  }
  return at::stack(channels, 1);
}

at::Tensor known_classes(const ClassMap& map) {
  if (map.known.size() == map.sources.size()) return {};
  return at::tensor(map.known, at::kLong);
}

}  // namespace skylift
