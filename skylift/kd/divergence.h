// Kullback-Leibler divergences between a teacher's and a student's predictions, from logits. Gradient reaches the
// student only.
#pragma once

#include <ATen/core/Tensor.h>

namespace skylift {

/// [...,K] -> [...]: T^2 * sum over K of p_t (log p_t - log p_s), p = softmax over the last dimension of logits / T.
at::Tensor softmax_kl(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double temperature);

/// [...] -> [...], element by element: T^2 * [ q log(q/p) + (1-q) log((1-q)/(1-p)) ], q, p = sigmoid of teacher's,
/// student's logits / T. At T = 1 its gradient is p - q, as that of a cross entropy.
at::Tensor bernoulli_kl(const at::Tensor& student_logits, const at::Tensor& teacher_logits, double temperature);

}  // namespace skylift
