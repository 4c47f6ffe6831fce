// The frames of what `skylift predict` reads, one after the other, whatever they are from; a stream that was lost is
// looked for again.
#pragma once

#include <cstdint>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "apps/predict_inputs.h"
#include "skylift/image/video.h"

namespace skylift {

/// One image on its way through.
struct Frame {
  const PredictInput* input = nullptr;
  int64_t number = 0;  ///< of a video's frames, from 1; 0: an image
  cv::Mat pixels;      ///< decoded, or empty: an image that is decoded later
  bool bgr = false;
  std::string problem;  ///< why it could not be read

  std::string file() const;    ///< as results name it: day1/photo.jpg, clip_000017.jpg as it would be as an image
  bool last_of_video = false;  ///< nothing follows; no pixels
  double fps = 25;
};

/// Reads the pixels if they are not there yet; notes a problem instead of throwing.
void load_pixels(Frame& frame);

/// All inputs' frames in order.
class FrameSource {
 public:
  explicit FrameSource(std::vector<PredictInput> inputs);

  /// The next frame, or false. A video that cannot be opened or ends early gives a frame with a problem.
  bool next(Frame& frame);

  /// Of the first image or video as its header says; 0x0: not known.
  cv::Size first_size() const { return first_size_; }

  int64_t total() const { return total_; }  ///< 0: not known

 private:
  bool next_of_video(Frame& frame);
  bool reconnect();

  std::vector<PredictInput> inputs_;
  size_t at_ = 0;
  std::unique_ptr<VideoReader> video_;
  int64_t frames_before_ = 0;  ///< of the same stream, before it was lost and found again
  int64_t total_ = 0;
  cv::Size first_size_;
};

}  // namespace skylift
