#include "skylift/train/resume_state.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "skylift/annotations/image_files.h"
#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/dist/processes.h"
#include "skylift/models/tensor_file.h"
#include "skylift/runs/run_record.h"
#include "skylift/train/training_loader.h"

namespace skylift {
namespace {

constexpr const char* kImagesAStep = "images a step";
constexpr const char* kUnlabelled = "unlabelled images";
constexpr const char* kUnlabelledAStep = "unlabelled images a step";

uint64_t checksum_of_numbers(std::initializer_list<double> values, uint64_t seed) {
  return checksum({reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(double)}, seed);
}

/// A checksum for the comparison, numbers for the person who reads that they differ.
std::string data_text(const Dataset& data, bool sizes) {
  return fmt::format("{} images with {} objects ({})", data.counts().images, data.counts().objects,
                     data_checksum(data, sizes));
}

/// Options that change where, how fast and how long a run learns, and how it is looked at, but not what a step does.
/// What paths lead to is compared by checksum.
bool may_differ(const std::string& key) {
  static const std::vector<std::string> keys = {"data.train",       "data.val",         "data.unlabelled",
                                                "train.batch_size", "train.accumulate", "train.epochs"};
  return is_of_the_machine(key) || std::ranges::find(keys, key) != keys.end() || key.starts_with("eval.") ||
         key.starts_with("decode.");
}

void check_same_options(const std::string& state, const std::string& now, const std::string& where) {
  const RunOptions before = parse_config_text(state), after = parse_config_text(now);
  for (const OptionDifference& option : option_differences(before, after)) {
    if (!option.resumable) {
      throw Error(
          "{}: --resume goes on with the same options, but {} is {} now and was {} (hint: another --out begins another "
          "run)",
          where, option.key, option.is, option.was);
    }
    log_info("--resume: {} is {} now, was {}", option.key, option.is, option.was);
  }
  if (before.train.epochs != after.train.epochs && after.train.schedule.name == "cosine")
    log_warning("--resume: the cosine schedule is that of {} epochs from here on", after.train.epochs);
}

int64_t unlabelled_a_step(const RunOptions& options) {
  return int64_t{unlabelled_in_batch(options)} * options.train.accumulate * process_count();
}

/// A state that is older than the number has but one process.
int64_t images_of_state(const TextMap& state, const std::string& where) {
  const auto found = state.find(kImagesAStep);
  if (found != state.end()) return parse_integer(found->second).value_or(0);
  const auto options = state.find("options");
  if (options == state.end()) throw Error("{}: not a resume state: it does not hold its options", where);
  return parse_config_text(options->second).train.batch_size;
}

}  // namespace

bool is_of_the_machine(const std::string& key) {
  static const std::vector<std::string> keys = {
      "data.threads",        "data.prefetch",          "data.cache_mb",          "train.recompute",
      "train.eval_every",    "train.checkpoint_every", "train.device",           "train.threads",
      "train.memory_format", "kd.min_teacher_ap50",    "kd.teacher_check_images"};
  return std::ranges::find(keys, key) != keys.end();
}

std::vector<OptionDifference> option_differences(const RunOptions& before, const RunOptions& after) {
  RunOptions first = before, second = after;
  OptionTable old_table, new_table;
  bind(old_table.root(), first);
  bind(new_table.root(), second);
  // Where a teacher's stored signals lie is not what they are; whether there are any is.
  const bool cache_moved = before.kd.cache.empty() == after.kd.cache.empty();
  std::vector<OptionDifference> differences;
  for (size_t i = 0; i < old_table.options().size(); ++i) {
    const std::string& key = old_table.options()[i].key;
    const std::string was = value_text(old_table.options()[i]), is = value_text(new_table.options()[i]);
    if (was != is) differences.push_back({key, was, is, may_differ(key) || (key == "kd.cache" && cache_moved)});
  }
  return differences;
}

std::string data_checksum(const Dataset& data, bool sizes) {
  uint64_t sum = 1;
  for (const std::string& name : data.classes()) sum = checksum(name, sum);
  const ImageReading& reading = data.annotations().reading;
  if (reading != ImageReading{})  // other pixels and boxes
    sum = checksum_of_numbers({static_cast<double>(reading.orientation), static_cast<double>(reading.depth)}, sum);
  for (int64_t i = 0; i < data.size(); ++i) {
    const ImageRecord& image = data.record(i);
    std::error_code missing;  // the loader says it better
    const auto bytes = sizes ? std::filesystem::file_size(data.annotations().image_path(image), missing) : 0;
    sum = checksum_of_numbers({missing ? -1.0 : static_cast<double>(bytes)}, checksum(image.file, sum));
    for (const Object& o : image.objects) {
      const double kind = o.class_index + 1e4 * o.crowd + 2e4 * o.ignored;
      sum = checksum_of_numbers({o.box.x, o.box.y, o.box.w, o.box.h, kind}, sum);
    }
    for (const BoxXywh& r : image.ignored_regions) sum = checksum_of_numbers({r.x, r.y, r.w, r.h}, sum);
  }
  return checksum_text(sum);
}

std::string teacher_checksum(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> sums;
  for (const std::filesystem::path& file : files) {
    if (!is_folder(file)) {
      sums.push_back(file_checksum(file));
      continue;
    }
    uint64_t sum = 1;
    for (const std::string& name : list_files(file)) {
      const bool detections = name.ends_with(".txt") || name.ends_with(".json");  // pictures may be beside them
      if (detections) sum = checksum(MappedFile(file / name).bytes(), checksum(name, sum));
    }
    sums.push_back(checksum_text(sum));
  }
  return sums.empty() ? "none" : fmt::format("{}", fmt::join(sums, ","));
}

TextMap run_sources(const Dataset& train_set, const Dataset& val_set,
                    const std::vector<std::filesystem::path>& teachers,
                    const std::optional<std::filesystem::path>& student) {
  return {{"training images", data_checksum(train_set)},
          {"validation images", data_checksum(val_set)},
          {"teacher", teacher_checksum(teachers)},
          {"student", student ? file_checksum(*student) : "none"}};
}

TextMap run_identity(const RunParts& parts) {
  const std::string none = "none";
  return {{"command", parts.teacher.empty() ? "train" : "distill"},
          {"teacher", parts.teacher.empty() ? none : parts.teacher},
          {"student", parts.student.empty() ? none : tensors_checksum(read_tensors(parts.student).tensors)},
          {"training images", data_text(parts.train_set, true)},
          // A validation image that could not be read may be mended: that changes no weight.
          {"validation images", data_text(parts.val_set, false)},
          {kUnlabelled, parts.unlabelled ? data_text(*parts.unlabelled, true) : none},
          {kUnlabelledAStep, std::to_string(parts.unlabelled ? unlabelled_a_step(parts.options) : 0)},
          {"options", config_text(parts.options)},
          {kImagesAStep, std::to_string(images_a_step(parts.options.train))}};
}

int64_t images_a_step(const TrainOptions& options) {
  return int64_t{options.batch_size} * options.accumulate * process_count();
}

int accumulate_for(const TextMap& state, const TrainOptions& options, const std::string& where) {
  const int64_t images = images_of_state(state, where), at_once = int64_t{options.batch_size} * process_count();
  if (images % at_once != 0) {
    throw Error(
        "{}: --resume goes on with steps of {} images, but {} processes with train.batch_size = {} cannot share them "
        "(hint: another batch size or another number of processes)",
        where, images, process_count(), options.batch_size);
  }
  return static_cast<int>(images / at_once);
}

void check_same_run(const TextMap& state, const TextMap& now, const std::string& where) {
  for (const char* key :
       {"command", "teacher", "student", "training images", "validation images", kUnlabelled, kUnlabelledAStep}) {
    // A state that is older than the key had no such images, or does not say how many.
    if (key == kUnlabelledAStep && !state.contains(key)) continue;
    const std::string unsaid = key == kUnlabelled ? "none" : "not said";
    const auto value = [&](const TextMap& map) { return map.contains(key) ? map.at(key) : unsaid; };
    if (value(state) == value(now)) continue;
    throw Error(
        "{}: --resume goes on with the same run, but its {} is {} now and was {} (hint: another --out begins "
        "another run)",
        where, key, value(now), value(state));
  }
  const auto options = state.find("options");
  if (options == state.end()) throw Error("{}: not a resume state: it does not hold its options", where);
  check_same_options(options->second, now.at("options"), where);
}

bool scores_alike(const TextMap& state, const TextMap& now) {
  const auto differences =
      option_differences(parse_config_text(state.at("options")), parse_config_text(now.at("options")));
  return std::ranges::none_of(differences, [](const OptionDifference& option) {
    return option.key.starts_with("eval.") || option.key.starts_with("decode.");
  });
}

}  // namespace skylift
