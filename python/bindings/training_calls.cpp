#include "python/bindings/training_calls.h"

#include "skylift/annotations/find_splits.h"
#include "skylift/core/file.h"
#include "skylift/export/onnx_model.h"
#include "skylift/report/run_page.h"
#include "skylift/train/recipes.h"
#include "skylift/train/trainer.h"
#include "skylift/train/validation.h"

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
  const Model model = load_for_onnx(call.model, call.out, options);
  if (call.decoded) {
    const DecodeOptions decode = trained_decode(model.card, call.model);
    options.nms = OnnxNms{.score_threshold = call.score_threshold.value_or(decode.score_threshold),
                          .candidates = decode.candidates,
                          .nms_iou = decode.nms_iou,
                          .max_detections = call.max_detections.value_or(decode.max_detections)};
  }
  write_file(call.out, onnx_model(model, options));
}

std::vector<std::string> recipes() { return recipe_names(); }

}  // namespace skylift::python
