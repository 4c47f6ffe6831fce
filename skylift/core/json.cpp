#include "skylift/core/json.h"

#include <nlohmann/json.hpp>

#include "skylift/core/error.h"

namespace skylift {
namespace {

constexpr int kDeepest = 64;

template <class Json>
std::string dump_replacing(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

std::string dump_json(const nlohmann::json& json, int indent) { return dump_replacing(json, indent); }
std::string dump_json(const nlohmann::ordered_json& json, int indent) { return dump_replacing(json, indent); }

nlohmann::ordered_json parse_json(std::string_view text, const std::string& where) {
  using Json = nlohmann::ordered_json;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw Error("{}: JSON nested more than {} deep", where, kDeepest);
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::exception& error) {
    throw Error("{}: not JSON: {}", where, error.what());
  }
}

bool is_utf8(std::string_view text) {
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace skylift
