#include "skylift/eval/evaluation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/eval/protocols.h"

namespace skylift {
namespace {

using Evaluate = void (*)(const AnnotationSet&, const DetectionSet&, const EvalOptions&, EvalResult&);

struct Protocol {
  std::string name;
  Evaluate evaluate;
  std::vector<int> max_dets;
};

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> list = {
      {"coco", evaluate_coco, {1, 10, 100}},
      {"visdrone", evaluate_visdrone, {1, 10, 100, 500}},
      {"uavdt", evaluate_uavdt, {}},
  };
  return list;
}

const Protocol& find_protocol(const std::string& name) {
  for (const auto& protocol : protocols()) {
    if (protocol.name == name) return protocol;
  }
  throw Error("protocol: got '{}', expected one of coco, visdrone, uavdt{}", name, suggestion(name, protocol_names()));
}

std::vector<int> ascending(std::vector<int> limits) {
  std::sort(limits.begin(), limits.end());
  limits.erase(std::unique(limits.begin(), limits.end()), limits.end());
  if (!limits.empty() && limits.front() < 1) {
    throw Error("max_dets: got {}, expected numbers of detections an image, each at least 1", limits.front());
  }
  return limits;
}

}  // namespace

const std::vector<std::string>& protocol_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& protocol : protocols()) all.push_back(protocol.name);
    return all;
  }();
  return names;
}

void bind(OptionSection section, EvalOptions& options) {
  section.add("protocol", options.protocol, "whose rules the score follows", one_of(protocol_names()));
  section.add("max_dets", options.max_dets, "limits of detections an image; empty: the protocol's own", at_least(1));
  section.add("class_average", options.class_average,
              "visdrone: classes weigh by the images that contain them, or all the same",
              one_of({"image_weighted", "uniform"}));
  section.add("count_ignored_in_recall", options.count_ignored_in_recall,
              "visdrone: ignored objects stand in the recall's denominator");
  section.add("threads", options.threads, "0: one per core", at_least(0));
}

void check_detections(const AnnotationSet& truth, const DetectionSet& detections) {
  if (truth.images.size() != detections.size()) {
    throw Error(
        "detections: got lists for {} images, expected {} (one for each annotated image, empty where nothing was "
        "found)",
        detections.size(), truth.images.size());
  }
  const int classes = static_cast<int>(truth.classes.size());
  const auto check_class = [&](int index, const std::string& file, const char* what) {
    if (index < -1 || index >= classes) {
      throw Error("{}: got an {} of class index {}, expected -1..{}", file, what, index, classes - 1);
    }
  };
  for (size_t i = 0; i < detections.size(); ++i) {
    const auto& image = truth.images[i];
    for (const auto& object : image.objects) check_class(object.class_index, image.file, "object");
    for (const auto& detection : detections[i]) {
      check_class(detection.class_index, image.file, "detection");
      if (!std::isfinite(detection.score))
        throw Error("{}: got a detection with score {}, expected a number", image.file, detection.score);
    }
  }
}

EvalResult evaluate(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options) {
  const auto& protocol = find_protocol(options.protocol);
  check_detections(truth, detections);
  EvalResult result;
  result.protocol = protocol.name;
  result.images = static_cast<int64_t>(truth.images.size());
  for (const auto& list : detections) result.detections += static_cast<int64_t>(list.size());
  result.max_dets = ascending(options.max_dets.empty() ? protocol.max_dets : options.max_dets);
  protocol.evaluate(truth, detections, options, result);
  for (const auto& one : result.per_class) result.ground_truths += one.ground_truths;
  return result;
}

}  // namespace skylift
