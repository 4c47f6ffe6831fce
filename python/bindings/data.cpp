// Data sets, detections of a whole set, and synthetic scenes.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/bindings/arrays.h"
#include "python/bindings/detected.h"
#include "python/bindings/parts.h"
#include "python/bindings/pixels.h"
#include "skylift/annotations/open_data.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/image/codec.h"
#include "skylift/synth/synth.h"

namespace skylift::python {
namespace {

nb::object to_numpy_xyxy(const std::vector<BoxXywh>& boxes) {
  std::vector<double> corners;
  for (const BoxXywh& box : boxes) corners.insert(corners.end(), {box.x, box.y, box.x + box.w, box.y + box.h});
  return to_numpy(std::move(corners), {boxes.size(), 4});
}

/// What is annotated of one image.
nb::dict to_dict(const ImageRecord& record) {
  std::vector<BoxXywh> boxes;
  std::vector<int64_t> labels;
  std::vector<uint8_t> ignored;
  for (const Object& object : record.objects) {
    boxes.push_back(object.box);
    labels.push_back(object.class_index);
    ignored.push_back(object.crowd || object.ignored || object.difficult || object.class_index < 0);
  }
  nb::dict dict;
  dict["xyxy"] = to_numpy_xyxy(boxes);
  dict["labels"] = to_numpy(std::move(labels));
  dict["ignored"] = to_numpy(std::move(ignored)).attr("astype")("bool");
  dict["ignored_regions"] = to_numpy_xyxy(record.ignored_regions);
  dict["id"] = record.id;
  return dict;
}

const ImageRecord& record_of(const AnnotationSet& set, size_t index) {
  if (index >= set.images.size()) throw nb::index_error("no such image");
  return set.images[index];
}

nb::object pixels_of(const AnnotationSet& set, size_t index) {
  const ImageRecord& record = record_of(set, index);
  cv::Mat rgb;
  {
    const nb::gil_scoped_release release;
    rgb = decode_rgb(set.image_path(record), set.reading);
  }
  return to_numpy(rgb);
}

/// Rows of a table of detections; class -1 is left out.
Detected detected_of(const AnnotationSet& set, const Column<int64_t>& images, const BoxColumn& boxes,
                     const Column<double>& scores, const Column<int64_t>& labels) {
  Detected detected{DetectionSet(set.images.size())};
  const size_t rows = images.shape(0);
  if (boxes.shape(0) != rows || scores.shape(0) != rows || labels.shape(0) != rows)
    throw Error("detections: columns of different lengths");
  for (size_t row = 0; row < rows; ++row) {
    const int64_t image = images.data()[row];
    if (image < 0 || image >= static_cast<int64_t>(set.images.size()))
      throw Error("detections: row {} is of image {}, the set has {}", row, image, set.images.size());
    detected.set[static_cast<size_t>(image)].push_back(
        {span_of(boxes)[row], scores.data()[row], static_cast<int>(labels.data()[row])});
  }
  return detected;
}

nb::tuple draw(int64_t index, const SynthOptions& options) {
  SynthScene scene;
  {
    const nb::gil_scoped_release release;
    scene = draw_scene(options, index);
  }
  return nb::make_tuple(to_numpy(scene.rgb), to_dict(scene.record));
}

void add_synth(nb::module_& module) {
  nb::class_<SynthOptions>(module, "SynthOptions")
      .def(nb::init<>())
      .def_rw("width", &SynthOptions::width)
      .def_rw("height", &SynthOptions::height)
      .def_rw("seed", &SynthOptions::seed)
      .def_rw("car_px_min", &SynthOptions::car_px_min)
      .def_rw("car_px_max", &SynthOptions::car_px_max)
      .def_rw("density", &SynthOptions::density);
  module.def("draw_scene", draw, nb::arg("index"), nb::arg("options"));
  module.def("synth_classes", &synth_classes);
  module.def(
      "write_scenes",
      [](const SynthOptions& options, int64_t count, const std::filesystem::path& folder, const std::string& format,
         int64_t first) { write_scenes(options, count, folder, format, first); },
      nb::arg("options"), nb::arg("count"), nb::arg("folder"), nb::arg("format"), nb::arg("first"),
      nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

void add_data(nb::module_& module) {
  nb::class_<AnnotationSet>(module, "Annotations")
      .def("__len__", [](const AnnotationSet& set) { return set.images.size(); })
      .def_ro("format", &AnnotationSet::format)
      .def_ro("classes", &AnnotationSet::classes)
      .def_ro("class_ids", &AnnotationSet::class_ids)
      .def("path", [](const AnnotationSet& set, size_t i) { return set.image_path(record_of(set, i)); })
      .def("record", [](const AnnotationSet& set, size_t i) { return to_dict(record_of(set, i)); })
      .def(
          "ids",
          [](const AnnotationSet& set) {
            std::vector<int64_t> ids;
            for (const ImageRecord& image : set.images) ids.push_back(image.id);
            return to_numpy(std::move(ids));
          },
          nb::sig("def ids(self) -> numpy.typing.NDArray[numpy.int64]"))
      .def("pixels", pixels_of, nb::sig("def pixels(self, index: int, /) -> numpy.typing.NDArray[numpy.uint8]"));
  nb::class_<Detected>(module, "Detected");
  module.def(
      "open_data", [](const std::string& spec) { return open_data(spec); }, nb::arg("spec"),
      nb::call_guard<nb::gil_scoped_release>());
  module.def(
      "read_detections",
      [](const std::filesystem::path& path, const AnnotationSet& set) {
        HeardWarnings said;
        Detected found{read_detections(path, set)};
        return std::pair{std::move(found), std::move(said.messages)};
      },
      nb::arg("path"), nb::arg("annotations"), nb::call_guard<nb::gil_scoped_release>());
  module.def("detected", detected_of, nb::arg("annotations"), nb::arg("images"), nb::arg("boxes"), nb::arg("scores"),
             nb::arg("labels"));
  add_synth(module);
}

}  // namespace skylift::python
