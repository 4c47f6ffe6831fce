#include "skylift/kd/divergence.h"

#include <ATen/Functions.h>

namespace skylift {

at::Tensor softmax_kl(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double temperature) {
  const at::Tensor log_p = (student_logits / temperature).log_softmax(-1);
  const at::Tensor log_q = (teacher_logits.detach() / temperature).log_softmax(-1);
  return (log_q.exp() * (log_q - log_p)).sum(-1) * (temperature * temperature);
}

at::Tensor bernoulli_kl(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double temperature) {
  const at::Tensor s = student_logits / temperature, t = teacher_logits.detach() / temperature;
  const at::Tensor q = t.sigmoid();
  // log(1 - sigmoid(x)) = log sigmoid(-x): no probability is ever subtracted from 1.
  const at::Tensor seen = q * (at::log_sigmoid(t) - at::log_sigmoid(s));
  const at::Tensor unseen = (1 - q) * (at::log_sigmoid(-t) - at::log_sigmoid(-s));
  return (seen + unseen) * (temperature * temperature);
}

}  // namespace skylift
