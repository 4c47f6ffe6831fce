#include "skylift/kd/calibration.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/log.h"

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
  bool changed = false;
  for (LossTerm& term : terms) {
    auto row = sums[static_cast<int64_t>(row_of(term.name))];
    const double value = row[0] < batches_ ? term.value.item<double>() : 0;
    if (value > 0) {
      row[0] += 1, row[1] += value, row[2] += detection_loss.item<double>();
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
