// What a run left in its folder.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <nlohmann/json.hpp>

#include "python/bindings/parts.h"
#include "skylift/core/json.h"
#include "skylift/runs/stored_run.h"

namespace skylift::python {

namespace nb = nanobind;

void add_runs(nb::module_& module) {
  module.def(
      "run_record", [](const std::filesystem::path& folder) { return to_json(read_run_record(folder)); },
      nb::arg("folder"));
  module.def(
      "run_options", [](const std::filesystem::path& folder) { return read_config(folder / "config.toml"); },
      nb::arg("folder"));
  module.def(
      "run_metrics",
      [](const std::filesystem::path& folder) {
        return dump_json(nlohmann::ordered_json(read_metrics(folder / "metrics.jsonl")), 0);
      },
      nb::arg("folder"));
}

}  // namespace skylift::python
