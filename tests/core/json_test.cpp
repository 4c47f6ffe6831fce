#include "skylift/core/json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TEST(JsonTest, ForeignBytesAreReplacedNotThrown) {
  const nlohmann::ordered_json json = {{"file", "a\xFF.jpg"}, {"class", "caf\xE9"}};
  EXPECT_EQ(dump_json(json), "{\"file\":\"a\xEF\xBF\xBD.jpg\",\"class\":\"caf\xEF\xBF\xBD\"}");
  EXPECT_EQ(dump_json(nlohmann::json("\xFF")), "\"\xEF\xBF\xBD\"");
}

TEST(JsonTest, DepthIsLimited) {
  const std::string shallow = std::string(60, '[') + std::string(60, ']');
  EXPECT_EQ(dump_json(parse_json(shallow, "card")), shallow);
  EXPECT_THAT(error_of([] { parse_json(std::string(1'000'000, '['), "card"); }), HasSubstr("card: JSON nested more"));
  EXPECT_THAT(error_of([] { parse_json("{", "card"); }), HasSubstr("card: not JSON"));
}

TEST(JsonTest, Utf8IsToldFromOtherBytes) {
  EXPECT_TRUE(is_utf8("caf\xC3\xA9"));
  EXPECT_FALSE(is_utf8("caf\xE9"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));  // half of a surrogate pair
}

}  // namespace
}  // namespace skylift
