#include "skylift/annotations/statistics.h"

#include <algorithm>
#include <cmath>

namespace skylift {
namespace {

struct Span {
  double from, to;
};

/// Length of the union of spans, which are sorted here.
double union_length(std::vector<Span>& spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
  double length = 0, end = -1;
  for (const auto& span : spans) {
    length += std::max(0.0, span.to - std::max(span.from, end));
    end = std::max(end, span.to);
  }
  return length;
}

void count_object(DataStatistics& out, const ImageRecord& image, const Object& object, std::vector<bool>& seen) {
  if (object.class_index < 0) {
    ++out.others;
    return;
  }
  const auto index = static_cast<size_t>(object.class_index);
  ClassStatistics& of_class = out.classes.at(index);
  of_class.crowds += object.crowd;
  of_class.ignored += object.ignored;
  if (object.crowd || object.ignored) return;
  ++out.objects;
  ++of_class.objects;
  of_class.images += !seen[index];
  seen[index] = true;
  of_class.truncated += object.truncation > 0;
  of_class.occluded += object.occlusion > 0;
  of_class.difficult += object.difficult;
  const BoxXywh& b = object.box;
  if (b.w <= 0 || b.h <= 0) {
    ++out.degenerate;
    return;
  }
  const double area = object.area >= 0 ? object.area : b.w * b.h;
  ++(area < 32 * 32 ? of_class.small : area < 96 * 96 ? of_class.medium : of_class.large);
  const double side = std::sqrt(b.w * b.h);
  out.sizes.add(side);
  out.aspects.add(b.w / b.h);
  if (image.width > 0 && image.height > 0)
    out.shares.add(100 * side / std::sqrt(static_cast<double>(image.width) * image.height));
}

}  // namespace

Histogram::Histogram(std::vector<double> edges_) : edges(std::move(edges_)), counts(edges.size()) {}

void Histogram::add(double value) {
  const auto after = std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
  ++counts[static_cast<size_t>(std::max<std::ptrdiff_t>(0, after - 1))];
}

DataStatistics::DataStatistics()
    : sizes({0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512}),
      shares({0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64}),
      aspects({0, 0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8}),
      density({0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {}

double covered_area(const std::vector<BoxXywh>& boxes, double width, double height) {
  std::vector<double> cuts;
  for (const auto& b : boxes) {
    cuts.push_back(std::clamp(b.x, 0.0, width));
    cuts.push_back(std::clamp(b.x + b.w, 0.0, width));
  }
  std::sort(cuts.begin(), cuts.end());
  double area = 0;
  std::vector<Span> spans;
  for (size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i] <= cuts[i - 1]) continue;
    spans.clear();
    for (const auto& b : boxes) {
      if (b.x <= cuts[i - 1] && b.x + b.w >= cuts[i])
        spans.push_back({std::clamp(b.y, 0.0, height), std::clamp(b.y + b.h, 0.0, height)});
    }
    area += (cuts[i] - cuts[i - 1]) * union_length(spans);
  }
  return area;
}

DataStatistics data_statistics(const AnnotationSet& set) {
  DataStatistics out;
  out.images = static_cast<int64_t>(set.images.size());
  for (const auto& name : set.classes) out.classes.emplace_back().name = name;
  double share_sum = 0;
  std::vector<bool> seen;
  for (const auto& image : set.images) {
    seen.assign(set.classes.size(), false);
    const int64_t before = out.objects;
    for (const auto& object : image.objects) count_object(out, image, object, seen);
    out.density.add(static_cast<double>(out.objects - before));
    out.images_without_objects += out.objects == before;
    out.ignored_regions += static_cast<int64_t>(image.ignored_regions.size());
    if (image.width <= 0 || image.height <= 0) {
      ++out.images_without_size;
      continue;
    }
    ++out.image_sizes[{image.width, image.height}];
    share_sum += covered_area(image.ignored_regions, image.width, image.height) /
                 (static_cast<double>(image.width) * image.height);
  }
  const int64_t sized = out.images - out.images_without_size;
  out.ignored_share = sized > 0 ? share_sum / static_cast<double>(sized) : 0;
  return out;
}

}  // namespace skylift
