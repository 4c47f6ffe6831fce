#include "apps/predict_inputs.h"

#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <set>
#include <thread>

#include "skylift/annotations/image_finder.h"
#include "skylift/annotations/image_size.h"
#include "skylift/core/error.h"
#include "skylift/core/local_path.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
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

bool is_address(const std::string& source) { return source.find("://") != std::string::npos; }

bool is_live(const std::string& source) { return is_address(source) || source.starts_with("/dev/video"); }

/// What OpenCV opens though no such file exists: a stream's address, a camera, a numbered sequence.
bool is_stream(const std::string& source) {
  if (is_live(source)) return true;
  const size_t percent = source.find('%');
  return percent != std::string::npos && source.find('d', percent) != std::string::npos && !is_there(source);
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return paths;
}

/// The files below a folder, those of linked folders too; what begins with a dot is not there. A link may lead back up,
/// so each folder is entered once.
void collect(const fs::path& folder, std::set<fs::path>& entered, std::vector<std::string>& files) {
  if (!entered.insert(fs::canonical(folder)).second) return;
  std::vector<fs::path> entries;
  std::error_code code;
  for (fs::directory_iterator at(folder, code); !code && at != fs::directory_iterator(); at.increment(code))
    entries.push_back(at->path());
  if (code) throw Error("{}: cannot list this folder: {}", folder.string(), code.message());
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    if (is_hidden(entry)) continue;
    if (is_folder(entry)) {
      collect(entry, entered, files);
    } else if (is_file(entry)) {
      files.push_back(entry.string());
    }
  }
}

std::vector<std::string> inside(const std::string& folder) {
  std::set<fs::path> entered;
  std::vector<std::string> files, inputs, others;
  collect(folder, entered, files);
  std::set<fs::path> stems;  // of what is read: a text of the same name belongs to it
  for (const std::string& file : files) {
    const bool input = is_image_name(file) || has_ending(file, kVideos);
    (input ? inputs : others).push_back(file);
    if (input) stems.insert(fs::path(file).stem());
  }
  if (inputs.empty()) throw Error("{}: no images or videos in this folder or those below it", folder);
  std::erase_if(others, [&](const std::string& file) { return stems.contains(fs::path(file).stem()); });
  if (!others.empty())
    log_warning("{}: {} file{} passed over, no image or video that is read, e.g. {}", folder, others.size(),
                others.size() == 1 ? "" : "s", others.front());
  return inputs;
}

/// OpenCV would take the address of a picture, or of a store of files, for a video's, and wait.
void check_no_web_picture(const std::string& argument) {
  const bool picture = is_image_name(argument.substr(0, argument.find_first_of("?#")));
  const bool store = argument.starts_with("s3:") || argument.starts_with("gs:") || argument.starts_with("file:");
  if (picture || store) check_local(argument);
}

std::vector<std::string> expand(const std::string& argument) {
  check_no_web_picture(argument);
  if (is_folder(argument)) return inside(argument);
  if (is_there(argument) || is_stream(argument)) return {argument};
  std::vector<std::string> paths = expand_glob(argument);
  if (paths.empty()) throw Error("{}: no such file or folder", argument);
  std::vector<std::string> sources;
  for (const std::string& path : paths) {
    if (!is_folder(path)) {
      sources.push_back(path);
      continue;
    }
    const auto below = inside(path);
    sources.insert(sources.end(), below.begin(), below.end());
  }
  return sources;
}

/// An input and as much of its path as tells it from the others.
struct Named {
  std::string source;
  size_t argument = 0;             ///< that gave it
  std::vector<std::string> parts;  ///< of the whole path
  size_t shown = 0;                ///< of them, from the end

  std::string name() const {
    return fmt::format("{}", fmt::join(parts.end() - static_cast<std::ptrdiff_t>(shown), parts.end(), "/"));
  }
};

/// Letters that paths and patterns give a meaning become '_'.
std::string plain(std::string name) {
  for (char& letter : name) {
    if (std::string_view("/:%?\\").find(letter) != std::string_view::npos) letter = '_';
  }
  return name;
}

Named named(const std::string& source, const std::string& argument, size_t place) {
  Named input{.source = source, .argument = place, .parts = {}, .shown = 1};
  if (is_address(source)) {
    input.parts = {plain(without_password(source))};
    return input;
  }
  for (const fs::path& part : fs::absolute(source).lexically_normal().relative_path())
    input.parts.push_back(part.string());
  if (is_stream(source)) input.parts.back() = plain(input.parts.back());
  if (is_folder(argument)) {
    const fs::path below = fs::path(source).lexically_relative(argument);
    input.shown = static_cast<size_t>(std::distance(below.begin(), below.end()));
  }
  return input;
}

/// Paths below the folders that were given; where two inputs would have one name, with as many of the folders above as
/// it takes, alike for all that one argument gave.
void tell_apart(std::vector<Named>& inputs) {
  for (bool again = true; again;) {
    again = false;
    std::map<std::string, std::set<size_t>> arguments;  // by name
    std::map<std::string, int> count;
    for (const Named& input : inputs) {
      arguments[input.name()].insert(input.argument);
      ++count[input.name()];
    }
    std::set<size_t> unclear;
    for (const auto& [name, number] : count) {
      if (number > 1) unclear.insert(arguments[name].begin(), arguments[name].end());
    }
    for (Named& input : inputs) {
      if (!unclear.contains(input.argument) || input.shown == input.parts.size()) continue;
      ++input.shown;
      again = true;
    }
  }
}

/// Names for what is written, "day1/photo", "day1/clip"; with the ending where it would otherwise not be clear whose
/// they are. A video's frames are clip_000017.
std::vector<std::string> output_names(const std::vector<PredictInput>& inputs) {
  std::vector<std::string> files;
  for (const PredictInput& input : inputs) files.push_back(input.file);
  std::vector<std::string> names = distinct_stems(files);
  std::set<std::string> images;  // less a frame's number
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t end = names[i].find_last_not_of("0123456789");
    if (!inputs[i].video && end != std::string::npos && names[i][end] == '_') images.insert(names[i].substr(0, end));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].video && (images.contains(names[i]) || is_address(inputs[i].source))) names[i] = inputs[i].file;
  }
  return names;
}

}  // namespace

std::vector<PredictInput> find_inputs(const std::vector<std::string>& arguments, const ImageReading& reading) {
  std::vector<Named> found;
  std::set<std::vector<std::string>> known;
  for (size_t i = 0; i < arguments.size(); ++i) {
    for (const std::string& source : expand(arguments[i])) {
      Named input = named(source, arguments[i], i);
      if (is_address(source) && known.contains(input.parts)) input.parts[0] += fmt::format("-{}", i + 1);
      if (known.insert(input.parts).second) {
        found.push_back(std::move(input));
      } else {
        log_warning("{}: given twice, predicted once", without_password(source));
      }
    }
  }
  tell_apart(found);
  std::vector<PredictInput> inputs;
  for (Named& input : found) {
    const bool video = has_ending(input.source, kVideos) || is_stream(input.source);
    inputs.push_back({.source = input.source,
                      .file = input.name(),
                      .name = {},
                      .video = video,
                      .reading = reading,
                      .live = is_live(input.source)});
  }
  std::vector<std::string> names = output_names(inputs);
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i].name = std::move(names[i]);
  return inputs;
}

std::string Frame::file() const { return number > 0 ? fmt::format("{}_{:06}.jpg", input->name, number) : input->file; }

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
