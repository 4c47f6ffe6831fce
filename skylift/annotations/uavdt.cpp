#include "skylift/annotations/uavdt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "skylift/annotations/image_files.h"
#include "skylift/annotations/number_lines.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

constexpr std::array kTestSequences = {"M0203", "M0205", "M0208", "M0209", "M0403", "M0601", "M0602",
                                       "M0606", "M0701", "M0801", "M0802", "M1001", "M1004", "M1007",
                                       "M1009", "M1101", "M1301", "M1302", "M1303", "M1401"};
constexpr std::string_view kWhole = "_gt_whole.txt";
constexpr std::array kTruncation = {0, 2, 1};    // of out-of-view 1, 2, 3
constexpr std::array kOcclusion = {0, 3, 2, 1};  // of occlusion 1, 2, 3, 4

const LineLayout& whole_layout() {
  static const LineLayout layout{
      ',', {"frame", "target", "x", "y", "w", "h", "out-of-view", "occlusion", "category"}, 0};
  return layout;
}

const LineLayout& ignore_layout() {
  static const LineLayout layout{',', {"frame", "target", "x", "y", "w", "h", "7", "8", "9", "10"}, 6};
  return layout;
}

/// Names of the sequences that have a SEQ_gt_whole.txt here, sorted.
std::set<std::string> sequences_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kWhole)) names.insert(name.substr(0, name.size() - kWhole.size()));
  }
  return names;
}

/// The folder of the ground truth, or an empty path.
fs::path find_truth(const fs::path& root) {
  for (const char* place : {"GT", "UAV-benchmark-MOTD_v1.0/GT", "."}) {
    if (!sequences_in(root / place).empty()) return (root / place).lexically_normal();
  }
  return {};
}

/// The folder of the sequences, or an empty path.
fs::path find_images(const fs::path& root, const std::set<std::string>& sequences) {
  for (const char* place : {"UAV-benchmark-M", "."}) {
    for (const auto& sequence : sequences) {
      if (is_folder(root / place / sequence)) return (root / place).lexically_normal();
    }
  }
  return {};
}

/// The images of a sequence and its annotations.
class SequenceReader {
 public:
  SequenceReader(const fs::path& images, const fs::path& truth, const std::string& name, Problems& problems,
                 Problems& notes)
      : truth_(truth), name_(name), problems_(problems) {
    if (!is_folder(images / name)) {
      report(&problems_, (images / name).string(),
             fmt::format("no such folder, expected the images of {}{}", name, kWhole));
      return;
    }
    for (const auto& file : list_images(images / name, notes)) {
      ImageRecord image;
      image.file = name + "/" + file;
      const int frame = uavdt_frame(image.file).frame;
      if (frame > 0) {
        index_.emplace(frame, records_.size());
        records_.push_back(std::move(image));
      } else {
        report(&problems_, (images / name / file).string(), "expected a name such as img000001.jpg");
      }
    }
  }

  std::vector<ImageRecord> read() {
    read_objects(truth_ / (name_ + std::string(kWhole)));
    const fs::path ignored = truth_ / (name_ + "_gt_ignore.txt");
    if (is_there(ignored)) read_regions(ignored);
    return std::move(records_);
  }

 private:
  ImageRecord* image_at(const fs::path& path, size_t line, double frame) {
    const auto found = index_.find(frame);
    if (found != index_.end()) return &records_[found->second];
    if (!records_.empty())
      report(&problems_, line_position(path, line), fmt::format("got frame {}, which has no image", frame));
    return nullptr;
  }

  void read_objects(const fs::path& path) {
    const LineLayout& layout = whole_layout();
    read_number_lines(path, layout, &problems_, [&](size_t line, std::span<const double> v) {
      int out_of_view = 0, occlusion = 0, category = 0;
      if (!integer_field(path, line, layout, v, 6, 1, 3, &problems_, out_of_view)) return;
      if (!integer_field(path, line, layout, v, 7, 1, 4, &problems_, occlusion)) return;
      if (!integer_field(path, line, layout, v, 8, 1, 3, &problems_, category)) return;
      ImageRecord* image = image_at(path, line, v[0]);
      if (!image) return;
      Object object;
      object.box = {v[2], v[3], v[4], v[5]};
      object.class_index = category - 1;
      object.truncation = kTruncation.at(static_cast<size_t>(out_of_view - 1));
      object.occlusion = kOcclusion.at(static_cast<size_t>(occlusion - 1));
      object.line = static_cast<int>(line);
      image->objects.push_back(object);
    });
  }

  void read_regions(const fs::path& path) {
    read_number_lines(path, ignore_layout(), &problems_, [&](size_t line, std::span<const double> v) {
      if (ImageRecord* image = image_at(path, line, v[0])) image->ignored_regions.push_back({v[2], v[3], v[4], v[5]});
    });
  }

  const fs::path& truth_;
  const std::string& name_;
  Problems& problems_;
  std::vector<ImageRecord> records_;
  std::map<double, size_t> index_;  // by frame number
};

