#include "skylift/annotations/image_finder.h"

#include <gmock/gmock.h>

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

AnnotationSet set_of(const std::vector<std::string>& files) {
  AnnotationSet set;
  for (const auto& file : files) set.images.emplace_back().file = file;
  return set;
}

TEST(ImageFinder, OnePathIsTheEndOfTheOther) {
  const AnnotationSet set = set_of({"north/a.jpg", "south/a.jpg", "b.jpg", "images\\c.jpg"});
  const ImageFinder finder(set, ImageFinder::By::name);
  EXPECT_THAT(finder.find("north/a.jpg"), ElementsAre(0));
  EXPECT_THAT(finder.find("/data/day 1/south/a.jpg"), ElementsAre(1));
  EXPECT_THAT(finder.find("a.jpg"), ElementsAre(0, 1));  // either
  EXPECT_THAT(finder.find("east/a.jpg"), IsEmpty());
  EXPECT_THAT(finder.find("x/b.jpg"), ElementsAre(2));
  EXPECT_THAT(finder.find("./b.jpg"), ElementsAre(2));
  EXPECT_THAT(finder.find("ab.jpg"), IsEmpty());
  EXPECT_THAT(finder.find("b.png"), IsEmpty());
  EXPECT_THAT(finder.find("c.jpg"), ElementsAre(3));
}

TEST(ImageFinder, TheSamePathAndTheLongestEndGoFirst) {
  const AnnotationSet set = set_of({"a.jpg", "day/a.jpg"});
  const ImageFinder finder(set, ImageFinder::By::name);
  EXPECT_THAT(finder.find("a.jpg"), ElementsAre(0));
  EXPECT_THAT(finder.find("x/day/a.jpg"), ElementsAre(1));
  EXPECT_THAT(finder.find("x/a.jpg"), ElementsAre(0));
}

TEST(ImageFinder, StemsLeaveTheEndingOut) {
  const AnnotationSet set = set_of({"s/a.jpg", "b.c.png"});
  const ImageFinder finder(set, ImageFinder::By::stem);
  EXPECT_THAT(finder.find("a"), ElementsAre(0));
  EXPECT_THAT(finder.find("b.c"), ElementsAre(1));
  EXPECT_THAT(finder.find("b"), IsEmpty());
}

TEST(DistinctStems, KeepTheEndingWhereItTellsThemApart) {
  EXPECT_THAT(distinct_stems({"a.jpg", "x/a.jpg", "b.png"}), ElementsAre("a", "x/a", "b"));
  EXPECT_THAT(distinct_stems({"a.jpg", "a.png", "b.png"}), ElementsAre("a.jpg", "a.png", "b"));
  EXPECT_THAT(distinct_stems({"a.jpg", "a.png", "a.jpg.png"}), ElementsAre("a.jpg", "a.png", "a.jpg.png"));
  EXPECT_THAT(distinct_stems({"a", "a.jpg"}), ElementsAre("a", "a.jpg"));
}

TEST(WithoutCommonFolders, KeepsWhatDiffers) {
  EXPECT_THAT(without_common_folders({"images/d1/a.jpg", "images/d2/a.jpg"}), ElementsAre("d1/a.jpg", "d2/a.jpg"));
  EXPECT_THAT(without_common_folders({"images/a.jpg", "images/ab.jpg"}), ElementsAre("a.jpg", "ab.jpg"));
  EXPECT_THAT(without_common_folders({"ab/a.jpg", "ac/a.jpg"}), ElementsAre("ab/a.jpg", "ac/a.jpg"));
  EXPECT_THAT(without_common_folders({"/x/y/a.jpg", "/x/b.jpg"}), ElementsAre("y/a.jpg", "b.jpg"));
  EXPECT_THAT(without_common_folders({"images/a.jpg", "b.jpg"}), ElementsAre("images/a.jpg", "b.jpg"));
  EXPECT_THAT(without_common_folders({}), IsEmpty());
}

}  // namespace
}  // namespace skylift
