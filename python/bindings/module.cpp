// skylift._skylift: the libraries as Python sees them, as thin as they can be. What is pleasant is in python/skylift.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "python/bindings/parts.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"

namespace nb = nanobind;

NB_MODULE(_skylift, module) {
  module.doc() = "The C++ half of skylift; import skylift instead.";
  nb::exception<skylift::Error>(module, "Error", PyExc_ValueError);
  skylift::set_log_level(skylift::LogLevel::off);
  module.def("set_log_level", [](const std::string& level) {
    if (level != "info" && level != "warning" && level != "off")
      throw skylift::Error("log level: got '{}', expected info, warning or off", level);
    skylift::set_log_level(level == "info"      ? skylift::LogLevel::info
                           : level == "warning" ? skylift::LogLevel::warning
                                                : skylift::LogLevel::off);
  });
  skylift::python::add_pixels(module);
  skylift::python::add_predictor(module);
  skylift::python::add_data(module);
  skylift::python::add_evaluation(module);
  skylift::python::add_coco(module);
  skylift::python::add_training(module);
  skylift::python::add_runs(module);
}
