#include "skylift/image/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <turbojpeg.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <thread>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "tests/error_of.h"
#include "tests/exif_files.h"

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

std::string decode_error(std::string_view bytes) {
  return error_of([&] { decode_rgb(bytes, "scene.jpg"); });
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

cv::Mat opencv_decodes(const std::string& bytes, int mode = cv::IMREAD_COLOR) {
  cv::Mat pixels =
      cv::imdecode(cv::Mat(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data())), mode);
  cv::cvtColor(pixels, pixels, cv::COLOR_BGR2RGB);
  return pixels;
}

constexpr ImageReading kStored = {ImageReading::Orientation::stored, ImageReading::Depth::image};

TEST(CodecTest, EveryExifOrientationIsAppliedAsOpenCvDoes) {
  const cv::Mat rgb = gradient(40, 24);
  const std::string jpeg = encode_jpeg(rgb), png = encode_png(rgb);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const std::string& bytes : {exif::in_jpeg(jpeg, orientation, orientation % 2 == 0),
                                     exif::in_png(png, orientation), exif::in_png(png, orientation, true)}) {
      SCOPED_TRACE(fmt::format("{} {}", bytes.substr(1, 3), orientation));
      EXPECT_EQ(decode_rgb(bytes, "a").size(), orientation >= 5 ? cv::Size(24, 40) : cv::Size(40, 24));
      EXPECT_EQ(largest_difference(decode_rgb(bytes, "a"), opencv_decodes(bytes)), 0);
      EXPECT_EQ(largest_difference(decode_rgb(bytes, "a", kStored), decode_rgb(bytes[0] == '\x89' ? png : jpeg, "b")),
                0);
    }
  }
}

TEST(CodecTest, TiffAndWebpAreTurnedOnce) {
  const cv::Mat rgb = gradient(40, 24);
  const std::string pixels(rgb.ptr<char>(), rgb.total() * 3), png = encode_png(rgb);
  std::string deep;  // each value v as v * 257, so that stretching gives back v where 0 and 255 occur
  cv::Mat full = rgb.clone();
  full.at<cv::Vec3b>(0, 0) = {0, 0, 0};
  full.at<cv::Vec3b>(0, 1) = {255, 255, 255};
  for (const char c : std::string(full.ptr<char>(), full.total() * 3)) deep += std::string(2, c);
  std::vector<unsigned char> lossless;
  cv::imencode(".webp", opencv_decodes(png), lossless, {cv::IMWRITE_WEBP_QUALITY, 101});
  const std::string webp(lossless.begin(), lossless.end());
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const cv::Mat expected = decode_rgb(exif::in_png(png, orientation), "p.png");
    for (const bool big_endian : {false, true}) {
      const std::string tiff = exif::tiff(40, 24, pixels, orientation, big_endian);
      EXPECT_EQ(largest_difference(decode_rgb(tiff, "a.tif"), expected), 0);
      EXPECT_EQ(largest_difference(decode_rgb(tiff, "a.tif", kStored), rgb), 0);
      const std::string sixteen = exif::tiff(40, 24, deep, orientation, big_endian, 16);
      EXPECT_EQ(largest_difference(decode_rgb(sixteen, "d.tif"),
                                   decode_rgb(exif::in_png(encode_png(full), orientation), "p.png")),
                0);
    }
    EXPECT_EQ(largest_difference(decode_rgb(exif::in_webp(webp, 40, 24, orientation), "a.webp"),
                                 decode_rgb(exif::in_png(encode_png(decode_rgb(webp, "b")), orientation), "p")),
              0);
  }
}

TEST(CodecTest, SixteenBitsAreSpreadByTheRangeThatTheImageUses) {
  cv::Mat thermal(200, 200, CV_16U);
  for (int y = 0; y < 200; ++y) {
    for (int x = 0; x < 200; ++x) thermal.at<uint16_t>(y, x) = static_cast<uint16_t>(7000 + 10 * x);
  }
  thermal.at<uint16_t>(5, 7) = 0;  // dead pixels
  thermal.at<uint16_t>(9, 9) = 65535;
  const cv::Mat spread = decode_rgb(png_of(thermal), "t.png");
  EXPECT_EQ(spread.at<cv::Vec3b>(100, 0), cv::Vec3b(0, 0, 0));
  EXPECT_EQ(spread.at<cv::Vec3b>(100, 199), cv::Vec3b(255, 255, 255));
  EXPECT_NEAR(spread.at<cv::Vec3b>(100, 100)[0], 128, 1);
  const cv::Mat by_type = decode_rgb(png_of(thermal), "t.png", {.depth = ImageReading::Depth::type});
  EXPECT_EQ(by_type.at<cv::Vec3b>(100, 0)[0], 27);  // 7000 / 257
  const cv::Mat even(3, 4, CV_16U, cv::Scalar(5140));
  EXPECT_EQ(decode_rgb(png_of(even), "e.png").at<cv::Vec3b>(0, 0)[1], 20) << "without a range it is the type's";
}

