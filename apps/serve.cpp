// skylift serve: a page to drop images on, and the endpoint behind it (docs/serve.md).
//
// What it guards against: other machines (it listens on the loopback address unless told otherwise), pages of other
// sites in the user's browser (Host and Origin must be its own), uploads that are too long, images that are small as
// files and huge as pixels. It serves one page and two endpoints from memory; no path of a request reaches the file
// system.
#include <httplib.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "apps/commands.h"
#include "apps/engine_arguments.h"
#include "serve_page.h"
#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"
#include "skylift/infer/image_view.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct ServeArguments {
  std::string model, host = "127.0.0.1";
  int port = 8080, max_upload_mb = 32, max_megapixels = 50;
  EngineOptions engine;
  DetectOptions detect;
  ImageReading reading;
};

constexpr int kTooLong = 413;  // the status that httplib gives a request above its limit, too

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

double number_parameter(const httplib::Request& request, const char* name, double otherwise) {
  if (!request.has_param(name)) return otherwise;
  const std::string text = request.get_param_value(name);
  const auto value = parse_number(text);
  if (!value) throw Error("{}: got '{}', expected a number", name, text.substr(0, 40));
  return *value;
}

std::string text_parameter(const httplib::Request& request, const char* name, const std::string& otherwise) {
  return request.has_param(name) ? request.get_param_value(name).substr(0, 40) : otherwise;
}

/// What a request may choose, over what the command line chose. Error: an unknown parameter, or a value out of range.
DetectOptions options_from(const httplib::Request& request, DetectOptions options) {
  static const std::set<std::string> known = {"score", "tile",         "overlap",        "full_image",
                                              "merge", "merge_metric", "merge_threshold"};
  for (const auto& [name, value] : request.params) {
    if (!known.contains(name)) throw Error("unknown parameter '{}'", name.substr(0, 40));
  }
  TilingOptions& tiling = options.tiling;
  options.decode.score_threshold = number_parameter(request, "score", options.decode.score_threshold);
  const double tile = number_parameter(request, "tile", tiling.tile_px);
  if (tile != 0 && (tile < 32 || tile > 65536)) throw Error("tile: got {}, expected 0 or 32..65536", tile);
  tiling.tile_px = static_cast<int>(tile);
  tiling.overlap = number_parameter(request, "overlap", tiling.overlap);
  tiling.full_image = number_parameter(request, "full_image", tiling.full_image) != 0;
  tiling.merge.method = text_parameter(request, "merge", tiling.merge.method);
  tiling.merge.metric = text_parameter(request, "merge_metric", tiling.merge.metric);
  tiling.merge.threshold = number_parameter(request, "merge_threshold", tiling.merge.threshold);
  check(options);
  return options;
}

void answer(httplib::Response& response, int status, const Json& json) {
  response.status = status;
  response.set_content(json.dump() + "\n", "application/json");
}

class PageServer {
 public:
  explicit PageServer(const ServeArguments& arguments)
      : arguments_(arguments), predictor_(arguments.model, arguments.engine, arguments.detect) {
    server_.set_payload_max_length(static_cast<size_t>(arguments.max_upload_mb) << 20);
    server_.set_read_timeout(30);
    server_.set_socket_options([](socket_t socket) {  // httplib's own would let two servers share a port
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };  // httplib owns it
    server_.set_pre_routing_handler([this](const auto& request, auto& response) { return admit(request, response); });
    server_.set_error_handler([](const auto& request, auto& response) { explain(request, response); });
    server_.set_exception_handler([](const auto&, auto& response, std::exception_ptr) {
      answer(response, 500, {{"error", "the server failed on this request"}});
    });
    server_.Get("/", [](const auto&, auto& response) { response.set_content(serve_page, "text/html; charset=utf-8"); });
    server_.Get("/model", [this](const auto&, auto& response) { answer(response, 200, describe()); });
    server_.Post("/detect", [this](const auto& request, auto& response, const httplib::ContentReader& reader) {
      detect(request, reader, response);
    });
  }

  /// Returns when a signal has asked for it.
  void run() {
    const std::string& host = arguments_.host;
    int port = arguments_.port;
    const bool bound = port == 0 ? (port = server_.bind_to_any_port(host)) > 0 : server_.bind_to_port(host, port);
    if (!bound)
      throw Error("serve: cannot listen on {}:{} (hint: is the port taken? --port 0 finds a free one)", host, port);
    port_ = port;
    if (host != "127.0.0.1" && host != "localhost" && host != "::1")
      log_warning("serve: listening on {}: everyone who reaches it may use the model; there is no password", host);
    std::cout << fmt::format("http://{}:{}/", host.find(':') == std::string::npos ? host : "[" + host + "]", port)
              << std::endl;
    std::thread watcher([this] { wait_for_signal(); });
    server_.listen_after_bind();
    watcher.join();
  }

 private:
  /// The signals are blocked in all threads (see serve()), and taken here.
  void wait_for_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    int taken = 0;
    sigwait(&signals, &taken);
    server_.stop();
  }

  bool own_host(const std::string& host) const {
    if (arguments_.host == "0.0.0.0" || arguments_.host == "::") return true;  // any name may be ours
    for (const std::string& name : {arguments_.host, std::string("127.0.0.1"), std::string("localhost"),
                                    std::string("[::1]"), "[" + arguments_.host + "]"}) {
      if (host == fmt::format("{}:{}", name, port_.load()) || (port_ == 80 && host == name)) return true;
    }
    return false;
  }

