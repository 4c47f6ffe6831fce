// Random numbers that are the same on every machine, compiler and thread count: the standard library's distributions
// are not.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace skylift {

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, any seed is good. A value type: copy it to replay a
/// sequence.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  /// A generator for one thing among many, e.g. Rng::of({run_seed, epoch, sample_index}): independent of the order of
  /// use.
  static Rng of(std::initializer_list<uint64_t> key);

  uint64_t next();
  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Uniform in 0..count-1; count >= 1.
  int64_t index(int64_t count);
  /// Standard normal times `deviation` plus `mean`.
  double normal(double mean = 0, double deviation = 1);
  bool chance(double probability) { return uniform() < probability; }

 private:
  uint64_t state_;
};

}  // namespace skylift
