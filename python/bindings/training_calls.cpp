#include "python/bindings/training_calls.h"

#include "skylift/annotations/find_splits.h"
#include "skylift/core/file.h"
#include "skylift/export/onnx_model.h"
#include "skylift/report/run_page.h"
#include "skylift/train/recipes.h"
#include "skylift/train/trainer.h"

namespace skylift::python {

void train(const TrainingCall& call, const ProgressCallback& progress) {
  std::vector<std::string> assignments;
  if (!call.data.empty()) {
    const DataSplits splits = find_splits(call.data);
    assignments = {"data.train=" + splits.train, "data.val=" + splits.val};
  }
  assignments.insert(assignments.end(), call.assignments.begin(), call.assignments.end());
  const TrainRequest request{
      .options = read_run_options(call.config, assignments),
      .folder = call.folder,
      .teachers = call.teacher ? std::vector{*call.teacher} : std::vector<std::filesystem::path>{},
      .student = call.student,
      .resume = call.resume,
      .keep_lifting = call.keep_lifting};
  train_detector(request, progress);
  write_run_page(call.folder / "report.html", {call.folder});
}

void export_onnx(const ExportCall& call) {
  OnnxOptions options{.batch = call.batch, .height = call.height, .width = call.width, .half = call.half};
  if (call.decoded) {
    options.nms = OnnxNms{.score_threshold = call.score_threshold, .max_detections = call.max_detections};
  }
  write_file(call.out, onnx_model(load_for_onnx(call.model, call.out, options), options));
}

std::vector<std::string> recipes() { return recipe_names(); }

}  // namespace skylift::python
