// Training from Python: progress into a callback, Ctrl-C as a clean stop.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <csignal>
#include <exception>

#include "python/bindings/parts.h"
#include "python/bindings/training_calls.h"
#include "skylift/core/error.h"
#include "skylift/core/stop_signal.h"

namespace skylift::python {
namespace {

namespace nb = nanobind;

/// Python's own handlers come back when the work is over: StopSignals leaves the system's.
class HandlersAsBefore {
 public:
  HandlersAsBefore() {
    ::sigaction(SIGINT, nullptr, &interrupt_);
    ::sigaction(SIGTERM, nullptr, &terminate_);
  }
  ~HandlersAsBefore() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }
  HandlersAsBefore(const HandlersAsBefore&) = delete;
  HandlersAsBefore& operator=(const HandlersAsBefore&) = delete;

 private:
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

/// Calls Python, and keeps what it raises: an exception must not cut a step in two, so the run is asked to stop as by a
/// signal, saves its state, and the exception goes on from there.
class Callback {
 public:
  explicit Callback(nb::object function) : function_(std::move(function)) {}

  void call(const ProgressUpdate& update) {
    const nb::gil_scoped_acquire acquire;
    if (raised_ || function_.is_none()) return;
    try {
      function_(update.task, update.done, update.total, update.note);
    } catch (...) {
      raised_ = std::current_exception();
      if (stop_signal() == 0) ::raise(SIGTERM);  // a second one would end the process
    }
  }

  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  nb::object function_;
  std::exception_ptr raised_;
};

/// A process has one Ctrl-C.
class OnlyTraining {
 public:
  OnlyTraining() {
    if (under_way_.exchange(true))
      throw Error("a training is under way in this process already (hint: another process for another training)");
  }
  ~OnlyTraining() { under_way_ = false; }
  OnlyTraining(const OnlyTraining&) = delete;
  OnlyTraining& operator=(const OnlyTraining&) = delete;

 private:
  static inline std::atomic<bool> under_way_{false};
};

void run_training(const TrainingCall& call, nb::object progress) {
  const OnlyTraining only;
  Callback callback(std::move(progress));
  const HandlersAsBefore handlers;
  const StopSignals stop_signals;
  try {
    const nb::gil_scoped_release release;
    train(call, [&callback](const ProgressUpdate& update) { callback.call(update); });
  } catch (const StoppedBySignal& stopped) {
    callback.rethrow();
    PyErr_SetString(PyExc_KeyboardInterrupt, stopped.what());
    throw nb::python_error();
  }
  callback.rethrow();
}

}  // namespace

void add_training(nb::module_& module) {
  nb::class_<TrainingCall>(module, "TrainingCall")
      .def(nb::init<>())
      .def_rw("config", &TrainingCall::config)
      .def_rw("assignments", &TrainingCall::assignments)
      .def_rw("data", &TrainingCall::data)
      .def_rw("folder", &TrainingCall::folder)
      .def_rw("teacher", &TrainingCall::teacher)
      .def_rw("student", &TrainingCall::student)
      .def_rw("resume", &TrainingCall::resume)
      .def_rw("keep_lifting", &TrainingCall::keep_lifting);
  module.def("train", run_training, nb::arg("call"), nb::arg("progress").none());
  nb::class_<ExportCall>(module, "ExportCall")
      .def(nb::init<>())
      .def_rw("model", &ExportCall::model)
      .def_rw("out", &ExportCall::out)
      .def_rw("batch", &ExportCall::batch)
      .def_rw("width", &ExportCall::width)
      .def_rw("height", &ExportCall::height)
      .def_rw("half", &ExportCall::half)
      .def_rw("decoded", &ExportCall::decoded)
      .def_rw("score_threshold", &ExportCall::score_threshold)
      .def_rw("max_detections", &ExportCall::max_detections);
  module.def("export_onnx", &export_onnx, nb::arg("call"), nb::call_guard<nb::gil_scoped_release>());
  module.def("recipes", &recipes);
}

}  // namespace skylift::python
