// The predictor.
#include "skylift/infer/predictor.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/bindings/arrays.h"
#include "python/bindings/parts.h"
#include "skylift/core/error.h"

namespace skylift::python {

nb::tuple to_tuple(const std::vector<Detection>& found) {
  std::vector<double> boxes, scores;
  std::vector<int64_t> labels;
  for (const auto& [box, score, label] : found) {
    boxes.insert(boxes.end(), {box.x, box.y, box.x + box.w, box.y + box.h});
    scores.push_back(score);
    labels.push_back(label);
  }
  return nb::make_tuple(to_numpy(std::move(boxes), {found.size(), 4}), to_numpy(std::move(scores)),
                        to_numpy(std::move(labels)));
}

namespace {

ImageView view_of(const PixelArray& pixels, bool bgr) {
  if (pixels.stride(2) != 1 || pixels.stride(1) != 3 || pixels.stride(0) < 3 * static_cast<int64_t>(pixels.shape(1)))
    throw Error("predict: expected rows of pixels without gaps between them");
  return {.pixels = pixels.data(),
          .width = static_cast<int>(pixels.shape(1)),
          .height = static_cast<int>(pixels.shape(0)),
          .row_bytes = static_cast<std::ptrdiff_t>(pixels.stride(0)),
          .bgr = bgr};
}

nb::list predict(const Predictor& predictor, const std::vector<PixelArray>& images, bool bgr) {
  std::vector<ImageView> views;
  for (const PixelArray& pixels : images) views.push_back(view_of(pixels, bgr));
  DetectionSet found;
  {
    const nb::gil_scoped_release release;
    found = predictor.predict(views);
  }
  nb::list results;
  for (const std::vector<Detection>& of_image : found) results.append(to_tuple(of_image));
  return results;
}

}  // namespace

void add_predictor(nb::module_& module) {
  nb::class_<EngineOptions>(module, "EngineOptions")
      .def(nb::init<>())
      .def_rw("engine", &EngineOptions::engine)
      .def_rw("device", &EngineOptions::device)
      .def_rw("precision", &EngineOptions::precision)
      .def_rw("mode", &EngineOptions::mode)
      .def_rw("threads", &EngineOptions::threads)
      .def_rw("batch", &EngineOptions::batch);
  nb::class_<DetectOptions>(module, "DetectOptions")
      .def(nb::init<>())
      .def_prop_rw(
          "score_threshold", [](const DetectOptions& o) { return o.decode.score_threshold; },
          [](DetectOptions& o, double value) { o.decode.score_threshold = value; })
      .def_prop_rw(
          "nms_iou", [](const DetectOptions& o) { return o.decode.nms_iou; },
          [](DetectOptions& o, double value) { o.decode.nms_iou = value; })
      .def_prop_rw(
          "max_detections", [](const DetectOptions& o) { return o.decode.max_detections; },
          [](DetectOptions& o, int value) { o.decode.max_detections = value; })
      .def_prop_rw(
          "tile", [](const DetectOptions& o) { return o.tiling.tile_px; },
          [](DetectOptions& o, int value) { o.tiling.tile_px = value; })
      .def_prop_rw(
          "overlap", [](const DetectOptions& o) { return o.tiling.overlap; },
          [](DetectOptions& o, double value) { o.tiling.overlap = value; })
      .def_prop_rw(
          "full_image", [](const DetectOptions& o) { return o.tiling.full_image; },
          [](DetectOptions& o, bool value) { o.tiling.full_image = value; })
      .def_prop_rw(
          "merge", [](const DetectOptions& o) { return o.tiling.merge.method; },
          [](DetectOptions& o, const std::string& value) { o.tiling.merge.method = value; });
  nb::class_<Predictor>(module, "Predictor")
      .def(nb::init<const std::filesystem::path&, const EngineOptions&, const DetectOptions&>(), nb::arg("model"),
           nb::arg("engine"), nb::arg("detect"), nb::call_guard<nb::gil_scoped_release>())
      .def("predict", predict, nb::arg("images"), nb::arg("bgr"),
           nb::sig("def predict(self, images: list[numpy.typing.NDArray[numpy.uint8]], bgr: bool) -> "
                   "list[tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64], "
                   "numpy.typing.NDArray[numpy.int64]]]"))
      .def("prepare", nb::overload_cast<int, int>(&Predictor::prepare, nb::const_), nb::arg("width"), nb::arg("height"),
           nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("classes", &Predictor::classes)
      .def_prop_ro("description", &Predictor::description)
      .def_prop_ro("batch", &Predictor::batch);
}

}  // namespace skylift::python
