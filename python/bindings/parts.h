// The parts of the module, one file each.
#pragma once

#include <nanobind/nanobind.h>

namespace skylift::python {

void add_pixels(nanobind::module_& module);
void add_predictor(nanobind::module_& module);
void add_data(nanobind::module_& module);
void add_evaluation(nanobind::module_& module);
void add_coco(nanobind::module_& module);
void add_training(nanobind::module_& module);
void add_runs(nanobind::module_& module);

}  // namespace skylift::python
