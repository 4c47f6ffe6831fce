// Between every pair of formats: what both can hold comes back. What each can hold is written down here once more, by
// hand.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <tuple>

#include "skylift/annotations/data_write.h"
#include "skylift/annotations/image_size.h"
#include "skylift/annotations/open_data.h"
#include "skylift/annotations/visdrone.h"
#include "tests/temp_folder.h"
#include "tests/tiny_image.h"

namespace skylift {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// An object by names and flags alone.
struct Plain {
  std::string name;  // "" for an object of no class
  BoxXywh box;
  int truncation, occlusion;
  bool crowd, ignored, difficult;
};
struct PlainImage {
  std::vector<Plain> objects;
  std::vector<BoxXywh> regions;
};

bool before(const Plain& a, const Plain& b) {
  const auto key = [](const Plain& p) {
    return std::tuple(p.name, std::round(p.box.x * 1e4), std::round(p.box.y * 1e4), std::round(p.box.w * 1e4),
                      std::round(p.box.h * 1e4), p.truncation, p.occlusion, p.crowd, p.ignored, p.difficult);
  };
  return key(a) < key(b);
}

std::vector<PlainImage> plain(const AnnotationSet& set) {
  std::vector<PlainImage> images;
  for (const auto& image : set.images) {
    PlainImage out{{}, image.ignored_regions};
    for (const auto& o : image.objects) {
      out.objects.push_back({o.class_index < 0 ? "" : set.classes.at(static_cast<size_t>(o.class_index)), o.box,
                             o.truncation, o.occlusion, o.crowd, o.ignored, o.difficult});
    }
    std::sort(out.objects.begin(), out.objects.end(), before);
    images.push_back(std::move(out));
  }
  return images;
}

bool is_in(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The object as `format` holds it; false: not at all.
bool held(Plain& o, const std::string& format) {
  if (format == "coco") return true;
  if (format == "visdrone") {
    if (!is_in(o.name, visdrone_classes())) o.name = "";
    o.ignored |= o.crowd;
    o.crowd = o.difficult = false;
    o.truncation = std::min(o.truncation, 1);
    o.occlusion = std::min(o.occlusion, 2);
    return true;
  }
  if (o.name.empty() || o.crowd) return false;
  if (format == "voc") {
    o.difficult |= o.ignored;
    o.ignored = false;
    o.truncation = std::min(o.truncation, 1);
    o.occlusion = std::min(o.occlusion, 1);
    return true;
  }
  if (o.ignored) return false;
  o.difficult = false;
  if (format == "uavdt") return is_in(o.name, uavdt_classes());
  o.truncation = o.occlusion = 0;
  return true;
}

std::vector<PlainImage> held(std::vector<PlainImage> images, const std::string& format) {
  for (auto& image : images) {
    std::erase_if(image.objects, [&](Plain& o) { return !held(o, format); });
    std::sort(image.objects.begin(), image.objects.end(), before);
    if (format == "voc" || format == "yolo") image.regions.clear();
  }
  return images;
}

void expect_same_box(const BoxXywh& a, const BoxXywh& b) {
  // YOLO divides by the image's size and multiplies again.
  EXPECT_NEAR(a.x, b.x, 1e-9);
  EXPECT_NEAR(a.y, b.y, 1e-9);
  EXPECT_NEAR(a.w, b.w, 1e-9);
  EXPECT_NEAR(a.h, b.h, 1e-9);
}

void expect_same(const std::vector<PlainImage>& expected, const std::vector<PlainImage>& got) {
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE("image " + std::to_string(i));
    ASSERT_EQ(expected[i].objects.size(), got[i].objects.size());
    ASSERT_EQ(expected[i].regions.size(), got[i].regions.size());
    for (size_t k = 0; k < expected[i].regions.size(); ++k) expect_same_box(expected[i].regions[k], got[i].regions[k]);
    for (size_t k = 0; k < expected[i].objects.size(); ++k) {
      const Plain &a = expected[i].objects[k], &b = got[i].objects[k];
      EXPECT_EQ(a.name, b.name);
      expect_same_box(a.box, b.box);
      EXPECT_EQ(std::tuple(a.truncation, a.occlusion, a.crowd, a.ignored, a.difficult),
                std::tuple(b.truncation, b.occlusion, b.crowd, b.ignored, b.difficult));
    }
  }
}

class RoundTripTest : public ::testing::Test {
 protected:
  /// Two images with every class, flag and level, inside the image, on a grid that no rounding moves.
  AnnotationSet everything() {
    AnnotationSet set;
    set.format = "coco";
    set.image_folder = folder / "source";
    set.classes = {"car", "bicycle", "bus", "zebra"};
    set.class_ids = {3, 5, 8, 20};
    for (int i = 0; i < 2; ++i) {
      ImageRecord image{"part/img00000" + std::to_string(i + 1) + ".png",
                        70 + i,
                        640,
                        512,
                        {},
                        {{1, 2, 30, 40.5}, {600, 500, 40, 12}}};
      write_tiny_image(set.image_path(image), image.width, image.height);
      for (int k = 0; k < 64; ++k) {
        Object object;
        object.box = {k * 8.0, k * 4 + 0.25 * i, 5.5, 7.0};
        object.class_index = k % 5 - 1;
        object.truncation = k % 3;
        object.occlusion = k % 4;
        object.crowd = k % 7 == 0;
        object.ignored = k % 6 == 1;
        object.difficult = k % 8 == 2;
        image.objects.push_back(object);
      }
      set.images.push_back(image);
    }
    return set;
  }

