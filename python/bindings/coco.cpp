// What skylift.coco needs: pycocotools' dictionaries as columns, and the tables of COCOeval.
#include <nanobind/stl/array.h>
#include <nanobind/stl/vector.h>

#include <limits>

#include "python/bindings/arrays.h"
#include "python/bindings/parts.h"
#include "skylift/core/error.h"
#include "skylift/eval/coco_tables.h"

namespace skylift::python {
namespace {

/// The keys of a dictionary, made once: half a million detections ask for each of them.
struct Keys {
  nb::str image = nb::str("image_id"), category = nb::str("category_id"), box = nb::str("bbox"),
          score = nb::str("score"), area = nb::str("area"), crowd = nb::str("iscrowd"), id = nb::str("id");
};

/// Null: not there.
nb::handle entry(nb::handle dict, const nb::str& key) {
  PyObject* found = PyDict_GetItemWithError(dict.ptr(), key.ptr());
  if (!found && PyErr_Occurred()) throw nb::python_error();
  return found;
}

nb::handle needed(nb::handle dict, const nb::str& key) {
  const nb::handle found = entry(dict, key);
  if (!found) throw nb::key_error(key.c_str());
  return found;
}

double to_double(nb::handle value) {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1 && PyErr_Occurred()) throw nb::python_error();
  return number;
}

/// Of whatever int() takes: files hold 7.0 too.
int64_t to_integer(nb::handle value) {
  const nb::object whole = PyLong_Check(value.ptr()) ? nb::borrow(value) : nb::steal(PyNumber_Long(value.ptr()));
  if (!whole.is_valid()) throw nb::python_error();
  const int64_t number = PyLong_AsLongLong(whole.ptr());
  if (number == -1 && PyErr_Occurred()) throw nb::python_error();
  return number;
}

struct Table {
  std::vector<int64_t> images, categories, ids;
  std::vector<double> boxes, scores, areas;
  std::vector<uint8_t> crowd;

  void add(nb::handle dict, const Keys& keys, bool results) {
    if (!PyDict_Check(dict.ptr())) throw nb::type_error("annotations: expected a list of dictionaries");
    images.push_back(to_integer(needed(dict, keys.image)));
    categories.push_back(to_integer(needed(dict, keys.category)));
    const nb::handle box = needed(dict, keys.box);
    if (nb::len(box) != 4) throw nb::value_error("bbox: expected [x, y, width, height]");
    for (size_t i = 0; i < 4; ++i) boxes.push_back(to_double(nb::object(box[i])));
    if (results) scores.push_back(to_double(needed(dict, keys.score)));
    const nb::handle area = entry(dict, keys.area), flag = entry(dict, keys.crowd), id = entry(dict, keys.id);
    const size_t last = boxes.size() - 1;
    areas.push_back(area ? to_double(area) : boxes[last - 1] * boxes[last]);
    crowd.push_back(flag && nb::cast<bool>(nb::bool_(flag)) ? 1 : 0);
    ids.push_back(id ? to_integer(id) : static_cast<int64_t>(images.size()));
  }
};

nb::dict columns(const nb::list& annotations, bool results) {
  const Keys keys;
  Table table;
  for (const nb::handle dict : annotations) table.add(dict, keys, results);
  nb::dict found;
  const size_t rows = table.images.size();
  found["image"] = to_numpy(std::move(table.images));
  found["category"] = to_numpy(std::move(table.categories));
  found["bbox"] = to_numpy(std::move(table.boxes), {rows, 4});
  found["area"] = to_numpy(std::move(table.areas));
  found["iscrowd"] = to_numpy(std::move(table.crowd));
  found["id"] = to_numpy(std::move(table.ids));
  if (results) found["score"] = to_numpy(std::move(table.scores));
  return found;
}

nb::tuple tables(const Column<int32_t>& gt_images, const Column<int32_t>& gt_classes, const BoxColumn& gt_boxes,
                 const Column<double>& gt_areas, const Column<uint8_t>& gt_crowd, const Column<int64_t>& gt_ids,
                 const Column<int32_t>& dt_images, const Column<int32_t>& dt_classes, const BoxColumn& dt_boxes,
                 const Column<double>& dt_areas, const Column<double>& dt_scores, const CocoParameters& parameters) {
  const CocoTruths truths{span_of(gt_images), span_of(gt_classes), span_of(gt_boxes),
                          span_of(gt_areas),  span_of(gt_crowd),   span_of(gt_ids)};
  const CocoFound found{span_of(dt_images), span_of(dt_classes), span_of(dt_boxes), span_of(dt_areas),
                        span_of(dt_scores)};
  CocoTables result;
  {
    const nb::gil_scoped_release release;
    result = coco_tables(truths, found, parameters);
  }
  const size_t t = parameters.thresholds.size(), r = parameters.recalls.size();
  const size_t k = static_cast<size_t>(parameters.classes), a = parameters.area_ranges.size();
  const size_t m = parameters.max_dets.size();
  return nb::make_tuple(to_numpy(std::move(result.precision), {t, r, k, a, m}),
                        to_numpy(std::move(result.recall), {t, k, a, m}),
                        to_numpy(std::move(result.scores), {t, r, k, a, m}));
}

}  // namespace

void add_coco(nb::module_& module) {
  nb::class_<CocoParameters>(module, "CocoParameters")
      .def(nb::init<>())
      .def_rw("images", &CocoParameters::images)
      .def_rw("classes", &CocoParameters::classes)
      .def_rw("thresholds", &CocoParameters::thresholds)
      .def_rw("recalls", &CocoParameters::recalls)
      .def_rw("area_ranges", &CocoParameters::area_ranges)
      .def_rw("max_dets", &CocoParameters::max_dets)
      .def_rw("threads", &CocoParameters::threads);
  module.def("coco_columns", columns, nb::arg("annotations"), nb::arg("results"));
  module.def("coco_tables", tables, nb::arg("gt_images"), nb::arg("gt_classes"), nb::arg("gt_boxes"),
             nb::arg("gt_areas"), nb::arg("gt_crowd"), nb::arg("gt_ids"), nb::arg("dt_images"), nb::arg("dt_classes"),
             nb::arg("dt_boxes"), nb::arg("dt_areas"), nb::arg("dt_scores"), nb::arg("parameters"));
}

}  // namespace skylift::python
