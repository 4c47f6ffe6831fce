#include "skylift/eval/error_matching.h"

#include <algorithm>
#include <limits>

#include "skylift/eval/matching.h"

namespace skylift {
namespace {

uint8_t size_of(const BoxXywh& box) {
  const double area = box.w * box.h;
  return area <= 32 * 32 ? 0 : area <= 96 * 96 ? 1 : 2;
}

class ImageMatch {
 public:
  ImageMatch(const ImageRecord& image, const std::vector<Detection>& detections, const ErrorOptions& options)
      : image_(image), detections_(detections), options_(options), objects_(counted_objects(image)) {
    order_ = by_score(detections, -std::numeric_limits<double>::infinity());
    if (order_.size() > static_cast<size_t>(options.max_dets)) order_.resize(static_cast<size_t>(options.max_dets));
    for (const int d : order_) {
      for (const int g : objects_) overlaps_.push_back(overlap(detections[d].box, image.objects[g].box, false));
    }
    taken_.assign(objects_.size(), false);
    wanted_.assign(objects_.size(), false);
  }

  ImageErrors run() {
    std::vector<int> hit(order_.size(), -1);
    for (size_t d = 0; d < order_.size(); ++d) hit[d] = take(d);
    for (size_t d = 0; d < order_.size(); ++d) {
      if (hit[d] >= 0) {
        result_.points.push_back({.score = detection(d).score, .class_index = detection(d).class_index, .right = true});
      } else if (!is_excused(image_, detection(d), options_.match_iou, false)) {
        explain(d);
      }
    }
    for (size_t g = 0; g < objects_.size(); ++g) {
      if (!taken_[g] && !wanted_[g]) add_missed(g);
    }
    return std::move(result_);
  }

 private:
  const Detection& detection(size_t d) const { return detections_[static_cast<size_t>(order_[d])]; }
  const Object& object(size_t g) const { return image_.objects[static_cast<size_t>(objects_[g])]; }
  double overlap_of(size_t d, size_t g) const { return overlaps_[d * objects_.size() + g]; }
  bool same_class(size_t d, size_t g) const { return detection(d).class_index == object(g).class_index; }

  /// The free object of its class that the detection overlaps most, or -1.
  int take(size_t d) {
    const int g = most_overlapped(d, [&](size_t one) { return same_class(d, one) && !taken_[one]; });
    if (g < 0 || overlap_of(d, static_cast<size_t>(g)) < options_.match_iou) return -1;
    taken_[static_cast<size_t>(g)] = true;
    return g;
  }

  /// The first of the objects that fit with the largest overlap, or -1.
  template <class Fits>
  int most_overlapped(size_t d, Fits fits) const {
    int best = -1;
    for (size_t g = 0; g < objects_.size(); ++g) {
      if (fits(g) && (best < 0 || overlap_of(d, g) > overlap_of(d, static_cast<size_t>(best))))
        best = static_cast<int>(g);
    }
    return best;
  }

  double overlap_or_none(size_t d, int g) const { return g < 0 ? -1 : overlap_of(d, static_cast<size_t>(g)); }

  void explain(size_t d) {
    const double match = options_.match_iou, background = options_.background_iou;
    const int own = most_overlapped(d, [&](size_t g) { return same_class(d, g); });
    const int other = most_overlapped(d, [&](size_t g) { return !same_class(d, g); });
    const double own_overlap = overlap_or_none(d, own), other_overlap = overlap_or_none(d, other);
    if (own_overlap >= background && own_overlap <= match) {
      add(d, ErrorKind::localisation, own, true);
    } else if (other_overlap >= match) {
      add(d, ErrorKind::classification, other, true);
    } else if (own_overlap >= match) {  // it would have hit, so something else has taken the object
      add(d, ErrorKind::duplicate, own, false);
    } else if (std::max(own_overlap, other_overlap) <= background) {
      add(d, ErrorKind::background, -1, false);
    } else {
      add(d, ErrorKind::both, other_overlap >= own_overlap ? other : own, false);
    }
  }

  /// `mendable`: with another class or place the detection would hit object g, if that is free. One detection an
  /// object, the best.
  void add(size_t d, ErrorKind kind, int g, bool mendable) {
    ErrorPoint point{.score = detection(d).score, .class_index = detection(d).class_index, .kind = kind};
    point.size = size_of(detection(d).box);
    if (mendable) {
      const auto target = static_cast<size_t>(g);
      point.size = size_of(object(target).box);
      if (!taken_[target] && !wanted_[target]) {
        point.fixed_class = object(target).class_index;
        wanted_[target] = true;
      }
    }
    result_.points.push_back(point);
    result_.errors.push_back({kind, order_[d], g < 0 ? -1 : objects_[static_cast<size_t>(g)]});
  }

  void add_missed(size_t g) {
    result_.points.push_back(
        {.class_index = object(g).class_index, .kind = ErrorKind::missed, .size = size_of(object(g).box)});
    result_.errors.push_back({ErrorKind::missed, -1, objects_[g]});
  }

  const ImageRecord& image_;
  const std::vector<Detection>& detections_;
  const ErrorOptions& options_;
  std::vector<int> objects_, order_;
  std::vector<double> overlaps_;      // [detections, objects]
  std::vector<bool> taken_, wanted_;  // by object: hit; would be hit by an error once mended
  ImageErrors result_;
};

}  // namespace

namespace {

/// Neither hits nor misses.
bool is_set_aside(const Object& object) { return object.crowd || object.ignored || object.difficult; }

}  // namespace

std::vector<int> by_score(const std::vector<Detection>& detections, double least_score) {
  std::vector<int> order;
  for (size_t d = 0; d < detections.size(); ++d) {
    if (detections[d].class_index >= 0 && detections[d].score >= least_score) order.push_back(static_cast<int>(d));
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return detections[a].score > detections[b].score; });
  return order;
}

bool is_excused(const ImageRecord& image, const Detection& detection, double match_iou, bool any_class) {
  for (const auto& region : image.ignored_regions) {
    if (overlap(detection.box, region, true) > match_iou) return true;
  }
  for (const auto& object : image.objects) {
    if (!is_set_aside(object)) continue;
    const bool concerned = any_class || object.class_index == detection.class_index;
    if (concerned && overlap(detection.box, object.box, true) > match_iou) return true;
  }
  return false;
}

std::vector<int> counted_objects(const ImageRecord& image) {
  std::vector<int> objects;
  for (size_t g = 0; g < image.objects.size(); ++g) {
    const auto& object = image.objects[g];
    if (object.class_index >= 0 && !is_set_aside(object)) objects.push_back(static_cast<int>(g));
  }
  return objects;
}

ImageErrors match_errors(const ImageRecord& image, const std::vector<Detection>& detections,
                         const ErrorOptions& options) {
  return ImageMatch(image, detections, options).run();
}

}  // namespace skylift
