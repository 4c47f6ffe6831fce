// Scores by a protocol, with curves and the reasons of lost AP.
#include "skylift/eval/evaluation.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "python/bindings/arrays.h"
#include "python/bindings/detected.h"
#include "python/bindings/parts.h"
#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/eval/error_breakdown.h"

namespace skylift::python {
namespace {

nb::dict to_dict(const EvalCurves& curves, size_t limits) {
  const size_t thresholds = curves.thresholds.size(), points = curves.recalls.size();
  const auto classes = static_cast<size_t>(curves.classes), areas = static_cast<size_t>(curves.areas);
  nb::dict dict;
  dict["thresholds"] = to_numpy(curves.thresholds);
  dict["recalls"] = to_numpy(curves.recalls);
  dict["precision"] = to_numpy(curves.precision, {thresholds, points, classes, areas});
  dict["scores"] = to_numpy(curves.scores, {thresholds, points, classes, areas});
  dict["recall"] = to_numpy(curves.recall, {thresholds, classes, areas, limits});
  return dict;
}

/// The VisDrone protocol clips regions to images.
bool lacks_sizes(const AnnotationSet& truth) {
  return std::any_of(truth.images.begin(), truth.images.end(), [](const ImageRecord& image) {
    return !image.ignored_regions.empty() && (image.width == 0 || image.height == 0);
  });
}

nb::tuple evaluate_set(AnnotationSet& truth, const Detected& detected, const EvalOptions& options) {
  EvalResult result;
  {
    const nb::gil_scoped_release release;
    if (options.protocol == "visdrone" && lacks_sizes(truth)) fill_image_sizes(truth);
    result = evaluate(truth, detected.set, options);
  }
  return nb::make_tuple(to_json(result), to_text(result), result.notes,
                        to_dict(result.curves, result.max_dets.empty() ? 1 : result.max_dets.size()));
}

std::pair<std::vector<std::string>, nb::object> confusions(const AnnotationSet& truth, const Detected& detected,
                                                           double score) {
  const Confusion confusion = count_confusions(truth, detected.set, score);
  const size_t side = confusion.names.size();
  return {confusion.names, to_numpy(confusion.counts, {side, side})};
}

}  // namespace

void add_evaluation(nb::module_& module) {
  nb::class_<EvalOptions>(module, "EvalOptions")
      .def(nb::init<>())
      .def_rw("protocol", &EvalOptions::protocol)
      .def_rw("max_dets", &EvalOptions::max_dets)
      .def_rw("class_average", &EvalOptions::class_average)
      .def_rw("threads", &EvalOptions::threads);
  module.def("evaluate", evaluate_set, nb::arg("truth"), nb::arg("detected"), nb::arg("options"));
  module.def(
      "error_breakdown",
      [](const AnnotationSet& truth, const Detected& detected) {
        return to_json(break_down_errors(truth, detected.set));
      },
      nb::arg("truth"), nb::arg("detected"), nb::call_guard<nb::gil_scoped_release>());
  module.def("confusions", confusions, nb::arg("truth"), nb::arg("detected"), nb::arg("score"),
             nb::sig("def confusions(truth: Annotations, detected: Detected, score: float) -> tuple[list[str], "
                     "numpy.typing.NDArray[numpy.int64]]"));
}

}  // namespace skylift::python
