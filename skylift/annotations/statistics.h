// What a data set is made of: classes, sizes, shapes, density.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Counts between edges: counts[i] of values in [edges[i], edges[i+1]), the last one of values from edges.back() on.
struct Histogram {
  std::vector<double> edges;
  std::vector<int64_t> counts;

  explicit Histogram(std::vector<double> edges);
  void add(double value);  ///< values below the first edge count there
};

struct ClassStatistics {
  std::string name;
  int64_t objects = 0;                       ///< those that count: no crowds, no ignored ones
  int64_t images = 0;                        ///< with at least one of them
  int64_t small = 0, medium = 0, large = 0;  ///< COCO's sizes: area below 32^2, below 96^2, from 96^2
  int64_t truncated = 0, occluded = 0, difficult = 0;
  int64_t crowds = 0, ignored = 0;
};

struct DataStatistics {
  int64_t images = 0, images_without_objects = 0, images_without_size = 0;
  int64_t objects = 0;     ///< over all classes, as in ClassStatistics
  int64_t others = 0;      ///< objects of no class
  int64_t degenerate = 0;  ///< boxes without an area
  int64_t ignored_regions = 0;
  double ignored_share = 0;  ///< mean over the images of known size of the area that regions cover, 0..1
  std::vector<ClassStatistics> classes;
  Histogram sizes;    ///< sqrt(w*h), px
  Histogram shares;   ///< sqrt(box area / image area), in percent; images of known size only
  Histogram aspects;  ///< w / h
  Histogram density;  ///< objects in an image
  std::map<std::pair<int, int>, int64_t> image_sizes;  ///< images by (width, height)

  DataStatistics();
};

/// `set`'s sizes should be filled (fill_image_sizes); images without one are left out where it is needed.
DataStatistics data_statistics(const AnnotationSet& set);

/// Tables and histograms for a terminal.
std::string statistics_text(const DataStatistics& statistics);

/// The same numbers as JSON.
std::string statistics_json(const DataStatistics& statistics);

/// The area that boxes cover inside 0..width x 0..height, overlaps counted once.
double covered_area(const std::vector<BoxXywh>& boxes, double width, double height);

}  // namespace skylift