  /// A page of another site can make a browser call us; then Origin is that site. If it makes its own name point here,
  /// then Host is that name.
  httplib::Server::HandlerResponse admit(const httplib::Request& request, httplib::Response& response) const {
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_header("Cache-Control", "no-store");
    response.set_header(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src blob: data:; "
        "connect-src 'self'; frame-ancestors 'none'");
    const std::string host = request.get_header_value("Host"), origin = request.get_header_value("Origin");
    if (own_host(host) && (origin.empty() || origin == "http://" + host))
      return httplib::Server::HandlerResponse::Unhandled;
    answer(response, 403, {{"error", "requests must come from this server's own page or name it as their host"}});
    return httplib::Server::HandlerResponse::Handled;
  }

  static void explain(const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    static const std::map<int, std::string> reasons = {
        {404, "no such page, expected GET /, GET /model or POST /detect"}};
    const auto found = reasons.find(response.status);
    answer(response, response.status,
           {{"error", found == reasons.end() ? "bad request: " + request.method.substr(0, 10) : found->second}});
  }

  /// The bytes as they are, whatever Content-Type says (curl calls everything a form). Error: too many of
  /// them, also after inflating what was sent compressed.
  static std::string read_body(const httplib::Request& request, const httplib::ContentReader& reader, size_t limit,
                               httplib::Response& response) {
    if (request.is_multipart_form_data()) throw Error("expected the image itself as the body, got a form");
    std::string body;
    const bool complete = reader([&](const char* data, size_t length) {
      if (body.size() + length <= limit) {
        body.append(data, length);
        return true;
      }
      response.status = kTooLong;
      return false;
    });
    if (response.status == kTooLong) throw Error("the upload is longer than {} MB (see --max-upload-mb)", limit >> 20);
    if (!complete) throw Error("the upload broke off");
    return body;
  }

  Json describe() const {
    return {{"classes", predictor_.classes()},
            {"engine", predictor_.description()},
            {"score", arguments_.detect.decode.score_threshold},
            {"max_upload_mb", arguments_.max_upload_mb},
            {"max_megapixels", arguments_.max_megapixels}};
  }

  /// Looks at the header before anything is decoded.
  cv::Mat decode(const std::string& bytes) const {
    const ImageSize size = read_image_size(bytes, "image", arguments_.reading);
    if (int64_t{size.width} * size.height > int64_t{arguments_.max_megapixels} * 1'000'000) {
      throw Error("image: {}x{} px, expected at most {} megapixels (see --max-megapixels)", size.width, size.height,
                  arguments_.max_megapixels);
    }
    return decode_rgb(bytes, "image", arguments_.reading);
  }

  Json detected(const cv::Mat& rgb, const std::vector<Detection>& found) const {
    Json list = Json::array();
    for (const Detection& detection : found) {
      const BoxXywh& box = detection.box;
      list.push_back({{"class", predictor_.classes()[static_cast<size_t>(detection.class_index)]},
                      {"class_index", detection.class_index},
                      {"score", detection.score},
                      {"box", {box.x, box.y, box.w, box.h}}});
    }
    return {{"width", rgb.cols}, {"height", rgb.rows}, {"detections", std::move(list)}};
  }

  void detect(const httplib::Request& request, const httplib::ContentReader& reader,
              httplib::Response& response) const {
    try {
      const DetectOptions options = options_from(request, arguments_.detect);
      const std::string body =
          read_body(request, reader, static_cast<size_t>(arguments_.max_upload_mb) << 20, response);
      const auto begin = Clock::now();
      const cv::Mat rgb = decode(body);
      const double decode_ms = ms_since(begin);
      const auto decoded = Clock::now();
      const auto found = predictor_.predict(view_of(rgb), options);
      Json json = detected(rgb, found);
      json["latency_ms"] = {{"decode", decode_ms}, {"detect", ms_since(decoded)}};
      answer(response, 200, json);
    } catch (const Error& error) {
      answer(response, response.status == kTooLong ? kTooLong : 400, {{"error", error.what()}});
    }
  }

  const ServeArguments& arguments_;
  Predictor predictor_;
  httplib::Server server_;
  std::atomic<int> port_{0};
};

void serve(const ServeArguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread that follows
  PageServer(arguments).run();
}

}  // namespace

void add_serve_command(CLI::App& app) {
  auto arguments = std::make_shared<ServeArguments>();
  arguments->detect.decode.score_threshold = 0.3;
  CLI::App* command = app.add_subcommand("serve", "Try a model in the browser: a page to drop images on");
  command->add_option("--model", arguments->model, "a model file")->required()->type_name("MODEL");
  command->add_option("--port", arguments->port, "0: any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--host", arguments->host, "address to listen on; the default is reached from this machine alone")
      ->capture_default_str();
  command->add_option("--score", arguments->detect.decode.score_threshold, "least confidence, where a request has none")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--max-upload-mb", arguments->max_upload_mb, "longest request")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--max-megapixels", arguments->max_megapixels, "largest image")
      ->check(CLI::Range(1, 250))
      ->capture_default_str();
  add_reading_arguments(*command, arguments->reading);
  add_tiling_arguments(*command, arguments->detect.tiling);
  add_engine_arguments(*command, arguments->engine);
  command->footer(
      "Example: skylift serve --model runs/student/best.safetensors\n"
      "         curl --data-binary @photo.jpg 'http://127.0.0.1:8080/detect?score=0.3&tile=640'");
  command->callback([arguments] { serve(*arguments); });
}

}  // namespace skylift
