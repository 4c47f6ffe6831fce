#include "skylift/image/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "skylift/core/error.h"
#include "skylift/core/file.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Smooth enough for JPEG, different in each channel and direction.
cv::Mat gradient(int width, int height) {
  cv::Mat rgb(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      rgb.at<cv::Vec3b>(y, x) = {static_cast<uchar>(x * 255 / width), static_cast<uchar>(y * 255 / height), 90};
    }
  }
  return rgb;
}

double largest_difference(const cv::Mat& a, const cv::Mat& b) { return cv::norm(a, b, cv::NORM_INF); }

std::string png_of(const cv::Mat& pixels) {
  std::vector<unsigned char> bytes;
  cv::imencode(".png", pixels, bytes);
  return {bytes.begin(), bytes.end()};
}

std::string error_of(std::string_view bytes) {
  try {
    decode_rgb(bytes, "scene.jpg");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CodecTest, PngIsLossless) {
  const cv::Mat rgb = gradient(31, 17);
  EXPECT_EQ(largest_difference(decode_rgb(encode_png(rgb), "a.png"), rgb), 0);
}

TEST(CodecTest, JpegKeepsChannelsInOrder) {
  const cv::Mat rgb = gradient(64, 48);
  EXPECT_LT(largest_difference(decode_rgb(encode_jpeg(rgb, 95), "a.jpg"), rgb), 14);
}

TEST(CodecTest, JpegDecodesAsOpenCvDoes) {
  const std::string bytes = encode_jpeg(gradient(101, 67));
  cv::Mat expected = cv::imdecode(cv::Mat(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data())),
                                  cv::IMREAD_COLOR);
  cv::cvtColor(expected, expected, cv::COLOR_BGR2RGB);
  EXPECT_EQ(largest_difference(decode_rgb(bytes, "a.jpg"), expected), 0);
}

TEST(CodecTest, GreySixteenBitAndAlphaBecomeRgb) {
  const cv::Mat grey(3, 4, CV_8U, cv::Scalar(77));
  EXPECT_EQ(largest_difference(decode_rgb(png_of(grey), "g.png"), cv::Mat(3, 4, CV_8UC3, cv::Scalar::all(77))), 0);
  const cv::Mat deep(3, 4, CV_16UC3, cv::Scalar(0, 128 * 257, 65535));  // BGR
  EXPECT_EQ(largest_difference(decode_rgb(png_of(deep), "d.png"), cv::Mat(3, 4, CV_8UC3, cv::Scalar(255, 128, 0))), 0);
  const cv::Mat alpha(3, 4, CV_8UC4,
                      cv::Scalar(10, 20, 30, 0));  // BGRA, fully transparent: the colours are still there
  EXPECT_EQ(largest_difference(decode_rgb(png_of(alpha), "a.png"), cv::Mat(3, 4, CV_8UC3, cv::Scalar(30, 20, 10))), 0);
}

TEST(CodecTest, ExifOrientationIsIgnored) {
  std::string bytes = encode_jpeg(gradient(40, 20));
  const std::string exif(
      "\xff\xe1\x00\x22"
      "Exif\0\0"
      "II*\0\x08\0\0\0"
      "\x01\0"
      "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
      "\0\0\0\0",
      36);
  const std::string turned = bytes.substr(0, 2) + exif + bytes.substr(2);
  EXPECT_EQ(decode_rgb(turned, "a.jpg").size(), cv::Size(40, 20));
  const cv::Mat encoded(1, static_cast<int>(turned.size()), CV_8U, const_cast<char*>(turned.data()));
  EXPECT_EQ(cv::imdecode(encoded, cv::IMREAD_COLOR).size(), cv::Size(20, 40))
      << "the tag in this test is not one that decoders obey";
}

TEST(CodecTest, EveryTruncationOfAJpegIsAnError) {
  cv::Mat noise(64, 64, CV_8UC3);
  cv::theRNG().state = 7;
  cv::randu(noise, 0, 255);
  const std::string bytes = encode_jpeg(noise);
  for (size_t length = 0; length + 2 < bytes.size(); length += 61) {
    EXPECT_THROW(decode_rgb(std::string_view(bytes).substr(0, length), "t.jpg"), Error)
        << length << " of " << bytes.size();
    EXPECT_NO_THROW(decode_rgb(bytes, "good.jpg")) << "after a failure at " << length;
  }
  EXPECT_THAT(error_of(bytes.substr(0, bytes.size() / 2)), HasSubstr("scene.jpg: truncated JPEG"));
}

TEST(CodecTest, DamagedFilesAreNamed) {
  const std::string png = encode_png(gradient(64, 64));
  EXPECT_THAT(error_of(png.substr(0, png.size() / 2)), HasSubstr("scene.jpg: "));
  EXPECT_THAT(error_of("no image at all"), AllOf(HasSubstr("scene.jpg: not an image"), HasSubstr("expected JPEG")));
  EXPECT_THAT(error_of(""), HasSubstr("scene.jpg: the file is empty"));
}

TEST(CodecTest, MissingFileIsNamed) {
  const fs::path missing = fs::path(::testing::TempDir()) / "no_such_folder" / "a.jpg";
  try {
    decode_rgb(missing);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr(missing.string()), HasSubstr("No such file")));
  }
}

TEST(CodecTest, WriteImageGoesByTheEnding) {
  const fs::path folder = fs::path(::testing::TempDir()) / "codec_test_write";
  write_image(folder / "a.PNG", gradient(8, 8));
  EXPECT_EQ(read_file(folder / "a.PNG").substr(1, 3), "PNG");
  write_image(folder / "a.jpeg", gradient(8, 8));
  EXPECT_EQ(read_file(folder / "a.jpeg").substr(0, 2), "\xff\xd8");
  EXPECT_THROW(write_image(folder / "a.gif", gradient(8, 8)), Error);
  fs::remove_all(folder);
}

TEST(CodecTest, RealImagesDecodeAsOpenCvDoes) {
  const char* root = std::getenv("SKYLIFT_VISDRONE");
  if (!root) GTEST_SKIP() << "SKYLIFT_VISDRONE names no folder with train/ and val/";
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(root) / "val" / "images")) {
    if (++count > 8) break;
    cv::Mat expected = cv::imread(entry.path().string(), cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    cv::cvtColor(expected, expected, cv::COLOR_BGR2RGB);
    EXPECT_EQ(largest_difference(decode_rgb(entry.path()), expected), 0) << entry.path();
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace skylift
