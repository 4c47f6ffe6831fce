// Pictures as phones and cameras write them.
#include "skylift/annotations/image_size.h"
#include "tests/annotations/other_writers.h"
#include "tests/exif_files.h"

namespace skylift {
namespace {

using testing::kRow;
using testing::note;
using testing::OtherWritersTest;

TEST_F(OtherWritersTest, PixelsThatNoCommandReadsAreAProblem) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const auto tiff = [&](uint64_t bits, uint64_t format) {
    write_file(folder / "images/a.tif", exif::tiff_start(false, 4) + exif::entry(256, 4, 640, false) +
                                            exif::entry(257, 4, 480, false) + exif::entry(258, 3, bits, false) +
                                            exif::entry(339, 3, format, false) + std::string(4, '\0'));
  };
  tiff(16, 1);
  expect("data.yaml", 1);
  for (const auto& [bits, format] : {std::pair{32, 3}, {64, 3}, {16, 2}, {32, 1}}) {
    tiff(static_cast<uint64_t>(bits), static_cast<uint64_t>(format));
    EXPECT_THAT(check_data(spec("data.yaml")).problems, note("neither 8 nor 16 bit integers")) << bits;
  }
}

TEST_F(OtherWritersTest, AnAnimationIsNoPicture) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const auto webp = [&](char flags) {
    write_file(folder / "images/a.webp", std::string("RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0", 20) + flags +
                                             std::string("\0\0\0\x7F\x02\0\xDF\x01\0", 9));
  };
  webp(0x10);
  expect("data.yaml", 1);
  webp(0x02);
  EXPECT_THAT(check_data(spec("data.yaml")).problems, note("an animated WebP"));
}

TEST_F(OtherWritersTest, AVideoBehindAJpegIsNoMissingEnd) {
  write_file(folder / "labels/a.txt", kRow);
  write_file(folder / "data.yaml", "train: images\nnames: [car]\n");
  const std::string thumbnail("\xFF\xE1\x00\x06\xFF\xD8\xFF\xD9", 8);
  const std::string start =
      "\xFF\xD8" + thumbnail + std::string("\xFF\xC0\x00\x0B\x08\x01\xE0\x02\x80\x01\x01\x11\x00", 13);
  const std::string pixels("\xFF\xDA\x00\x02pixels", 10), video(100000, 'v');
  write_file(folder / "images/a.jpg", start + pixels + "\xFF\xD9" + video);
  expect("data.yaml", 1);
  write_file(folder / "images/a.jpg", start + pixels + video);
  EXPECT_THAT(check_data(spec("data.yaml")).problems, note("no JPEG end marker"));
}

TEST(OtherWritersExifTest, AnOrientationAsALongIsReadAsOpencvReadsIt) {
  for (const bool big_endian : {false, true}) {
    const std::string bytes = exif::tiff_start(big_endian, 3) + exif::entry(256, 4, 30, big_endian) +
                              exif::entry(257, 4, 20, big_endian) + exif::entry(274, 4, 6, big_endian) +
                              std::string(4, '\0');
    EXPECT_EQ(read_image_header(bytes).orientation, big_endian ? 1 : 6);
  }
}

}  // namespace
}  // namespace skylift
