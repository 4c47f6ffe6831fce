#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "skylift/core/json.h"
#include "skylift/eval/error_breakdown.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;
using Shares = std::array<ErrorShare, error_kinds>;
constexpr std::array<const char*, 3> size_names = {"small", "medium", "large"};

Json to_object(const ErrorShare& share) { return {{"count", share.count}, {"lost_ap", share.lost_ap}}; }

Json to_object(const Shares& shares) {
  Json object = Json::object();
  for (size_t kind = 0; kind < error_kinds; ++kind)
    object[name_of(static_cast<ErrorKind>(kind))] = to_object(shares[kind]);
  return object;
}

}  // namespace

std::string to_json(const ErrorBreakdown& errors) {
  Json json = {{"AP50", errors.ap}, {"all", to_object(errors.all)}};
  for (size_t size = 0; size < size_names.size(); ++size) json[size_names[size]] = to_object(errors.by_size[size]);
  json["false_positives"] = to_object(errors.false_positives);
  json["false_negatives"] = to_object(errors.false_negatives);
  return dump_json(json, 2);
}

std::string to_text(const ErrorBreakdown& errors) {
  std::string text = fmt::format(
      "errors at IoU 0.5 (AP50 {:.2f}): how many, and the AP50 that would be won without them\n", 100 * errors.ap);
  text += fmt::format("{:<16}{:>17}{:>17}{:>17}{:>17}\n", "kind", "all", "small", "medium", "large");
  const auto cell = [](const ErrorShare& share) {
    return fmt::format("{:>9} {:>7.2f}", share.count, 100 * share.lost_ap);
  };
  for (size_t kind = 0; kind < error_kinds; ++kind) {
    text += fmt::format("{:<16}{}", name_of(static_cast<ErrorKind>(kind)), cell(errors.all[kind]));
    for (const auto& shares : errors.by_size) text += cell(shares[kind]);
    text += "\n";
  }
  text += fmt::format("{:<16}{}\n", "false positives", cell(errors.false_positives));
  text += fmt::format("{:<16}{}\n", "false negatives", cell(errors.false_negatives));
  return text;
}

}  // namespace skylift
