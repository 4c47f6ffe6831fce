// From judged detections to precision and recall.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "skylift/eval/evaluation.h"
#include "skylift/eval/pooling.h"

namespace skylift {

/// `count` numbers from `first` to `last`, each rounded as numpy.linspace rounds it: several are not the nearest
/// doubles.
std::vector<double> linspace(double first, double last, int count);

/// The mean with numpy's pairwise order of addition; -1 without values.
double mean(std::span<const double> values);
/// The mean of those that are not -1.
double mean_of_defined(std::vector<double> values);

/// Curves of all classes.
struct AllCurves {
  EvalCurves sampled;
  std::vector<double> all_point_ap;  ///< [T,K] area under all recall steps in area range 0; -1: not evaluated
};

/// How recall is counted. denominators[k][a] = 0: class k is not evaluated in area range a.
using Denominators = std::vector<std::array<int64_t, max_areas>>;

AllCurves draw_curves(const Pools& pools, const Denominators& denominators, const Rules& rules, int threads);

}  // namespace skylift
