#include "skylift/image/video.h"

#include <cmath>
#include <cstdlib>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/temporary_file.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// OpenCV and FFmpeg would print to stderr what we say in one line.
void silence() {
  ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

}  // namespace

struct VideoReader::Impl {
  cv::VideoCapture capture;
};

VideoReader::VideoReader(const std::string& source) : impl_(std::make_unique<Impl>()) {
  silence();
  bool opened = false;
  try {
    opened = impl_->capture.open(source, cv::CAP_FFMPEG) || impl_->capture.open(source);
  } catch (const cv::Exception&) {
  }
  if (!opened)
    throw Error("{}: cannot be read as a video: damaged, cut off, or in an unknown format", without_password(source));
  const double count = impl_->capture.get(cv::CAP_PROP_FRAME_COUNT), fps = impl_->capture.get(cv::CAP_PROP_FPS);
  if (count > 0 && count < 1e12) frame_count_ = static_cast<int64_t>(count);
  const auto side = [&](int property) {
    const int64_t value = to_integer(impl_->capture.get(property)).value_or(0);
    return std::in_range<int>(value) ? static_cast<int>(value) : 0;
  };
  size_ = {side(cv::CAP_PROP_FRAME_WIDTH), side(cv::CAP_PROP_FRAME_HEIGHT)};
  if (std::isfinite(fps) && fps > 0 && fps < 1000) fps_ = fps;
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

bool VideoReader::read(cv::Mat& bgr) {
  cv::Mat frame;
  try {
    if (!impl_->capture.read(frame) || frame.empty()) return false;
  } catch (const cv::Exception&) {
    return false;
  }
  if (frame.channels() == 1) cv::cvtColor(frame, frame, cv::COLOR_GRAY2BGR);
  bgr = frame;
  ++frames_read_;
  return true;
}

struct VideoWriter::Impl {
  fs::path path, temporary;
  cv::VideoWriter writer;
  cv::Size size;
};

VideoWriter::VideoWriter(fs::path path, cv::Size size, double fps) : impl_(std::make_unique<Impl>()) {
  silence();
  make_folder(path.parent_path());
  impl_->path = std::move(path);
  impl_->temporary = temporary_path(impl_->path);
  impl_->size = size;
  const bool opened =
      impl_->writer.open(impl_->temporary.string(), cv::VideoWriter::fourcc('m', 'p', '4', 'v'), fps, size);
  if (!opened) throw Error("{}: a video of {}x{} px cannot be written", impl_->path.string(), size.width, size.height);
}

VideoWriter::~VideoWriter() {
  if (!impl_->writer.isOpened()) return;
  impl_->writer.release();
  std::error_code ignored;
  fs::remove(impl_->temporary, ignored);
}

void VideoWriter::write(const cv::Mat& bgr) {
  if (bgr.size() == impl_->size) {
    impl_->writer.write(bgr);
    return;
  }
  cv::Mat resized;  // a stream may change its size
  cv::resize(bgr, resized, impl_->size);
  impl_->writer.write(resized);
}

void VideoWriter::finish() {
  impl_->writer.release();
  move_file(impl_->temporary, impl_->path);
}

}  // namespace skylift
