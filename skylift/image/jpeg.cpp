#include "skylift/image/jpeg.h"

#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <map>
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

/// A handle that failed is thrown away, as in fresh_decompressor().
[[noreturn]] void fail(const std::string& name) {
  const std::string reason = tjGetErrorStr2(decompressor.get());
  decompressor.reset();
  const bool truncated =
      reason.find("remature end") != std::string::npos || reason.find("ended prematurely") != std::string::npos;
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

/// Bits of each coefficient of each component that no scan has brought yet.
using MissingBits = std::map<int, std::array<int, 64>>;
constexpr int kAllBits = 16;

void take_frame(std::string_view body, MissingBits& missing) {
  for (size_t at = 6; at + 2 < body.size(); at += 3) missing[static_cast<uchar>(body[at])].fill(kAllBits);
}

void take_scan(std::string_view body, MissingBits& missing) {
  const size_t count = body.empty() ? 0 : static_cast<uchar>(body[0]);
  if (body.size() < 4 + 2 * count) return;
  const auto first = static_cast<size_t>(static_cast<uchar>(body[1 + 2 * count]));
  const size_t last = std::min<size_t>(static_cast<uchar>(body[2 + 2 * count]), 63);
  const int left = static_cast<uchar>(body[3 + 2 * count]) & 15;
  for (size_t i = 0; i < count; ++i) {
    for (size_t k = first; k <= last; ++k) missing[static_cast<uchar>(body[1 + 2 * i])][k] = left;
  }
}

/// Whether scans for all of the image have begun: libjpeg itself does not mind the absence of whole ones.
bool has_every_scan(std::string_view bytes) {
  MissingBits missing;
  for (size_t at = 2; at + 3 < bytes.size();) {
    const auto marker = static_cast<uchar>(bytes[at + 1]);
    const bool standing_alone = marker == 0 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD8);
    if (bytes[at] != '\xFF' || standing_alone) {  // pixels, or between them
      at += 1;
      continue;
    }
    if (marker == 0xD9) break;
    const size_t length = static_cast<uchar>(bytes[at + 2]) * size_t{256} + static_cast<uchar>(bytes[at + 3]);
    const std::string_view body = bytes.substr(at + 4, std::max<size_t>(length, 2) - 2);
    const bool table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    if (marker >= 0xC0 && marker <= 0xCF && !table) take_frame(body, missing);
    if (marker == 0xDA) take_scan(body, missing);
    at += 2 + std::max<size_t>(length, 2);
  }
  return !missing.empty() && std::ranges::all_of(missing, [](const auto& component) {
    return std::ranges::all_of(component.second, [](int bits) { return bits == 0; });
  });
}

/// A decompressor that has seen nothing: half-read tables of a failure would make the next good image fail as well.
tjhandle fresh_decompressor() {
  decompressor.reset(tjInitDecompress());
  return decompressor.get();
}

/// Into pixels of the right size. libjpeg only warns when data ends early and fills the rest with grey: a warning has to
/// be a failure here. The number of scans is limited since a scan of no more than a few bytes makes work for the whole
/// image.
bool decompress(tjhandle handle, std::string_view bytes, cv::Mat& pixels, int more_flags = TJFLAG_STOPONWARNING) {
  const int flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | more_flags;
  const int status = tjDecompress2(handle, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                   pixels.data, pixels.cols, static_cast<int>(pixels.step), pixels.rows,
                                   pixels.channels() == 4 ? TJPF_CMYK : TJPF_RGB, flags);
  return status == 0 || ((more_flags & TJFLAG_STOPONWARNING) == 0 && tjGetErrorCode(handle) == TJERR_WARNING);
}

bool last_error_has(std::string_view text) {
  return std::string_view(tjGetErrorStr2(decompressor.get())).find(text) != std::string_view::npos;
}

/// After a failure: two faults behind the last pixel, which cost none of them. Cameras that lose power leave out the end
/// mark, some recorders put bytes before it. With a mark in its place, data that really ends early is still a warning.
bool decompress_faulty_end(std::string_view bytes, cv::Mat& pixels) {
  std::string marked;
  if (last_error_has("Premature end of JPEG file") && has_every_scan(bytes)) {
    bytes = marked = std::string(bytes) + "\xFF\xD9";
    if (decompress(fresh_decompressor(), bytes, pixels)) return true;
  }
  const bool stray = last_error_has("extraneous bytes before marker 0xd9");  // behind the mark nothing is read
  return stray && decompress(fresh_decompressor(), bytes, pixels, 0);
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
  if (!decompress(handle, bytes, pixels) && !decompress_faulty_end(bytes, pixels)) fail(name);
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
