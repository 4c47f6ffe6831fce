#include "skylift/kd/calibration.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/dist/processes.h"

namespace skylift {

Calibration::Calibration(std::vector<std::string> terms, double fraction, int batches)
    : terms_(std::move(terms)), fraction_(fraction), batches_(batches) {
  sums_ = register_buffer("sums", at::zeros({static_cast<int64_t>(terms_.size()), 3}, at::kDouble));
}

size_t Calibration::row_of(const std::string& term) const {
  const auto found = std::find(terms_.begin(), terms_.end(), term);
  if (found == terms_.end()) throw Error("kd.calibrate: no method declares a term '{}'", term);
  return static_cast<size_t>(found - terms_.begin());
}

void Calibration::apply(LossTerms& terms, const at::Tensor& detection_loss) {
  if (!detection_loss.defined()) throw Error("kd.calibrate: the detection loss is needed to set the weights by");
  at::Tensor table = sums_.to(at::kCPU);  // the buffer itself where training runs on the CPU
  auto sums = table.accessor<double, 2>();
  // Of all processes, and last the detection loss. Nothing is read once all factors stay.
  std::vector<double> values(terms.size() + 1);
  bool unsettled = false;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (sums[static_cast<int64_t>(row_of(terms[i].name))][0] >= batches_) continue;
    values[i] = terms[i].value.item<double>();
    unsettled = true;
  }
  if (unsettled) {
    values.back() = detection_loss.item<double>();
    values = sum_over_processes(values);
  }
  bool changed = false;
  for (size_t i = 0; i < terms.size(); ++i) {
    LossTerm& term = terms[i];
    auto row = sums[static_cast<int64_t>(row_of(term.name))];
    const double value = values[i];
    if (value > 0) {
      row[0] += 1, row[1] += value, row[2] += values.back();
      changed = true;
    }
    if (row[1] == 0) continue;
    const double factor = fraction_ * row[2] / row[1];
    if (value > 0 && row[0] >= batches_)
      log_info("kd.calibrate: {} counts {:.4g} times its weight from here on", term.name, factor);
    term.value = term.value * factor;
  }
  if (changed) sums_.copy_(table);
}

}  // namespace skylift
