#include "apps/predict_inputs.h"

#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "skylift/annotations/image_finder.h"
#include "skylift/core/error.h"
#include "skylift/core/local_path.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kVideos = {".mp4", ".avi", ".mov",  ".mkv", ".webm", ".m4v", ".mpg",  ".mpeg",
                                          ".ts",  ".mts", ".m2ts", ".flv", ".wmv",  ".3gp", ".mjpeg"};

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
    } else if (is_file(entry) || !is_there(entry)) {  // a link that leads nowhere is one that cannot be read
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
  if (inputs.empty())
    throw Error("{}: no images or videos in this folder or those below it ({})", folder, input_endings());
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

std::string input_endings() {
  return fmt::format("images end in {}; videos in {}", fmt::join(kImageEndings, " "), fmt::join(kVideos, " "));
}

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
    const bool stream = is_stream(input.source);
    inputs.push_back({.source = input.source,
                      .file = input.name(),
                      .name = {},
                      .video = stream || has_ending(input.source, kVideos),
                      .reading = reading,
                      .stream = stream,
                      .live = is_live(input.source)});
  }
  std::vector<std::string> names = output_names(inputs);
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i].name = std::move(names[i]);
  return inputs;
}

}  // namespace skylift
