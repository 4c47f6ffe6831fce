#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "skylift/core/text.h"
#include "tests/error_of.h"

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

TEST(Text, RenamesArePairs) {
  const std::vector<std::string> known = {"car", "person"};
  const auto renamed =
      parse_renames(std::vector<std::string>{"person=pedestrian", "car="}, known, "--map", "the model");
  EXPECT_EQ(renamed.at("person"), "pedestrian");
  EXPECT_EQ(renamed.at("car"), "");
  const auto error = [&](std::vector<std::string> pairs) {
    return error_of([&] { parse_renames(pairs, known, "--map", "the model"); });
  };
  EXPECT_EQ(error({"car"}), "--map: got 'car', expected FROM=TO");
  EXPECT_EQ(error({"carr=van"}), "--map: the model has no class 'carr' (did you mean 'car'?)");
  EXPECT_EQ(error({"car=a", "car=b"}), "--map: 'car' is named twice");
}

TEST(Text, NoWordIsNearToOneOfAnyLength) {
  const std::string long_word(101, 'a');
  EXPECT_EQ(nearest_word(long_word, std::vector<std::string>{long_word}), std::nullopt);
}

TEST(Text, NumbersThatAnIntegerHoldsAreTold) {
  EXPECT_EQ(to_integer(-3), -3);
  EXPECT_EQ(to_integer(-9223372036854775808.0), std::numeric_limits<int64_t>::min());
  for (const double value : {0.5, 9223372036854775808.0, 1e300, -1e300, std::nan(""), -HUGE_VAL})
    EXPECT_FALSE(to_integer(value)) << value;
}

TEST(Text, PasswordsOfStreamsAreLeftOut) {
  EXPECT_EQ(without_password("rtsp://user:pa@ss@host:554/live@1"), "rtsp://host:554/live@1");
  EXPECT_EQ(without_password("rtsp://user@host"), "rtsp://host");
  EXPECT_EQ(without_password("rtsp://host/a@b?c"), "rtsp://host/a@b?c");
  EXPECT_EQ(without_password("a@b.jpg"), "a@b.jpg");
}

}  // namespace
}  // namespace skylift
