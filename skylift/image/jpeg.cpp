#include "skylift/image/jpeg.h"

#include <turbojpeg.h>

#include <memory>
#include <opencv2/core.hpp>

#include "skylift/core/error.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

constexpr int64_t kMostPixels = int64_t{1} << 28;  // a damaged header must not ask for all of the memory

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

}  // namespace

bool is_jpeg(std::string_view bytes) { return bytes.substr(0, 3) == "\xff\xd8\xff"; }

std::optional<cv::Mat> decode_jpeg(std::string_view bytes, const std::string& name) {
  if (!decompressor) decompressor.reset(tjInitDecompress());
  const tjhandle handle = decompressor.get();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(handle, data, bytes.size(), &width, &height, &subsampling, &colours) != 0) fail(name);
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) return std::nullopt;
  if (int64_t{width} * height > kMostPixels)
    throw Error("{}: {}x{} px, expected at most {} px in all", name, width, height, kMostPixels);

  cv::Mat rgb(height, width, CV_8UC3);
  // libjpeg only warns when data ends early and fills the rest with grey: a warning has to be a failure here.
  const int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING;
  if (tjDecompress2(handle, data, bytes.size(), rgb.data, rgb.cols, static_cast<int>(rgb.step), rgb.rows, TJPF_RGB,
                    flags) != 0) {
    fail(name);
  }
  return rgb;
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