TEST(CodecTest, AlphaOfSixteenBitsTakesNoPartInTheRange) {
  cv::Mat deep(1, 3, CV_16UC4, cv::Scalar(1000, 1000, 1000, 65535));
  deep.at<cv::Vec<uint16_t, 4>>(0, 2) = {3000, 3000, 3000, 0};
  const cv::Mat rgb = decode_rgb(png_of(deep), "a.png");
  EXPECT_EQ(rgb.at<cv::Vec3b>(0, 0), cv::Vec3b(0, 0, 0));
  EXPECT_EQ(rgb.at<cv::Vec3b>(0, 2), cv::Vec3b(255, 255, 255));
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
  EXPECT_THAT(decode_error(bytes.substr(0, bytes.size() / 2)), HasSubstr("scene.jpg: truncated JPEG"));
}

std::string progressive_jpeg(const cv::Mat& rgb) {
  std::vector<unsigned char> bytes;
  cv::imencode(".jpg", rgb, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  return {bytes.begin(), bytes.end()};
}

TEST(CodecTest, FaultsBehindTheLastPixelOfAJpegAreNone) {
  for (const std::string& whole : {encode_jpeg(gradient(64, 48)), progressive_jpeg(gradient(64, 48))}) {
    ASSERT_TRUE(whole.ends_with("\xFF\xD9"));
    const std::string unmarked = whole.substr(0, whole.size() - 2);
    const cv::Mat expected = decode_rgb(whole, "a.jpg");
    for (const std::string& bytes : {unmarked, unmarked + "\xFF", unmarked + std::string(5, '\0') + "\xFF\xD9",
                                     unmarked + std::string(5, '\0'), whole + "behind the end"}) {
      EXPECT_EQ(largest_difference(decode_rgb(bytes, "a.jpg"), expected), 0);
    }
    for (size_t cut = 6; cut < unmarked.size(); cut += 7)
      EXPECT_THROW(decode_rgb(unmarked.substr(0, unmarked.size() - cut), "a.jpg"), Error) << cut;
  }
}

/// libjpeg would take the scans that are there for the whole image.
TEST(CodecTest, AProgressiveJpegWithoutItsLastScansIsTruncated) {
  const std::string jpeg = progressive_jpeg(gradient(64, 48));
  int cuts = 0;
  for (size_t at = jpeg.find("\xFF\xDA"); (at = jpeg.find("\xFF\xDA", at + 1)) != std::string::npos; ++cuts)
    EXPECT_THAT(decode_error(jpeg.substr(0, at)), HasSubstr("truncated JPEG")) << at;
  EXPECT_GT(cuts, 2);
}

TEST(CodecTest, DamagedFilesAreNamed) {
  const std::string png = encode_png(gradient(64, 64));
  EXPECT_THAT(decode_error(png.substr(0, png.size() / 2)), HasSubstr("scene.jpg: "));
  EXPECT_THAT(decode_error("no image at all"), AllOf(HasSubstr("scene.jpg: not an image"), HasSubstr("expected JPEG")));
  EXPECT_THAT(decode_error(""), HasSubstr("scene.jpg: the file is empty"));
}

/// A header is a few bytes; what it asks for must not be given before it is looked at, in any format.
TEST(CodecTest, HugeSizesAreRefusedFromTheirHeaders) {
  const auto number = [](uint32_t value, int count, bool big) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> 8 * (big ? count - 1 - i : i));
    return bytes;
  };
  const auto le = [&](uint32_t value, int count = 4) { return number(value, count, false); };
  const auto be = [&](uint32_t value, int count = 4) { return number(value, count, true); };
  const auto entry = [&](int tag, int type, uint32_t value) {
    return le(static_cast<uint32_t>(tag), 2) + le(static_cast<uint32_t>(type), 2) + le(1) + le(value);
  };
  const std::string tiff = std::string("II*\0", 4) + le(8);
  const std::map<std::string, std::string> headers = {
      {"png", "\x89PNG\r\n\x1A\n" + be(13) + "IHDR" + be(32000) + be(32000) + std::string("\x08\x02\0\0\0", 5)},
      {"bmp",
       "BM" + le(0) + le(0) + le(54) + le(40) + le(32000) + le(static_cast<uint32_t>(-32000)) + le(1, 2) + le(24, 2)},
      {"webp", "RIFF" + le(30) + "WEBPVP8X" + le(10) + le(0) + le(16383, 3) + le(16999, 3)},
      {"tiff", tiff + le(2, 2) + entry(256, 4, 32000) + entry(257, 3, 32000)},
      {"tiled tiff",
       tiff + le(4, 2) + entry(256, 3, 1) + entry(257, 3, 1) + entry(322, 4, 32768) + entry(323, 4, 32768)},
      {"jpeg",
       "\xFF\xD8\xFF\xC0" + be(17, 2) + "\x08" + be(32000, 2) + be(32000, 2) +
           std::string("\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xFF\xDA\0\x0C\x03\x01\0\x02\0\x03\0\0\x3F\0", 24)}};
  for (const auto& [format, bytes] : headers) {
    EXPECT_THAT(decode_error(bytes), AllOf(HasSubstr("scene.jpg: "), HasSubstr("expected at most 268435456 px")))
        << format;
  }
  EXPECT_THROW(decode_rgb(encode_png(gradient(100, 100)), "a.png", {}, 9999), Error);
  EXPECT_NO_THROW(decode_rgb(encode_png(gradient(100, 100)), "a.png", {}, 10000));
  EXPECT_THROW(decode_rgb(encode_jpeg(gradient(100, 100)), "a.jpg", {}, 9999), Error);
}