std::vector<std::string> chosen_sequences(const fs::path& root, const std::set<std::string>& all,
                                          std::string_view split) {
  if (!split.empty() && split != "train" && split != "test") {
    throw Error("{}: got split '{}', expected train, test or none (all sequences)", root.string(), split);
  }
  std::vector<std::string> names;
  for (const auto& name : all) {
    const bool test = std::find(kTestSequences.begin(), kTestSequences.end(), name) != kTestSequences.end();
    if (split.empty() || test == (split == "test")) names.push_back(name);
  }
  if (names.empty()) throw Error("{}: none of its {} sequences is of the split '{}'", root.string(), all.size(), split);
  return names;
}

/// 1-based number of a level in one of the tables; levels above the table's become its highest.
template <size_t N>
int code_of(const std::array<int, N>& table, int level) {
  const int wanted = std::clamp(level, 0, static_cast<int>(N) - 1);
  return static_cast<int>(std::find(table.begin(), table.end(), wanted) - table.begin()) + 1;
}

}  // namespace

bool is_uavdt_root(const fs::path& root) { return is_folder(root) && !find_truth(root).empty(); }

AnnotationSet read_uavdt(const fs::path& root, std::string_view split, Problems* problems) {
  AnnotationSet set;
  set.format = "uavdt";
  set.classes = uavdt_classes();
  set.class_ids = {1, 2, 3};
  set.source = find_truth(root);
  if (set.source.empty()) {
    throw Error("{}: no *{}, looked in GT/, UAV-benchmark-MOTD_v1.0/GT/ and the folder itself", root.string(), kWhole);
  }
  const auto sequences = sequences_in(set.source);
  set.image_folder = find_images(root, sequences);
  if (set.image_folder.empty()) {
    throw Error("{}: no folder of images such as {}/, looked in UAV-benchmark-M/ and the folder itself", root.string(),
                *sequences.begin());
  }
  const auto names = chosen_sequences(root, sequences, split);
  std::vector<std::vector<ImageRecord>> records(names.size());
  std::vector<Problems> found(names.size()), notes(names.size());
  parallel_for(names.size(), 0, [&](size_t i) {
    records[i] = SequenceReader(set.image_folder, set.source, names[i], found[i], notes[i]).read();
  });
  for (auto& part : notes) std::move(part.begin(), part.end(), std::back_inserter(set.notes));
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  for (auto& part : records) std::move(part.begin(), part.end(), std::back_inserter(set.images));
  for (size_t i = 0; i < set.images.size(); ++i) set.images[i].id = static_cast<int64_t>(i) + 1;
  return set;
}

std::string uavdt_position(const AnnotationSet& set, const ImageRecord& image, const Object& object) {
  const fs::path file = set.source / (uavdt_frame(image.file).sequence + std::string(kWhole));
  return line_position(file, static_cast<size_t>(object.line));
}

UavdtFrame uavdt_frame(const fs::path& file) {
  const std::string stem = file.stem().string();
  const long long frame = stem.starts_with("img") ? parse_integer(std::string_view(stem).substr(3)).value_or(0) : 0;
  const std::string sequence = file.parent_path().string();
  const bool fits = frame > 0 && frame < std::numeric_limits<int>::max() && !sequence.empty() &&
                    sequence.find('/') == std::string::npos;
  return fits ? UavdtFrame{sequence, static_cast<int>(frame)} : UavdtFrame{};
}

void write_uavdt(const fs::path& root, const AnnotationSet& set) {
  const auto& known = uavdt_classes();
  std::map<std::string, std::pair<fmt::memory_buffer, fmt::memory_buffer>> sequences;  // objects, regions
  for (const auto& image : set.images) {
    const UavdtFrame place = uavdt_frame(image.file);
    if (place.frame == 0)
      throw Error("{}: got an image {}, expected SEQUENCE/imgNNNNNN.jpg", root.string(), image.file);
    auto& [objects, regions] = sequences[place.sequence];
    int target = 0;
    for (const auto& o : image.objects) {
      if (o.class_index < 0) continue;
      const auto found = std::find(known.begin(), known.end(), set.classes.at(static_cast<size_t>(o.class_index)));
      if (found == known.end()) continue;
      fmt::format_to(std::back_inserter(objects), "{},{},{},{},{},{},{},{},{}\n", place.frame, ++target, o.box.x,
                     o.box.y, o.box.w, o.box.h, code_of(kTruncation, o.truncation), code_of(kOcclusion, o.occlusion),
                     found - known.begin() + 1);
    }
    for (const auto& r : image.ignored_regions) {
      fmt::format_to(std::back_inserter(regions), "{},-1,{},{},{},{},1,-1,-1\n", place.frame, r.x, r.y, r.w, r.h);
    }
  }
  for (const auto& [name, texts] : sequences) {
    const auto& [objects, regions] = texts;
    write_file(root / "GT" / (name + std::string(kWhole)), std::string_view(objects.data(), objects.size()));
    if (regions.size() > 0)
      write_file(root / "GT" / (name + "_gt_ignore.txt"), std::string_view(regions.data(), regions.size()));
  }
}

}  // namespace skylift
