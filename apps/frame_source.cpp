#include "apps/frame_source.h"

#include <chrono>
#include <thread>

#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/core/local_path.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"

namespace skylift {

std::string Frame::file() const { return number > 0 ? fmt::format("{}_{:06}.jpg", input->name, number) : input->file; }

void load_pixels(Frame& frame) {
  if (!frame.pixels.empty() || !frame.problem.empty() || frame.last_of_video) return;
  try {
    frame.pixels = decode_rgb(std::filesystem::path(frame.input->source), frame.input->reading);
  } catch (const Error& error) {
    frame.problem = error.what();
    if (!is_image_name(frame.input->source)) frame.problem += fmt::format(" (hint: {})", input_endings());
  }
}

FrameSource::FrameSource(std::vector<PredictInput> inputs) : inputs_(std::move(inputs)) {
  bool known = true;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const PredictInput& input = inputs_[i];
    total_ += input.video ? 0 : 1;
    if ((!input.video && i > 0) || input.stream) {
      known = known && !input.video;
      continue;
    }
    try {  // what cannot be read is said by next()
      if (input.video) {
        const VideoReader video(input.source);
        known = known && video.frame_count() > 0;
        total_ += video.frame_count();
        if (i == 0) first_size_ = video.size();
      } else {
        const ImageSize size = read_image_size(input.source, input.reading);
        first_size_ = {size.width, size.height};
      }
    } catch (const Error&) {
    }
  }
  if (!known) total_ = 0;
}

/// A stream that was lost is looked for again, after growing pauses; whoever stops the program need not wait.
bool FrameSource::reconnect() {
  using namespace std::chrono_literals;
  constexpr int attempts = 5;
  frames_before_ += video_->frames_read();
  auto pause = 500ms;
  for (int attempt = 1; attempt <= attempts; ++attempt, pause *= 2) {
    log_warning("{}: lost after {} frames; attempt {} of {} to connect again", without_password(inputs_[at_].source),
                frames_before_, attempt, attempts);
    for (auto waited = 0ms; waited < pause; waited += 50ms) {
      if (stop_signal() != 0) return false;
      std::this_thread::sleep_for(50ms);
    }
    try {
      video_ = std::make_unique<VideoReader>(inputs_[at_].source);
      return true;
    } catch (const Error&) {  // not there yet
    }
  }
  return false;
}

bool FrameSource::next_of_video(Frame& frame) {
  frame.input = &inputs_[at_];
  try {
    if (!video_) video_ = std::make_unique<VideoReader>(inputs_[at_].source);
  } catch (const Error& error) {
    frame.problem = error.what();
    if (inputs_[at_].source.starts_with("http"))
      frame.problem += " (hint: nothing but video streams is read over the network: download it and give the file)";
    ++at_;
    return true;
  }
  frame.bgr = true;
  frame.fps = video_->fps();
  const bool endless = inputs_[at_].live && video_->frame_count() == 0;
  do {
    frame.number = frames_before_ + video_->frames_read() + 1;
    if (video_->read(frame.pixels)) return true;
  } while (endless && video_->frames_read() > 0 && reconnect());
  frame.last_of_video = true;
  // Headers of some formats only estimate the number of frames.
  if (endless && stop_signal() == 0) {
    frame.problem = fmt::format("{}: lost after {} frames, and not found again", without_password(frame.input->source),
                                frame.number - 1);
  } else if (video_->frames_read() < video_->frame_count() * 98 / 100 - 1 || video_->frames_read() == 0) {
    frame.problem = fmt::format("{}: damaged or cut off: got {} frames, its header promises {}",
                                without_password(frame.input->source), video_->frames_read(), video_->frame_count());
  }
  video_.reset();
  frames_before_ = 0;
  ++at_;
  return true;
}

bool FrameSource::next(Frame& frame) {
  if (at_ == inputs_.size()) return false;
  if (inputs_[at_].video) return next_of_video(frame);
  frame.input = &inputs_[at_++];
  return true;
}

}  // namespace skylift
