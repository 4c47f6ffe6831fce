#include "skylift/infer/options.h"

#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

void check_range(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) throw Error("{}: got {}, expected {}..{}", name, value, low, high);
}

}  // namespace

void check(const DetectOptions& options) {
  const DecodeOptions& decode = options.decode;
  check_range("score", decode.score_threshold, 0, 1);
  check_range("nms_iou", decode.nms_iou, 0, 1);
  check_range("candidates", decode.candidates, 1, 1e9);
  check_range("max_detections", decode.max_detections, 1, 1e9);
  check_choice("candidate_unit", decode.candidate_unit, {"pairs", "locations"});
  const TilingOptions& tiling = options.tiling;
  if (tiling.tile_px != 0) check_range("tile", tiling.tile_px, 32, 65536);
  check_range("overlap", tiling.overlap, 0, 0.9);
  check_range("merge threshold", tiling.merge.threshold, 0.01, 1);
  check_choice("merge", tiling.merge.method, {"nms", "greedy-nmm", "nmm"});
  check_choice("merge metric", tiling.merge.metric, {"iou", "ios"});
}

}  // namespace skylift
