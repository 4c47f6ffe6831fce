// Scores cases for the comparison scripts: one JSON object a line on stdin, one result a line on stdout.
// In:  {"protocol", "max_dets", "gt": COCO data set with ignored_regions beside an image's size, "dt": COCO results}
// Out: what `eval --json` gives, with the curves under "curves". Protocol "errors": the error breakdown.
#include <iostream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "skylift/eval/error_breakdown.h"
#include "skylift/eval/evaluation.h"

namespace {

using nlohmann::json;

struct Case {
  skylift::AnnotationSet truth;
  skylift::DetectionSet detections;
  std::unordered_map<int64_t, size_t> image_index;
  std::unordered_map<int64_t, int> class_index;
};

skylift::BoxXywh to_box(const json& box) { return {box[0], box[1], box[2], box[3]}; }

int class_of(const Case& parsed, int64_t id) {
  const auto found = parsed.class_index.find(id);
  return found == parsed.class_index.end() ? -1 : found->second;
}

Case parse_case(const json& line) {
  Case parsed;
  parsed.truth.format = line.value("format", "coco");
  for (const auto& category : line["gt"]["categories"]) {
    parsed.class_index[category["id"]] = static_cast<int>(parsed.truth.classes.size());
    parsed.truth.classes.push_back(category["name"]);
    parsed.truth.class_ids.push_back(category["id"]);
  }
  for (const auto& image : line["gt"]["images"]) {
    parsed.image_index[image["id"]] = parsed.truth.images.size();
    skylift::ImageRecord record{.file = std::to_string(image["id"].get<int64_t>()),
                                .id = image["id"],
                                .width = image["width"],
                                .height = image["height"],
                                .objects = {},
                                .ignored_regions = {}};
    for (const auto& region : image.value("ignored_regions", json::array()))
      record.ignored_regions.push_back(to_box(region));
    parsed.truth.images.push_back(std::move(record));
  }
  for (const auto& annotation : line["gt"]["annotations"]) {
    skylift::Object object{.box = to_box(annotation["bbox"]),
                           .class_index = class_of(parsed, annotation["category_id"]),
                           .crowd = annotation.value("iscrowd", 0) != 0,
                           .ignored = annotation.value("ignore", 0) != 0,
                           .area = annotation.value("area", -1.0),
                           .id = annotation["id"]};
    parsed.truth.images[parsed.image_index.at(annotation["image_id"])].objects.push_back(object);
  }
  parsed.detections.resize(parsed.truth.images.size());
  for (const auto& row : line["dt"]) {
    parsed.detections[parsed.image_index.at(row["image_id"])].push_back(
        {to_box(row["bbox"]), row["score"], class_of(parsed, row["category_id"])});
  }
  return parsed;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const json input = json::parse(line);
    const Case parsed = parse_case(input);
    skylift::EvalOptions options;
    options.protocol = input["protocol"];
    options.max_dets = input["max_dets"].get<std::vector<int>>();
    if (options.protocol == "errors") {
      const auto errors =
          skylift::break_down_errors(parsed.truth, parsed.detections, {.max_dets = options.max_dets.at(0)});
      std::cout << json::parse(skylift::to_json(errors)).dump() << "\n";
      continue;
    }
    const auto result = skylift::evaluate(parsed.truth, parsed.detections, options);
    json output = json::parse(skylift::to_json(result));
    output["curves"] = {
        {"precision", result.curves.precision}, {"scores", result.curves.scores}, {"recall", result.curves.recall}};
    std::cout << output.dump() << "\n";
  }
}
