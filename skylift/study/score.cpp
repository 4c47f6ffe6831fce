#include "skylift/study/score.h"

namespace skylift {

FinishedModel detect_finished(const std::filesystem::path& file, const RunOptions& options,
                              const ProgressCallback& progress) {
  Model model = load_model(file);
  const PartCost cost =
      total_cost(part_costs(*model.detector, options.data.input.short_side, options.data.input.long_side));
  const Predictor predictor(std::move(model), options.decode, open_device(options.train.compute));
  const Dataset val_set = open_validation_set(options.data, predictor.card().classes);
  return {cost, detect(predictor, val_set, {.batch_size = options.train.batch_size}, progress)};
}

}  // namespace skylift
