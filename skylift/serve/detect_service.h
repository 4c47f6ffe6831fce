// What `skylift serve` answers, without sockets and without a network of any kind: the page, /model and /detect.
// No path of a request reaches the file system.
#pragma once

#include <functional>
#include <opencv2/core/mat.hpp>
#include <optional>
#include <string>
#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/infer/options.h"
#include "skylift/serve/host_guard.h"
#include "skylift/serve/http_message.h"

namespace skylift {

/// Asked again and again during long work: whether nobody waits for its result any more.
using Stopped = std::function<bool()>;

struct DetectServiceOptions {
  std::string page;  ///< HTML of "/"
  std::vector<std::string> classes;
  std::string engine;  ///< its description
  int max_upload_mb = 32, max_megapixels = 50;
  DetectOptions detect;  ///< what a request does not choose
  ImageReading reading;
  std::vector<std::string> hosts;
  std::function<std::vector<Detection>(const cv::Mat& rgb, const DetectOptions&, const Stopped&)> run;
};

class DetectService {
 public:
  /// A request's work is bounded, whatever sizes it asks for.
  static constexpr int64_t kMostTiles = 1000;

  explicit DetectService(DetectServiceOptions options);

  /// What the head alone decides: refusals, and the pages, which never wait for detections. No reply: answer() has it.
  std::optional<HttpReply> at_head(const HttpRequest& request) const;

  /// POST /detect; several threads may call.
  HttpReply answer(const HttpRequest& request, const Stopped& stopped) const;

 private:
  HttpReply describe() const;
  HttpReply detect(const HttpRequest& request, const Stopped& stopped) const;
  DetectOptions options_from(const HttpRequest& request) const;

  DetectServiceOptions options_;
  HostGuard guard_;
};

}  // namespace skylift
