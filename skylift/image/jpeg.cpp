#include "skylift/image/jpeg.h"

#include <turbojpeg.h>

#include <memory>
#include <opencv2/core.hpp>

#include "skylift/core/error.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Destroy>;

// A handle holds large tables, so each thread keeps one.
thread_local Handle decompressor;

/// A handle that failed is thrown away: half-read tables in it would make the next good image fail as well.
[[noreturn]] void fail(const std::string& name) {
  const std::string reason = tjGetErrorStr2(decompressor.get());
  decompressor.reset();
  const bool truncated =
      reason.find("Premature end") != std::string::npos || reason.find("ended prematurely") != std::string::npos;
  throw Error("{}: {} JPEG ({}); fetch or export this image again", name, truncated ? "truncated" : "damaged", reason);
}

/// Printers' colours, which Adobe's programs store inverted, as all that write such files do.
cv::Mat rgb_of_inverted_cmyk(const cv::Mat& cmyk) {
  cv::Mat rgb(cmyk.size(), CV_8UC3);
  for (int y = 0; y < cmyk.rows; ++y) {
    const auto* from = cmyk.ptr<cv::Vec4b>(y);
    auto* to = rgb.ptr<cv::Vec3b>(y);
    for (int x = 0; x < cmyk.cols; ++x) {
      for (int channel = 0; channel < 3; ++channel)
        to[x][channel] = static_cast<uchar>(from[x][channel] * from[x][3] / 255);
    }
  }
  return rgb;
}

}  // namespace

void check_pixels(int64_t width, int64_t height, const std::string& name, int64_t most_pixels) {
  if (width > 0 && height > most_pixels / width)
    throw Error("{}: {}x{} px, expected at most {} px in all", name, width, height, most_pixels);
}

bool is_jpeg(std::string_view bytes) { return bytes.substr(0, 3) == "\xff\xd8\xff"; }

cv::Mat decode_jpeg(std::string_view bytes, const std::string& name, int64_t most_pixels) {
  if (!decompressor) decompressor.reset(tjInitDecompress());
  const tjhandle handle = decompressor.get();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(handle, data, bytes.size(), &width, &height, &subsampling, &colours) != 0) fail(name);
  check_pixels(width, height, name, most_pixels);
  const bool cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;  // TurboJPEG has no conversion of these to RGB
  cv::Mat pixels(height, width, cmyk ? CV_8UC4 : CV_8UC3);
  // libjpeg only warns when data ends early and fills the rest with grey: a warning has to be a failure here.
  // The number of scans is limited since a scan of no more than a few bytes makes work for the whole image.
  const int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(handle, data, bytes.size(), pixels.data, pixels.cols, static_cast<int>(pixels.step), pixels.rows,
                    cmyk ? TJPF_CMYK : TJPF_RGB, flags) != 0) {
    fail(name);
  }
  return cmyk ? rgb_of_inverted_cmyk(pixels) : pixels;
}

std::string encode_jpeg(const cv::Mat& rgb, int quality) {
  CV_Assert(rgb.type() == CV_8UC3 && !rgb.empty());
  const Handle handle(tjInitCompress());
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(handle.get(), rgb.data, rgb.cols, static_cast<int>(rgb.step), rgb.rows, TJPF_RGB,
                                 &data, &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(data, &tjFree);
  if (status != 0) throw std::runtime_error(std::string("cannot encode a JPEG: ") + tjGetErrorStr2(handle.get()));
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace skylift
