#include "skylift/core/rng.h"

#include <cmath>
#include <numbers>

namespace skylift {

Rng Rng::of(std::initializer_list<uint64_t> key) {
  Rng rng(0x5ca1ab1e0ddba11ULL);
  for (uint64_t part : key) {
    rng.state_ ^= part;
    rng.state_ = rng.next();
  }
  return rng;
}

uint64_t Rng::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Rng::uniform(double low, double high) { return low + (high - low) * uniform(); }

int64_t Rng::index(int64_t count) { return static_cast<int64_t>(uniform() * static_cast<double>(count)); }

double Rng::normal(double mean, double deviation) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return mean + deviation * radius * std::cos(2 * std::numbers::pi * uniform());
}

}  // namespace skylift
