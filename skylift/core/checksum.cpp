#include "skylift/core/checksum.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace skylift {

uint64_t checksum(std::string_view bytes, uint64_t seed) {
  uint64_t sum = seed ^ bytes.size();
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    sum = (sum ^ word) * 0x100000001b3ULL;
    sum ^= sum >> 29;  // else the upper bits of a word never reach the lower ones of the sum
  }
  return sum;
}

std::string checksum_text(uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace skylift
