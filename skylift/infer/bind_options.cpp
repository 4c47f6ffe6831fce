#include "skylift/infer/bind_options.h"

#include "skylift/infer/predictor.h"

namespace skylift {

void bind(OptionSection section, DecodeOptions& options) {
  section.add("score_threshold", options.score_threshold, "(location, class) pairs with a score up to this are dropped",
              between(0, 1));
  section.add("candidates", options.candidates, "kept a pyramid level before NMS", at_least(1));
  section.add("candidate_unit", options.candidate_unit,
              "what `candidates` counts: (location, class) pairs as mmdetection 3.x, or locations as CEASC and LD",
              one_of({"pairs", "locations"}));
  section.add("nms_iou", options.nms_iou,
              "a box is suppressed by a better one of its class that overlaps it more than this", between(0, 1));
  section.add("max_detections", options.max_detections, "kept an image, or each tile of one", at_least(1));
}

void bind(OptionSection section, TilingOptions& options) {
  section.add("tile", options.tile_px, "side of the tiles (px) that larger images are cut into, 0: none",
              zero_or_between(32, 65536));
  section.add("overlap", options.overlap, "of neighbouring tiles, as a part of their side", between(0, 0.9));
  section.add("full_image", options.full_image, "one pass over the whole image besides the tiles");
  section.add("merge", options.merge.method,
              "what becomes of detections that match: nms keeps the best, greedy-nmm makes it grow over them, nmm over "
              "chains of them",
              one_of({"nms", "greedy-nmm", "nmm"}));
  section.add("merge_metric", options.merge.metric, "iou, or ios: intersection over the smaller area",
              one_of({"iou", "ios"}));
  section.add("merge_threshold", options.merge.threshold, "overlap from which two detections match", between(0.01, 1));
}

void bind(OptionSection section, EngineOptions& options) {
  section.add("engine", options.engine,
              "torch, openvino (CPU only, the faster one), or auto: openvino where it is built in and fits",
              one_of({"auto", "torch", "openvino"}));
  section.add("device", options.device, "cpu, or for torch cuda or cuda:N");
  section.add("precision", options.precision, "float32, or bf16 where the hardware computes in it",
              one_of({"float32", "bf16", "auto"}));
  section.add("mode", options.mode,
              "throughput: several images at the same time, one a core; latency: all cores on one image",
              one_of({"throughput", "latency"}));
  section.add("threads", options.threads, "of the CPU, 0: all cores", between(0, 1024));
  section.add("batch", options.batch,
              "images or tiles of one size that go through the network together; 0: what suits the engine",
              between(0, 1024));
}

void check(const EngineOptions& options) {
  EngineOptions copy = options;
  OptionTable table;
  bind(table.root(), copy);
  table.check();
}

void check(const DetectOptions& options) {
  DetectOptions copy = options;
  OptionTable table;
  bind(table.root(), copy.decode);
  bind(table.root(), copy.tiling);
  table.check();
}

}  // namespace skylift