  AnnotationSet converted(const AnnotationSet& set, const std::string& format, const std::string& to) {
    write_data(format, folder / to, set);
    return open_data((folder / to).string());
  }

  void expect_pairs(const AnnotationSet& source) {
    for (const auto& first : data_formats()) {
      const AnnotationSet one = converted(source, first, first);
      EXPECT_EQ(one.format, first);
      const auto in_one = held(plain(source), first);
      {
        SCOPED_TRACE(first);
        expect_same(in_one, plain(one));
      }
      for (const auto& second : data_formats()) {
        SCOPED_TRACE(first + " to " + second);
        const AnnotationSet two = converted(one, second, first + "-" + second);
        expect_same(held(in_one, second), plain(two));
        for (const auto& image : two.images) EXPECT_TRUE(std::filesystem::exists(two.image_path(image))) << image.file;
      }
    }
  }

  TempFolder folder;
};

TEST_F(RoundTripTest, EveryFlagAndLevelBetweenAllPairs) { expect_pairs(everything()); }

TEST_F(RoundTripTest, VisdroneBetweenAllPairs) {
  const char* root = std::getenv("SKYLIFT_VISDRONE");
  if (!root) GTEST_SKIP() << "SKYLIFT_VISDRONE names no folder with VisDrone's train/ and val/";
  AnnotationSet set = read_visdrone(std::filesystem::path(root) / "val");
  ASSERT_FALSE(set.images.empty());
  expect_pairs(set);
}

TEST_F(RoundTripTest, ReportCountsWhatIsLost) {
  const AnnotationSet set = everything();
  EXPECT_THAT(write_data("coco", folder / "coco", set).lost, IsEmpty());
  const WriteReport yolo = write_data("yolo", folder / "yolo", set);
  EXPECT_EQ(yolo.images, 2);
  EXPECT_EQ(yolo.ignored_regions, 0);
  EXPECT_THAT(yolo.lost, Contains(Pair("ignored regions", 4)));
  EXPECT_THAT(yolo.lost, Contains(Pair("objects of no class (left out)", 26)));
  int64_t left = 128;
  for (const auto& [what, count] : yolo.lost) left -= what.find("(left out)") != std::string::npos ? count : 0;
  EXPECT_EQ(yolo.objects, left);
  EXPECT_THAT(write_data("visdrone", folder / "visdrone", set).lost,
              Contains(Pair(HasSubstr("written as 'others'"), 24)));
}

TEST_F(RoundTripTest, YoloClipsAndCounts) {
  AnnotationSet set = everything();
  set.images[0].objects = {Object{{-10, 500, 20, 20}}, Object{{700, 0, 5, 5}}, Object{{0, 0, 0, 5}}};
  set.images[1].objects.clear();
  const WriteReport report = write_data("yolo", folder / "out", set);
  EXPECT_THAT(report.lost, Contains(Pair("parts of boxes outside the image (clipped)", 2)));
  EXPECT_THAT(report.lost, Contains(Pair("boxes without an area in the image (left out)", 2)));
  const auto back = open_data((folder / "out").string());
  ASSERT_EQ(back.images[0].objects.size(), 1u);
  expect_same_box(back.images[0].objects[0].box, {0, 500, 10, 12});
}

TEST_F(RoundTripTest, RefusesWhatWouldBeHalfASet) {
  AnnotationSet set = everything();
  write_file(folder / "full/file", "x");
  EXPECT_THAT(error_of([&] { write_data("coco", folder / "full", set); }), HasSubstr("not an empty folder"));
  EXPECT_THAT(error_of([&] { write_data("cocco", folder / "out", set); }), HasSubstr("did you mean 'coco'"));
  set.images[1].file = "part/img000001.jpg";
  EXPECT_THAT(error_of([&] { write_data("visdrone", folder / "out", set); }),
              HasSubstr("would share one name in visdrone format"));
  set.images[1].file = "absent.jpg";
  EXPECT_THAT(error_of([&] { write_data("coco", folder / "out", set); }), HasSubstr("absent.jpg: no such image"));
}

TEST_F(RoundTripTest, PathsThatLeaveTheFolderAreCutToTheirNames) {
  AnnotationSet set = everything();
  set.images[1].file = "../source/part/img000002.png";
  write_data("coco", folder / "out", set);
  EXPECT_EQ(open_data((folder / "out").string()).images[1].file, "img000002.png");
}

TEST_F(RoundTripTest, ImagesAreLinkedCopiedOrLeft) {
  const AnnotationSet set = everything();
  const std::string image = "/images/part/img000001.png";
  write_data("coco", folder / "linked", set, ImagePlacement::link);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / ("linked" + image)));
  write_data("coco", folder / "copied", set, ImagePlacement::copy);
  EXPECT_FALSE(std::filesystem::is_symlink(folder / ("copied" + image)));
  EXPECT_TRUE(std::filesystem::is_regular_file(folder / ("copied" + image)));
  write_data("coco", folder / "bare", set, ImagePlacement::none);
  EXPECT_FALSE(std::filesystem::exists(folder / "bare/images"));
}

}  // namespace
}  // namespace skylift
