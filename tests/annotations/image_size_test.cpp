#include "skylift/annotations/image_size.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "skylift/annotations/visdrone.h"
#include "tests/exif_files.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

// A JPEG up to its frame header: an APP1 segment, a fill byte and a DHT (C4, no frame) before a progressive SOF2 of 300
// x 200.
const std::string kJpeg =
    "\xFF\xD8"
    "\xFF\xE1\x00\x06\xFF\xC0\x01\x01"
    "\xFF\xFF\xC4\x00\x03\x00"
    "\xFF\xC2\x00\x11\x08\x00\xC8\x01\x2C\x03"s;
const std::string kPng = "\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR\x00\x00\x01\x2C\x00\x00\x00\xC8\x08\x02"s;
const std::string kBmp = "BM" + std::string(16, '\0') + "\x2C\x01\x00\x00\x38\xFF\xFF\xFF"s;

TEST(ImageSizeTest, ReadsTheHeadersOfJpegPngAndBmp) {
  TempFolder folder;
  for (const auto& bytes : {kJpeg, kPng, kBmp}) {
    write_file(folder / "image", bytes);
    EXPECT_EQ(read_image_size(folder / "image"), (ImageSize{300, 200}));
  }
}

TEST(ImageSizeTest, EveryCutIsAnErrorThatNamesTheFile) {
  TempFolder folder;
  for (const auto& bytes : {kJpeg, kPng, kBmp}) {
    const size_t needed = bytes == kJpeg ? kJpeg.size() - 1 : bytes == kPng ? 24 : 26;
    for (size_t length = 0; length < needed; ++length) {
      write_file(folder / "image", bytes.substr(0, length));
      EXPECT_THAT(error_of([&] { read_image_size(folder / "image"); }), HasSubstr((folder / "image").string()))
          << length;
    }
  }
  write_file(folder / "image", "\xFF\xD8\xFF\xDA\x00\x02"s);
  EXPECT_THAT(error_of([&] { read_image_size(folder / "image"); }), HasSubstr("no image size"));
  write_file(folder / "image", "GIF89a");
  EXPECT_THAT(error_of([&] { read_image_size(folder / "image"); }),
              HasSubstr("expected a JPEG, PNG, BMP, TIFF or WebP image"));
  EXPECT_THAT(error_of([&] { read_image_size(folder / "absent"); }), HasSubstr("no such image file"));
}

TEST(ImageSizeTest, IsThatOfTheFrameThatTheSetIsReadIn) {
  TempFolder folder;
  write_file(folder / "a.jpg", exif::in_jpeg(kJpeg, 6));
  AnnotationSet set;
  set.image_folder = folder.path();
  set.images = {ImageRecord{"a.jpg", 1, 0, 0, {}, {}}};
  AnnotationSet stored = set;
  stored.reading.orientation = ImageReading::Orientation::stored;
  fill_image_sizes(set);
  fill_image_sizes(stored);
  EXPECT_EQ(set.images[0].height, 300);
  EXPECT_EQ(stored.images[0].height, 200);
}

TEST(ImageSizeTest, TheLeastHeightOfABmpIsNoHeight) {
  const std::string bmp = "BM" + std::string(16, '\0') + "\x2C\x01\x00\x00\x00\x00\x00\x80"s;
  EXPECT_THAT(error_of([&] { read_image_size(bmp, "image"); }), HasSubstr("no image size"));
}

TEST(ImageSizeTest, FillsOnlyUnknownSizesAndReportsTheRest) {
  TempFolder folder;
  write_file(folder / "a.jpg", kJpeg);
  AnnotationSet set;
  set.image_folder = folder.path();
  set.images = {ImageRecord{"a.jpg", 1, 0, 0, {}, {}}, ImageRecord{"b.jpg", 2, 5, 6, {}, {}}};
  fill_image_sizes(set, 2);
  EXPECT_EQ(set.images[0].width, 300);
  EXPECT_EQ(set.images[1].width, 5);
  set.images.push_back(ImageRecord{"c.jpg", 3, 0, 0, {}, {}});
  EXPECT_THAT(error_of([&] { fill_image_sizes(set); }), HasSubstr("c.jpg: no such image file"));
  Problems problems;
  fill_image_sizes(set, 0, &problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].where, (folder / "c.jpg").string());
  EXPECT_EQ(problems[0].what, "no such image file");
}

TEST(ImageSizeTest, RealImages) {
  const char* root = std::getenv("SKYLIFT_VISDRONE");
  if (!root) GTEST_SKIP() << "SKYLIFT_VISDRONE names no folder with VisDrone's train/ and val/";
  AnnotationSet set = read_visdrone(std::filesystem::path(root) / "val");
  fill_image_sizes(set);
  for (const auto& image : set.images) {
    EXPECT_GE(image.width, 400);
    EXPECT_GE(image.height, 300);
    for (const auto& object : image.objects) {
      EXPECT_LE(object.box.x + object.box.w, image.width);
      EXPECT_LE(object.box.y + object.box.h, image.height);
    }
  }
}

}  // namespace
}  // namespace skylift
