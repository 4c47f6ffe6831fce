// Video files, image sequences (frame_%04d.jpg) and streams (rtsp://..., /dev/video0), through OpenCV.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>

namespace skylift {

class VideoReader {
 public:
  /// Error: cannot be opened, or not a video.
  explicit VideoReader(const std::string& source);
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;

  /// The next frame, 8-bit BGR; nothing left: false.
  bool read(cv::Mat& bgr);

  int64_t frame_count() const { return frame_count_; }  ///< as its header says; 0: not known
  int64_t frames_read() const { return frames_read_; }
  cv::Size size() const { return size_; }  ///< of its frames, as its header says
  double fps() const { return fps_; }      ///< frames a second; 25 if the video does not say

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int64_t frame_count_ = 0, frames_read_ = 0;
  double fps_ = 25;
  cv::Size size_;
};

/// MPEG-4 in an .mp4 file, which is there only after finish().
class VideoWriter {
 public:
  /// Error: cannot be written.
  VideoWriter(std::filesystem::path path, cv::Size size, double fps);
  ~VideoWriter();
  void write(const cv::Mat& bgr);
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skylift
