#include "skylift/core/checksum.h"

#include <gtest/gtest.h>

#include <set>

namespace skylift {
namespace {

TEST(Checksum, EveryBitCountsAndSoDoesTheLength) {
  const std::string text = "nineteen bytes here";
  std::set<uint64_t> sums = {checksum(text), checksum(text + '\0'), checksum(text.substr(1)), checksum("")};
  for (size_t byte = 0; byte < text.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[byte] = static_cast<char>(changed[byte] ^ (1 << bit));
      sums.insert(checksum(changed));
    }
  }
  EXPECT_EQ(sums.size(), 4 + 8 * text.size());
}

TEST(Checksum, PiecesAreChainedInOrder) {
  EXPECT_NE(checksum("b", checksum("a")), checksum("a", checksum("b")));
  EXPECT_NE(checksum("ab", checksum("c")), checksum("b", checksum("ca")));
  EXPECT_EQ(checksum_text(checksum("a")), checksum_text(checksum("a")));
  EXPECT_EQ(checksum_text(0x1f).size(), 16U);
}

}  // namespace
}  // namespace skylift
