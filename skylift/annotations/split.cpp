#include "skylift/annotations/split.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "skylift/annotations/image_finder.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/rng.h"

namespace skylift {
namespace {

/// Of each image; where all are of one sequence each image is one.
std::vector<std::string> sequences_of(const AnnotationSet& set) {
  const std::vector<std::string> files = without_common_folders(image_files(set));
  std::vector<std::string> names;
  for (const std::string& file : files) names.push_back(sequence_name(file));
  if (names.size() < 2 || std::ranges::adjacent_find(names, std::not_equal_to<>()) != names.end()) return names;
  log_warning("split: {}: nothing tells sequences of its {} images apart: each is drawn by itself", set.source.string(),
              names.size());
  return files;
}

std::set<std::string> draw_sequences(const std::vector<std::string>& sequences, double share, uint64_t seed) {
  std::map<std::string, size_t> sizes;
  for (const auto& name : sequences) ++sizes[name];
  std::vector<std::pair<std::string, size_t>> order(sizes.begin(), sizes.end());
  Rng rng(seed);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(rng.index(static_cast<int64_t>(i)))]);
  }
  const double wanted = share * static_cast<double>(sequences.size());
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

std::string sequence_name(const std::filesystem::path& file) {
  if (file.has_parent_path()) return file.parent_path().string();
  const std::string stem = file.stem().string();
  return stem.substr(0, stem.find('_'));
}

SplitSet split_by_sequence(const AnnotationSet& set, double share, uint64_t seed) {
  if (!(share > 0 && share < 1)) throw Error("split: got a share of {}, expected a number between 0 and 1", share);
  const std::vector<std::string> sequences = sequences_of(set);
  const std::set<std::string> drawn = draw_sequences(sequences, share, seed);
  SplitSet parts{set, set};
  parts.fit.images.clear();
  parts.tune.images.clear();
  for (size_t i = 0; i < sequences.size(); ++i)
    (drawn.contains(sequences[i]) ? parts.tune : parts.fit).images.push_back(set.images[i]);
  if (parts.tune.images.empty() || parts.fit.images.empty()) {
    throw Error("split: {}: none of the {} sequences of its {} images fits a share of {}", set.source.string(),
                std::set(sequences.begin(), sequences.end()).size(), set.images.size(), share);
  }
  return parts;
}

}  // namespace skylift
