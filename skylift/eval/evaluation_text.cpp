#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "skylift/core/json.h"
#include "skylift/eval/evaluation.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

Json to_object(const EvalMeans& means, const std::vector<int>& max_dets) {
  Json object = {{"AP", means.ap},
                 {"AP50", means.ap50},
                 {"AP75", means.ap75},
                 {"AP_small", means.ap_small},
                 {"AP_medium", means.ap_medium},
                 {"AP_large", means.ap_large}};
  for (size_t m = 0; m < means.ar.size(); ++m) object[fmt::format("AR{}", max_dets[m])] = means.ar[m];
  object["AR_small"] = means.ar_small;
  object["AR_medium"] = means.ar_medium;
  object["AR_large"] = means.ar_large;
  return object;
}

std::string percent(double value) { return value < 0 ? "-" : fmt::format("{:.2f}", 100 * value); }

std::string means_line(const EvalMeans& means, const std::vector<int>& max_dets) {
  std::string line =
      fmt::format("AP {}  AP50 {}  AP75 {}", percent(means.ap), percent(means.ap50), percent(means.ap75));
  if (means.ap_small >= 0 || means.ap_medium >= 0 || means.ap_large >= 0) {
    line += fmt::format("  APs {}  APm {}  APl {}", percent(means.ap_small), percent(means.ap_medium),
                        percent(means.ap_large));
  }
  for (size_t m = 0; m < means.ar.size(); ++m) line += fmt::format("  AR{} {}", max_dets[m], percent(means.ar[m]));
  return line + "\n";
}

}  // namespace

std::string to_json(const EvalResult& result) {
  Json json = {{"protocol", result.protocol},
               {"images", result.images},
               {"detections", result.detections},
               {"ground_truths", result.ground_truths}};
  json.update(to_object(result.means, result.max_dets));
  Json classes = Json::object();
  for (const auto& one : result.per_class) {
    classes[one.name] = {{"AP", one.ap}, {"AP50", one.ap50}, {"ground_truths", one.ground_truths}};
  }
  json["per_class"] = std::move(classes);
  if (result.protocol == "visdrone") json["uniform"] = to_object(result.uniform, result.max_dets);
  if (!result.notes.empty()) json["notes"] = result.notes;
  return dump_json(json, 2);
}

std::string to_text(const EvalResult& result) {
  std::string text = fmt::format("{} protocol: {} images, {} objects, {} detections; all numbers in percent\n",
                                 result.protocol, result.images, result.ground_truths, result.detections);
  text += means_line(result.means, result.max_dets);
  if (result.protocol == "visdrone") text += "plain mean over classes: " + means_line(result.uniform, result.max_dets);
  size_t width = 5;
  for (const auto& one : result.per_class) width = std::max(width, one.name.size());
  text += fmt::format("{:<{}}  {:>8}  {:>8}  {:>8}\n", "class", width, "AP", "AP50", "objects");
  for (const auto& one : result.per_class) {
    text += fmt::format("{:<{}}  {:>8}  {:>8}  {:>8}\n", one.name, width, percent(one.ap), percent(one.ap50),
                        one.ground_truths);
  }
  for (const auto& note : result.notes) text += "note: " + note + "\n";
  return text;
}

std::string curves_to_csv(const EvalResult& result) {
  const auto& curves = result.curves;
  const bool has_classes =
      static_cast<size_t>(curves.classes) == result.per_class.size();  // uavdt's curves are of all together
  std::string csv = "class,iou,recall,precision,score\n";
  for (size_t k = 0; k < static_cast<size_t>(curves.classes); ++k) {
    std::string name = has_classes ? result.per_class[k].name : "all";
    if (name.find_first_of(",\"\n") != std::string::npos) {
      for (size_t i = 0; (i = name.find('"', i)) != std::string::npos; i += 2) name.insert(i, 1, '"');
      name = '"' + name + '"';
    }
    for (size_t t = 0; t < curves.thresholds.size(); ++t) {
      for (size_t r = 0; r < curves.recalls.size(); ++r) {
        const size_t at = ((t * curves.recalls.size() + r) * curves.classes + k) * curves.areas;
        if (curves.precision[at] < 0) continue;
        csv += fmt::format("{},{:.2f},{:.2f},{},{}\n", name, curves.thresholds[t], curves.recalls[r],
                           curves.precision[at], curves.scores[at]);
      }
    }
  }
  return csv;
}

}  // namespace skylift
