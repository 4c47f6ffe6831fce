#include "skylift/serve/detect_service.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/infer/tiling.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

HttpReply json_reply(const Json& json) { return {200, "application/json", dump_json(json) + "\n"}; }

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// The first of a name.
std::optional<std::string> parameter(const HttpRequest& request, const char* name) {
  const auto found = request.parameters.find(name);
  return found == request.parameters.end() ? std::nullopt : std::optional(found->second.substr(0, 40));
}

double number_parameter(const HttpRequest& request, const char* name, double otherwise) {
  const auto text = parameter(request, name);
  if (!text) return otherwise;
  const auto value = parse_number(*text);
  if (!value) throw Error("{}: got {}, expected a number", name, in_quotes(*text));
  return *value;
}

int integer_parameter(const HttpRequest& request, const char* name, int otherwise, int low, int high) {
  const double value = number_parameter(request, name, otherwise);
  if (!(value >= low && value <= high) || value != std::floor(value))
    throw Error("{}: got {}, expected a whole number from {} to {}", name, value, low, high);
  return static_cast<int>(value);
}

Json detections_json(const std::vector<Detection>& found, const std::vector<std::string>& classes) {
  Json list = Json::array();
  for (const Detection& detection : found) {
    const BoxXywh& box = detection.box;
    list.push_back({{"class", classes.at(static_cast<size_t>(detection.class_index))},
                    {"class_index", detection.class_index},
                    {"score", detection.score},
                    {"box", {box.x, box.y, box.w, box.h}}});
  }
  return list;
}

void check_tiles(cv::Size image, const TilingOptions& tiling) {
  const int64_t tiles = tile_count(image, tiling);
  if (tiles > DetectService::kMostTiles)
    throw Error("tile: the image would be cut into {} tiles, expected at most {} (hint: larger tiles, less overlap)",
                tiles, DetectService::kMostTiles);
}

}  // namespace

DetectService::DetectService(DetectServiceOptions options) : options_(std::move(options)), guard_(options_.hosts) {}

std::optional<HttpReply> DetectService::at_head(const HttpRequest& request) const {
  if (!guard_.admits(request.header("host"), request.header("origin"))) {
    return error_reply(403,
                       "requests must come from this server's own page or name it as their host (see --allow-host)");
  }
  static const std::map<std::string, std::string> methods = {{"/", "GET"}, {"/model", "GET"}, {"/detect", "POST"}};
  const auto path = methods.find(request.path);
  if (path == methods.end()) return error_reply(404, "no such page, expected GET /, GET /model or POST /detect");
  if (request.method != path->second) {
    HttpReply reply = error_reply(405, fmt::format("expected {} {}", path->second, path->first));
    reply.allow = path->second;
    return reply;
  }
  if (request.path == "/") return HttpReply{200, "text/html; charset=utf-8", options_.page};
  return request.path == "/model" ? std::optional(describe()) : std::nullopt;
}

HttpReply DetectService::answer(const HttpRequest& request, const Stopped& stopped) const {
  try {
    return detect(request, stopped);
  } catch (const Error& error) {
    return error_reply(stopped() ? 503 : 400, error.what());
  } catch (const std::exception& error) {
    log_warning("serve: a request failed: {}", in_quotes(error.what()));
    return error_reply(500, "the server failed on this request");
  }
}

HttpReply DetectService::describe() const {
  const TilingOptions& tiling = options_.detect.tiling;
  const bool stored = options_.reading.orientation == ImageReading::Orientation::stored;
  return json_reply({{"classes", options_.classes},
                     {"engine", options_.engine},
                     {"score", options_.detect.decode.score_threshold},
                     {"tile", tiling.tile_px},
                     {"overlap", tiling.overlap},
                     {"merge", tiling.merge.method},
                     {"orientation", stored ? "stored" : "upright"},
                     {"max_upload_mb", options_.max_upload_mb},
                     {"max_megapixels", options_.max_megapixels}});
}

/// Over what the command line chose. Error: an unknown parameter, or a value out of range.
DetectOptions DetectService::options_from(const HttpRequest& request) const {
  static const std::set<std::string> known = {"score", "tile",         "overlap",        "full_image",
                                              "merge", "merge_metric", "merge_threshold"};
  for (const auto& [name, value] : request.parameters) {
    if (!known.contains(name)) throw Error("unknown parameter {}", in_quotes(name));
  }
  DetectOptions options = options_.detect;
  TilingOptions& tiling = options.tiling;
  double& score = options.decode.score_threshold;
  score = number_parameter(request, "score", score);
  if (!(score >= 0 && score <= 1)) throw Error("score: got {}, expected 0..1", score);
  tiling.tile_px = integer_parameter(request, "tile", tiling.tile_px, 0, 65536);
  if (tiling.tile_px != 0 && tiling.tile_px < 32) throw Error("tile: got {}, expected 0 or 32..65536", tiling.tile_px);
  tiling.overlap = number_parameter(request, "overlap", tiling.overlap);
  tiling.full_image = integer_parameter(request, "full_image", tiling.full_image ? 1 : 0, 0, 1) != 0;
  tiling.merge.method = parameter(request, "merge").value_or(tiling.merge.method);
  tiling.merge.metric = parameter(request, "merge_metric").value_or(tiling.merge.metric);
  tiling.merge.threshold = number_parameter(request, "merge_threshold", tiling.merge.threshold);
  check(options);
  return options;
}

HttpReply DetectService::detect(const HttpRequest& request, const Stopped& stopped) const {
  const DetectOptions options = options_from(request);
  // The body is the image whatever Content-Type says (curl calls everything a form), unless it is none for certain.
  if (request.header("content-type").starts_with("multipart/form-data"))
    throw Error("expected the image itself as the body, got a form");
  const auto begin = Clock::now();
  const cv::Mat rgb = decode_rgb(request.body, "image", options_.reading, int64_t{options_.max_megapixels} * 1'000'000);
  check_tiles(rgb.size(), options.tiling);
  const double decode_ms = ms_since(begin);
  const auto decoded = Clock::now();
  const auto found = options_.run(rgb, options, stopped);
  return json_reply({{"width", rgb.cols},
                     {"height", rgb.rows},
                     {"detections", detections_json(found, options_.classes)},
                     {"latency_ms", {{"decode", decode_ms}, {"detect", ms_since(decoded)}}}});
}

}  // namespace skylift
