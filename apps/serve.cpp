// skylift serve: a page to drop images on, and the endpoint behind it (docs/serve.md). What a request may do is decided
// in skylift/serve; here are the command line, the model and the signals.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <thread>

#include "apps/commands.h"
#include "apps/engine_arguments.h"
#include "serve_page.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/infer/image_view.h"
#include "skylift/serve/detect_service.h"
#include "skylift/serve/http_server.h"

namespace skylift {
namespace {

struct ServeArguments {
  std::string model, host = "127.0.0.1";
  std::vector<std::string> allowed_hosts;
  int port = 8080, max_upload_mb = 32, max_megapixels = 50;
  EngineOptions engine;
  DetectOptions detect;
  ImageReading reading;
};

DetectServiceOptions service_options(const ServeArguments& arguments, const Predictor& predictor) {
  DetectServiceOptions options;
  options.page = serve_page;
  options.classes = predictor.classes();
  options.engine = predictor.description();
  options.max_upload_mb = arguments.max_upload_mb;
  options.max_megapixels = arguments.max_megapixels;
  options.detect = decoded_as_trained(arguments.detect, predictor.card(), arguments.model);
  options.reading = arguments.reading;
  options.hosts = arguments.allowed_hosts;
  options.hosts.push_back(arguments.host);
  options.run = [&predictor](const cv::Mat& rgb, const DetectOptions& detect, const Stopped& stopped) {
    return predictor.predict(view_of(rgb), detect, stopped);
  };
  return options;
}

HttpLimits limits_of(const ServeArguments& arguments) {
  HttpLimits limits;
  limits.body_bytes = static_cast<size_t>(arguments.max_upload_mb) << 20;
  limits.all_body_bytes = 8 * limits.body_bytes;
  limits.workers = std::max(4U, std::thread::hardware_concurrency());
  return limits;
}

/// Where to point a browser. A warning where others can, too.
void announce(const std::string& host, int port) {
  if (host != "127.0.0.1" && host != "localhost" && host != "::1")
    log_warning("serve: listening on {}: everyone who reaches it may use the model; there is no password", host);
  std::cout << fmt::format("http://{}:{}/", host.find(':') == std::string::npos ? host : "[" + host + "]", port)
            << std::endl;
}

void serve(const ServeArguments& arguments) {
  const StopSignals stop_signals;
  const Predictor predictor(arguments.model, arguments.engine, arguments.detect);
  const DetectService service(service_options(arguments, predictor));
  HttpServer server(
      arguments.host, arguments.port,
      {.at_head = [&](const HttpRequest& request) { return service.at_head(request); },
       .answer = [&](const HttpRequest& request, const Stopped& stopped) { return service.answer(request, stopped); }},
      limits_of(arguments));
  announce(arguments.host, server.port());
  server.run([] { return stop_signal() != 0; });
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
  command
      ->add_option("--allow-host", arguments->allowed_hosts,
                   "a further name that browsers call this server by, may be repeated (addresses in numbers and "
                   "localhost always pass)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--score", arguments->detect.decode.score_threshold, "least confidence, where a request has none")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--max-upload-mb", arguments->max_upload_mb, "longest request")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--max-megapixels", arguments->max_megapixels, "largest image")
      ->check(CLI::Range(1, 250))
      ->capture_default_str();
  add_tiling_arguments(*command, arguments->detect.tiling);
  add_engine_arguments(*command, arguments->engine);
  add_reading_arguments(*command, arguments->reading);
  command->footer(
      "Example: skylift serve --model runs/student/best.safetensors\n"
      "         curl --data-binary @photo.jpg 'http://127.0.0.1:8080/detect?score=0.3&tile=640'");
  command->callback([arguments] { serve(*arguments); });
}

}  // namespace skylift