/// libpng takes what a chunk claims before it looks whether the file has as much.
TEST(CodecTest, ChunksOfAPngThatAreNoPixelsAreNotRead) {
  const std::string png = encode_png(gradient(9, 7));
  const size_t behind_header = 8 + 25;
  const auto with_chunk = [&](const std::string& length, const std::string& rest) {
    return png.substr(0, behind_header) + length + rest + png.substr(behind_header);
  };
  EXPECT_THAT(decode_error(with_chunk("\x60\x01\x01\x01", "eXIfxc")),
              HasSubstr("scene.jpg: damaged PNG: a chunk claims 1610678529 bytes, "));
  for (const std::string type : {"iCCP", "zTXt", "eXIf", "oWn2"}) {
    const std::string rubbish = with_chunk(std::string("\0\0\0\x05", 4), type + "worse" + "none");
    EXPECT_EQ(largest_difference(decode_rgb(rubbish, "a.png"), gradient(9, 7)), 0) << type;
  }
  EXPECT_EQ(largest_difference(decode_rgb(png + std::string(40, 'x'), "a.png"), gradient(9, 7)), 0) << "behind the end";
  EXPECT_NE(decode_error(with_chunk(std::string("\0\0\0\x05", 4), "OWN2worsenone")), "no error")
      << "one that a reader must know";
}

TEST(CodecTest, EveryFormatThatIsPromisedIsRead) {
  for (const std::string ending : {".png", ".bmp", ".tiff", ".webp", ".jpg"}) {
    std::vector<unsigned char> bytes;
    cv::imencode(ending, gradient(37, 21), bytes);
    EXPECT_EQ(decode_rgb(std::string(bytes.begin(), bytes.end()), "a" + ending).size(), cv::Size(37, 21)) << ending;
  }
  // Known to OpenCV, and nobody's photograph.
  EXPECT_THAT(decode_error("P6 2 2 255 0123456789ab"), HasSubstr("expected JPEG, PNG, BMP, TIFF or WebP"));
}

/// A JPEG of printers' colours, as Adobe's programs write them.
std::string cmyk_jpeg(const cv::Mat& inverted) {
  const tjhandle handle = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(handle, inverted.data, inverted.cols, 0, inverted.rows, TJPF_CMYK, &data, &size, TJSAMP_444, 98,
                        TJFLAG_PROGRESSIVE),
            0);
  const std::string bytes(reinterpret_cast<char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  return bytes;
}

TEST(CodecTest, PrintersColoursBecomeRgb) {
  cv::Mat inverted(16, 16, CV_8UC4, cv::Scalar(200, 100, 50, 255));
  inverted.colRange(8, 16) = cv::Scalar(255, 255, 255, 102);
  const cv::Mat rgb = decode_rgb(cmyk_jpeg(inverted), "a.jpg");
  EXPECT_LE(cv::norm(rgb.at<cv::Vec3b>(4, 3), cv::Vec3b(200, 100, 50), cv::NORM_INF), 4);
  EXPECT_LE(cv::norm(rgb.at<cv::Vec3b>(4, 12), cv::Vec3b(102, 102, 102), cv::NORM_INF), 4);
}

/// Each scan is a pass over the whole image for a few bytes.
TEST(CodecTest, ScansAreLimited) {
  for (const std::string& jpeg : {cmyk_jpeg(cv::Mat(64, 64, CV_8UC4, cv::Scalar::all(90))), [] {
                                    const cv::Mat grey(64, 64, CV_8UC3, cv::Scalar::all(90));
                                    std::vector<unsigned char> bytes;
                                    cv::imencode(".jpg", grey, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
                                    return std::string(bytes.begin(), bytes.end());
                                  }()}) {
    const size_t last = jpeg.rfind("\xFF\xDA"), end = jpeg.rfind("\xFF\xD9");
    ASSERT_LT(last, end);
    std::string many = jpeg.substr(0, end);
    for (int i = 0; i < 600; ++i) many += jpeg.substr(last, end - last);
    EXPECT_THAT(decode_error(many + "\xFF\xD9"), HasSubstr("damaged JPEG"));
    EXPECT_EQ(decode_error(jpeg), "no error");
  }
}

TEST(CodecTest, AFileThatShrinksIsAnErrorNotASignal) {
  // Read and not mapped: what is asked here is only that reading does not depend on the size that was seen before.
  const fs::path path = fs::path(::testing::TempDir()) / "codec_shrinks.png";
  const std::string bytes = encode_png(gradient(300, 300));
  for (int i = 0; i < 200; ++i) {
    write_file(path, bytes);
    std::thread cutter([&] { fs::resize_file(path, 100); });
    try {
      decode_rgb(path);
    } catch (const Error&) {
    }
    cutter.join();
  }
  fs::remove(path);
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
