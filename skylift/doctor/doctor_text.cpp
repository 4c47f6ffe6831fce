// The doctor's report as a table for people and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "skylift/core/json.h"
#include "skylift/core/text.h"
#include "skylift/doctor/doctor.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

std::string agreement_line(const char* who, const Agreement& agreement, double iou) {
  std::string line = fmt::format("  {:<24} {:7.1f} % {:7.1f} %", who, 100 * agreement.classes, 100 * agreement.bins);
  return iou < 0 ? line + "\n" : line + fmt::format(" {:9.3f}\n", iou);
}

std::string terms_text(const DoctorReport& report) {
  std::string text = fmt::format("\n{:<26} {:>10} {:>10} {:>10} {:>10} {:>8}\n", "term", "value", "/ det.", "gradient",
                                 "/ det.", "cosine");
  for (const TermReport& term : report.terms) {
    text += fmt::format("  {:<24} {:>10.4g} {:>10.3g} {:>10.4g} {:>10.3g} {:>8.2f}\n", term.name, term.value,
                        term.value_ratio, term.gradient, term.gradient_ratio, term.cosine);
  }
  return text;
}

std::string region_text(const RegionReport& region) {
  std::string text =
      fmt::format("\nregion {}: {} locations, {:.2f} % of all\n", region.name, region.locations, 100 * region.share);
  text += fmt::format("  {:<24} {:>10} {:>18} {:>18} {:>12}\n", "objects of", "objects", "without location",
                      "locations each", "weight");
  for (const SizeReport& size : region.sizes) {
    if (size.objects == 0) continue;
    text += fmt::format("  {:<24} {:>10} {:>18} {:>18.1f} {:>10.1f} %\n", size.range, size.objects,
                        size.without_location, size.locations / static_cast<double>(size.objects), 100 * size.weight);
  }
  if (region.background > 0) text += fmt::format("  {:<24} {:>70.1f} %\n", "background", 100 * region.background);
  return text;
}

Json region_json(const RegionReport& region) {
  Json json = {{"locations", region.locations}, {"share", region.share}, {"background", region.background}};
  json["sizes"] = Json::array();
  for (const SizeReport& size : region.sizes) {
    json["sizes"].push_back({{"range", size.range},
                             {"objects", size.objects},
                             {"without_location", size.without_location},
                             {"locations", size.locations},
                             {"weight", size.weight}});
  }
  return json;
}

Json agreement_json(const Agreement& agreement) { return {{"classes", agreement.classes}, {"bins", agreement.bins}}; }

}  // namespace

std::string to_text(const DoctorReport& report) {
  std::string text = fmt::format("teacher {}\n", report.teacher);
  for (const auto& [method, regions] : report.methods) {
    text += fmt::format("method {} looks at: {}\n", method,
                        regions.empty() ? "whole maps" : fmt::format("{}", fmt::join(regions, ", ")));
  }
  if (report.teacher_score) {
    text += fmt::format("teacher's score on {} {} images ({} protocol): AP {:.2f}, AP50 {:.2f}\n",
                        report.teacher_score->images, report.scored_in_training ? "training" : "validation",
                        report.teacher_score->protocol, 100 * report.teacher_score->means.ap,
                        100 * report.teacher_score->means.ap50);
  }
  text += fmt::format("{} training images as augmented, {} objects, {} positive locations\n\n", report.images,
                      report.objects, report.positives);
  text += fmt::format("{:<26} {:>9} {:>9} {:>9}\n", "agreement at the positives", "class", "bins", "IoU");
  text += agreement_line("teacher and truth", report.teacher_truth, report.teacher_iou);
  text += agreement_line("student and truth", report.student_truth, report.student_iou);
  text += agreement_line("teacher and student", report.teacher_student, -1);
  text += terms_text(report);
  for (const RegionReport& region : report.regions) text += region_text(region);
  if (!report.advice.empty()) text += "\n";
  for (const std::string& sentence : report.advice) text += "! " + sentence + "\n";
  return text;
}

std::string to_json(const DoctorReport& report) {
  Json json = {{"teacher", report.teacher}, {"methods", Json::array()}};
  for (const auto& [method, regions] : report.methods)
    json["methods"].push_back({{"name", method}, {"regions", regions}});
  if (report.teacher_score) json["teacher_score"] = Json::parse(to_json(*report.teacher_score));
  json["images"] = report.images;
  json["objects"] = report.objects;
  json["positives"] = report.positives;
  json["agreement"] = {{"teacher_truth", agreement_json(report.teacher_truth)},
                       {"student_truth", agreement_json(report.student_truth)},
                       {"teacher_student", agreement_json(report.teacher_student)},
                       {"teacher_iou", report.teacher_iou},
                       {"student_iou", report.student_iou}};
  for (const TermReport& term : report.terms) {
    json["terms"][term.name] = {{"value", term.value},
                                {"value_ratio", term.value_ratio},
                                {"gradient", term.gradient},
                                {"gradient_ratio", term.gradient_ratio},
                                {"cosine", term.cosine}};
  }
  for (const RegionReport& region : report.regions) json["regions"][region.name] = region_json(region);
  json["advice"] = report.advice;
  return dump_json(json, 1);
}

}  // namespace skylift
