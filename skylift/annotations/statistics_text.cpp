// The printed halves of statistics.h.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "skylift/annotations/statistics.h"
#include "skylift/core/json.h"

namespace skylift {
namespace {

using Output = std::back_insert_iterator<std::string>;

double percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void print_histogram(Output out, const Histogram& histogram, std::string_view title) {
  constexpr int64_t width = 50;
  const int64_t total = std::accumulate(histogram.counts.begin(), histogram.counts.end(), int64_t{0});
  const int64_t highest = *std::max_element(histogram.counts.begin(), histogram.counts.end());
  if (total == 0) return;
  fmt::format_to(out, "\n{}\n", title);
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    const bool last = i + 1 == histogram.counts.size();
    const std::string range = last ? fmt::format("{:g} and more", histogram.edges[i])
                                   : fmt::format("{:g} to {:g}", histogram.edges[i], histogram.edges[i + 1]);
    // Whatever is there shows at least one mark.
    const auto marks = static_cast<size_t>((histogram.counts[i] * width + highest - 1) / highest);
    fmt::format_to(out, "  {:<14}{:>9} {:>5.1f} %{}{}\n", range, histogram.counts[i],
                   percent(histogram.counts[i], total), marks > 0 ? "  " : "", std::string(marks, '#'));
  }
}

void print_classes(Output out, const DataStatistics& s) {
  size_t width = 5;
  for (const auto& c : s.classes) width = std::max(width, c.name.size());
  fmt::format_to(out, "\n{:<{}} {:>9} {:>6} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}\n", "class", width,
                 "objects", "%", "images", "small %", "medium%", "large %", "trunc.%", "occl. %", "diffic.", "ignored",
                 "crowds");
  for (const auto& c : s.classes) {
    fmt::format_to(out, "{:<{}} {:>9} {:>6.1f} {:>8} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7.1f} {:>7} {:>7} {:>7}\n",
                   c.name, width, c.objects, percent(c.objects, s.objects), c.images, percent(c.small, c.objects),
                   percent(c.medium, c.objects), percent(c.large, c.objects), percent(c.truncated, c.objects),
                   percent(c.occluded, c.objects), c.difficult, c.ignored, c.crowds);
  }
}

void print_image_sizes(Output out, const DataStatistics& s) {
  std::vector<std::pair<int64_t, std::pair<int, int>>> sizes;
  for (const auto& [size, count] : s.image_sizes) sizes.push_back({count, size});
  std::sort(sizes.rbegin(), sizes.rend());
  fmt::format_to(out, "\nimage sizes ({} different)\n", sizes.size());
  constexpr size_t shown = 8;
  for (size_t i = 0; i < std::min(shown, sizes.size()); ++i) {
    const auto& [count, size] = sizes[i];
    fmt::format_to(out, "  {:<14}{:>9} {:>5.1f} %\n", fmt::format("{} x {}", size.first, size.second), count,
                   percent(count, s.images));
  }
  if (sizes.size() > shown) fmt::format_to(out, "  and {} more\n", sizes.size() - shown);
  if (s.images_without_size > 0) fmt::format_to(out, "  {:<14}{:>9}\n", "not known", s.images_without_size);
}

nlohmann::ordered_json histogram_json(const Histogram& histogram) {
  return {{"edges", histogram.edges}, {"counts", histogram.counts}};
}

}  // namespace

std::string statistics_text(const DataStatistics& s) {
  std::string text;
  const Output out = std::back_inserter(text);
  const double mean = s.images > 0 ? static_cast<double>(s.objects) / static_cast<double>(s.images) : 0;
  fmt::format_to(out, "{} images ({} without objects), {} objects, {:.1f} an image\n", s.images,
                 s.images_without_objects, s.objects, mean);
  fmt::format_to(out,
                 "{} ignored regions, which cover {:.2f} % of an image on average; {} objects of no class; {} boxes "
                 "without an area\n",
                 s.ignored_regions, 100 * s.ignored_share, s.others, s.degenerate);
  print_classes(out, s);
  print_histogram(out, s.sizes, "box size: square root of the area, px");
  print_histogram(out, s.shares, "box size next to its image: square root of the share of the area, %");
  print_histogram(out, s.aspects, "box aspect: width / height");
  print_histogram(out, s.density, "objects in an image");
  print_image_sizes(out, s);
  return text;
}

std::string statistics_json(const DataStatistics& s) {
  nlohmann::ordered_json json = {{"images", s.images},
                                 {"images_without_objects", s.images_without_objects},
                                 {"images_without_size", s.images_without_size},
                                 {"objects", s.objects},
                                 {"others", s.others},
                                 {"degenerate", s.degenerate},
                                 {"ignored_regions", s.ignored_regions},
                                 {"ignored_share", s.ignored_share},
                                 {"per_class", nlohmann::ordered_json::object()},
                                 {"size_px", histogram_json(s.sizes)},
                                 {"size_share_percent", histogram_json(s.shares)},
                                 {"aspect", histogram_json(s.aspects)},
                                 {"objects_per_image", histogram_json(s.density)},
                                 {"image_sizes", nlohmann::ordered_json::array()}};
  for (const auto& c : s.classes) {
    json["per_class"][c.name] = {{"objects", c.objects},   {"images", c.images},       {"small", c.small},
                                 {"medium", c.medium},     {"large", c.large},         {"truncated", c.truncated},
                                 {"occluded", c.occluded}, {"difficult", c.difficult}, {"crowds", c.crowds},
                                 {"ignored", c.ignored}};
  }
  for (const auto& [size, count] : s.image_sizes) {
    json["image_sizes"].push_back({{"width", size.first}, {"height", size.second}, {"images", count}});
  }
  return dump_json(json, 2) + "\n";
}

}  // namespace skylift
