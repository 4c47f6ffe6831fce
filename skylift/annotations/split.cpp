#include "skylift/annotations/split.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/rng.h"

namespace skylift {
namespace {

std::set<std::string> draw_sequences(const AnnotationSet& set, double share, uint64_t seed) {
  std::map<std::string, size_t> sizes;
  for (const auto& image : set.images) ++sizes[sequence_name(image)];
  std::vector<std::pair<std::string, size_t>> order(sizes.begin(), sizes.end());
  Rng rng(seed);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(rng.index(static_cast<int64_t>(i)))]);
  }
  const double wanted = share * static_cast<double>(set.images.size());
  std::set<std::string> drawn;
  size_t images = 0;
  for (const auto& [name, size] : order) {
    if (static_cast<double>(images + size) > wanted + 0.5) continue;
    drawn.insert(name);
    images += size;
  }
  return drawn;
}

}  // namespace

std::string sequence_name(const ImageRecord& image) {
  const std::filesystem::path file(image.file);
  if (file.has_parent_path()) return file.parent_path().string();
  const std::string stem = file.stem().string();
  return stem.substr(0, stem.find('_'));
}

SplitSet split_by_sequence(const AnnotationSet& set, double share, uint64_t seed) {
  if (!(share > 0 && share < 1)) throw Error("split: got a share of {}, expected a number between 0 and 1", share);
  const std::set<std::string> drawn = draw_sequences(set, share, seed);
  SplitSet parts{set, set};
  parts.fit.images.clear();
  parts.tune.images.clear();
  for (const auto& image : set.images) {
    (drawn.count(sequence_name(image)) > 0 ? parts.tune : parts.fit).images.push_back(image);
  }
  if (parts.tune.images.empty() || parts.fit.images.empty()) {
    throw Error("split: {}: no sequence of its {} images fits a share of {} (hint: a larger share)",
                set.source.string(), set.images.size(), share);
  }
  return parts;
}

}  // namespace skylift
