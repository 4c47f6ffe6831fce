#include "apps/engine_arguments.h"

#include <CLI/CLI.hpp>

namespace skylift {

void add_engine_arguments(CLI::App& command, EngineOptions& options) {
  command
      .add_option("--engine", options.engine,
                  "torch, openvino (CPU only, the faster one), or auto: openvino where it is built in and fits")
      ->check(CLI::IsMember({"auto", "torch", "openvino"}))
      ->capture_default_str();
  command.add_option("--device", options.device, "cpu, or for torch cuda or cuda:N")->capture_default_str();
  command.add_option("--precision", options.precision, "float32, or bf16 where the hardware computes in it")
      ->check(CLI::IsMember({"float32", "bf16", "auto"}))
      ->capture_default_str();
  command
      .add_option("--mode", options.mode,
                  "throughput: several images at the same time, one a core; latency: all cores on one image")
      ->check(CLI::IsMember({"throughput", "latency"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "of the CPU, 0: all cores")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_option("--batch", options.batch,
                  "images or tiles of one size that go through the network together; 0: what "
                  "suits the engine")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

void add_tiling_arguments(CLI::App& command, TilingOptions& options) {
  command.add_option("--tile", options.tile_px, "side of the tiles (px) that larger images are cut into, 0: none")
      ->check(CLI::IsMember({"0"}) | CLI::Range(32, 65536))
      ->capture_default_str();
  command.add_option("--overlap", options.overlap, "of neighbouring tiles, as a part of their side")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  command.add_flag("!--no-full-image", options.full_image, "tiles alone, without a pass over the whole image");
  command
      .add_option("--merge", options.merge.method,
                  "what becomes of detections that match: nms keeps the best, greedy-nmm makes it grow over them, nmm "
                  "over chains of them")
      ->check(CLI::IsMember({"nms", "greedy-nmm", "nmm"}))
      ->capture_default_str();
  command.add_option("--merge-metric", options.merge.metric, "iou, or ios: intersection over the smaller area")
      ->check(CLI::IsMember({"iou", "ios"}))
      ->capture_default_str();
  command.add_option("--merge-threshold", options.merge.threshold, "overlap from which two detections match")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
}

void add_reading_arguments(CLI::App& command, ImageReading& reading) {
  const auto add = [&](const char* key, const std::vector<std::string>& values, const char* description) {
    command
        .add_option_function<std::string>(
            fmt::format("--{}", key),
            [&reading, key](const std::string& value) { set_image_reading(reading, key, value); }, description)
        ->check(CLI::IsMember(values))
        ->default_str(values[0]);
  };
  add("orientation", {"upright", "stored"}, "of images: turned as EXIF says, or left as the file has them");
  add("depth", {"image", "type"}, "16 bits to 8: by the range that each image uses, or all by 65535");
}

}  // namespace skylift
