#include "skylift/train/recipes.h"

#include <gmock/gmock.h>

#include "skylift/train/run_options.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

TEST(Recipes, AreReadByNameFromAnyFolder) {
  EXPECT_EQ(read_run_options("lite0_student").model.backbone.name, "efficientnet_lite0");
  EXPECT_EQ(read_run_options("visdrone/lite0_student", {"train.epochs=3"}).train.epochs, 3);
}

TEST(Recipes, ANameThatSeveralHaveIsRefused) {
  EXPECT_THAT(error_of([] { read_run_options("gfl_r18_student"); }), HasSubstr("visdrone/gfl_r18_student"));
  EXPECT_THAT(error_of([] { read_run_options("lite0_studnet"); }), HasSubstr("no file and no recipe"));
}

TEST(Recipes, EachCanBeRead) {
  ASSERT_FALSE(recipes().empty());
  for (const Recipe& recipe : recipes()) {
    EXPECT_NO_THROW(read_run_options(std::string(recipe.name))) << recipe.name;
    EXPECT_TRUE(recipe.text.starts_with("# ")) << recipe.name << ": its first line says what it is";
  }
}

}  // namespace
}  // namespace skylift
