#include "skylift/formats/image_header.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/error_of.h"
#include "tests/exif_files.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;
using Kind = ImageHeader::Kind;
using namespace std::string_literals;

// Up to the frame header of 300 x 200.
const std::string kJpeg = "\xFF\xD8\xFF\xC2\x00\x11\x08\x00\xC8\x01\x2C\x03"s + std::string(9, '\0');
const std::string kPng =
    "\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR\x00\x00\x01\x2C\x00\x00\x00\xC8\x10\x02\x00\x00\x00....\x00\x00\x00\x00IEND...."s;
const std::string kLossy = "RIFF\x1E\x00\x00\x00WEBPVP8 \x12\x00\x00\x00...\x9D\x01\x2A\x2C\x01\xC8\x40........"s;
// 14 bits each of 299 and 199.
const std::string kLossless = "RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2F\x2B\xC1\x31\x00."s;

std::vector<std::string> turned_files(int orientation) {
  const std::string pixels(300 * 200 * 3, 'x');
  return {exif::in_jpeg(kJpeg, orientation, false),       exif::in_jpeg(kJpeg, orientation, true, true),
          exif::in_png(kPng, orientation, false),         exif::in_png(kPng, orientation, true),
          exif::in_webp(kLossy, 300, 200, orientation),   exif::tiff(300, 200, pixels, orientation, false),
          exif::tiff(300, 200, pixels, orientation, true)};
}

TEST(ImageHeaderTest, SizesOfEveryKind) {
  const std::vector<std::pair<std::string, Kind>> files = {{kJpeg, Kind::jpeg},
                                                           {kPng, Kind::png},
                                                           {kLossy, Kind::webp},
                                                           {kLossless, Kind::webp},
                                                           {exif::tiff(300, 200, "", 1, true, 16), Kind::tiff}};
  for (const auto& [bytes, kind] : files) {
    const ImageHeader header = read_image_header(bytes);
    EXPECT_EQ(header.kind, kind);
    EXPECT_EQ(header.stored, (ImageSize{300, 200})) << bytes.substr(0, 16);
    EXPECT_EQ(header.orientation, 1);
  }
  EXPECT_EQ(read_image_header(kPng).bits, 16);
  EXPECT_EQ(read_image_header(exif::tiff(3, 2, "", 1, false, 16)).bits, 16);
  EXPECT_EQ(read_image_header("GIF89a").kind, Kind::unknown);
}

TEST(ImageHeaderTest, EveryOrientationInEveryKind) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const auto& bytes : turned_files(orientation)) {
      const ImageHeader header = read_image_header(bytes);
      EXPECT_EQ(header.orientation, orientation) << bytes.substr(0, 12);
      EXPECT_EQ(header.stored, (ImageSize{300, 200}));
      const ImageSize upright = orientation >= 5 ? ImageSize{200, 300} : ImageSize{300, 200};
      EXPECT_EQ(header.size(ImageReading::Orientation::upright), upright);
      EXPECT_EQ(header.size(ImageReading::Orientation::stored), (ImageSize{300, 200}));
    }
  }
}

TEST(ImageHeaderTest, ATagThatIsNoOrientationCountsAsAbsent) {
  for (const int wrong : {0, 9, 65535}) {
    for (const auto& bytes : turned_files(wrong)) EXPECT_EQ(read_image_header(bytes).orientation, 1);
  }
}

// Run under the address sanitizer: nothing beyond the end may be read, whatever the lengths and offsets say.
TEST(ImageHeaderTest, NoCutAndNoChangedByteLeadsOutOfTheFile) {
  std::mt19937 random(1);
  for (const auto& whole : turned_files(6)) {
    const std::string bytes = whole.substr(0, 300);
    for (size_t length = 0; length <= bytes.size(); ++length) read_image_header(std::string(bytes, 0, length));
    for (int i = 0; i < 3000; ++i) {
      std::string broken = bytes;
      for (int k = 0; k < 3; ++k) broken[random() % broken.size()] = static_cast<char>(random() % 2 ? 0xFF : random());
      const int orientation = read_image_header(broken).orientation;
      ASSERT_TRUE(orientation >= 1 && orientation <= 8);
    }
  }
}

TEST(ImageHeaderTest, ImagesByTheirNames) {
  for (const char* name : {"a.jpg", "a.JPG", "a.jpeg", "a.png", "a.bmp", "a.tif", "a.TIFF", "a.webp", "x/b.c.png"})
    EXPECT_TRUE(is_image_name(name)) << name;
  for (const char* name : {"._a.jpg", ".jpg", "a.txt", "a", "Thumbs.db", "a.jpg.txt", "x/._a.png"})
    EXPECT_FALSE(is_image_name(name)) << name;
}

TEST(ImageHeaderTest, ReadingsAreNamed) {
  ImageReading reading;
  EXPECT_TRUE(set_image_reading(reading, "orientation", "stored"));
  EXPECT_TRUE(set_image_reading(reading, "depth", "type"));
  EXPECT_EQ(reading, (ImageReading{ImageReading::Orientation::stored, ImageReading::Depth::type}));
  EXPECT_FALSE(set_image_reading(reading, "format", "coco"));
  EXPECT_THAT(error_of([&] { set_image_reading(reading, "depth", "8"); }),
              HasSubstr("depth=8: expected image or type"));
}

}  // namespace
}  // namespace skylift
