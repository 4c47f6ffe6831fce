// A checksum of bytes: finds out that two things are not the same, or that a file is damaged. Not against malice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skylift {

/// FNV-1a (Fowler, Noll, Vo) over words of 8 bytes, with a mixing step a word; `seed` chains several pieces.
uint64_t checksum(std::string_view bytes, uint64_t seed = 0xcbf29ce484222325ULL);

/// 16 hexadecimal digits.
std::string checksum_text(uint64_t value);

}  // namespace skylift
