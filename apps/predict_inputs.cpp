#include "apps/predict_inputs.h"

#include <fmt/core.h>
#include <glob.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/text.h"
#include "skylift/image/codec.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kVideos = {".mp4", ".avi", ".mov",  ".mkv", ".webm",
                                          ".m4v", ".mpg", ".mpeg", ".ts",  ".mjpeg"};

bool has_ending(const fs::path& path, const std::vector<std::string>& endings) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

bool is_live(const std::string& source) {
  return source.find("://") != std::string::npos || source.starts_with("/dev/video");
}

/// What OpenCV opens though no such file exists: a stream's address, a camera, a numbered sequence.
bool is_stream(const std::string& source) {
  if (is_live(source)) return true;
  const size_t percent = source.find('%');
  return percent != std::string::npos && source.find('d', percent) != std::string::npos && !fs::exists(source);
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return paths;
}

std::vector<std::string> inside(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool image_or_video = is_image_name(entry.path()) || has_ending(entry.path(), kVideos);
    if (entry.is_regular_file() && !is_hidden(entry.path()) && image_or_video) files.push_back(entry.path().string());
  }
  if (files.empty())
    throw Error("{}: no images in this folder (hint: a data set's images are in its images/ folder)", folder);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> expand(const std::string& argument) {
  if (fs::is_directory(argument)) return inside(argument);
  if (fs::exists(argument) || is_stream(argument)) return {argument};
  std::vector<std::string> paths = expand_glob(argument);
  if (paths.empty()) throw Error("{}: no such file or folder", argument);
  return paths;
}

/// A name for files beside each other: letters that paths give a meaning become '_'.
std::string plain_name(const std::string& source) {
  std::string name =
      source.find("://") == std::string::npos ? fs::path(source).stem().string() : without_password(source);
  for (char& letter : name) {
    if (letter == '/' || letter == ':' || letter == '%' || letter == '?') letter = '_';
  }
  return name;
}

}  // namespace

std::vector<PredictInput> find_inputs(const std::vector<std::string>& arguments, const ImageReading& reading) {
  std::vector<PredictInput> inputs;
  std::map<std::string, int> used;
  for (const std::string& argument : arguments) {
    for (std::string& source : expand(argument)) {
      std::string name = plain_name(source);
      if (const int before = used[name]++; before > 0) name = fmt::format("{}-{}", name, before + 1);
      const bool video = has_ending(source, kVideos) || is_stream(source);
      const bool live = is_live(source);
      inputs.push_back({std::move(source), std::move(name), video, reading, live});
    }
  }
  return inputs;
}

std::string Frame::file() const {
  if (number > 0) return fmt::format("{}_{:06}", input->name, number);
  return input->name + fs::path(input->source).extension().string();
}

void load_pixels(Frame& frame) {
  if (!frame.pixels.empty() || !frame.problem.empty() || frame.last_of_video) return;
  try {
    frame.pixels = decode_rgb(fs::path(frame.input->source), frame.input->reading);
  } catch (const Error& error) {
    frame.problem = error.what();
  }
}

FrameSource::FrameSource(std::vector<PredictInput> inputs) : inputs_(std::move(inputs)) {
  bool known = true;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const PredictInput& input = inputs_[i];
    total_ += input.video ? 0 : 1;
    if ((!input.video && i > 0) || is_stream(input.source)) {
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
