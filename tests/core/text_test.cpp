#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/text.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TEST(Text, SplitsAndTrims) {
  EXPECT_EQ(split(" a, b,,c\r\n", ','), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, NumbersAreWholeOrNothing) {
  EXPECT_EQ(parse_number(" 1.5e2 "), 150.0);
  EXPECT_EQ(parse_number("+2"), 2.0);
  EXPECT_EQ(parse_integer("-7"), -7);
  for (const char* bad : {"", "12x", "nan", "inf", "1e999", "--1"}) EXPECT_FALSE(parse_number(bad)) << bad;
  EXPECT_FALSE(parse_integer("1.5"));
  EXPECT_FALSE(parse_integer("99999999999999999999"));
}

TEST(Text, NearestWordForgivesTyposButNotStrangers) {
  const std::vector<std::string> words = {"train.epochs", "train.batch_size", "kd.methods"};
  EXPECT_EQ(nearest_word("train.epcohs", words), "train.epochs");
  EXPECT_EQ(nearest_word("zebra", words), std::nullopt);
  EXPECT_THAT(suggestion("zebra", words), HasSubstr("known: train.epochs"));
}

}  // namespace
}  // namespace skylift
