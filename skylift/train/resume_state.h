// What a run is, so that --resume goes on with that run or refuses: the command, the teacher, the student it began
// from, its data and its options. Held by every state (checkpoint.h) as texts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "skylift/data/dataset.h"
#include "skylift/formats/safetensors.h"
#include "skylift/train/run_options.h"

namespace skylift {

/// Of names, annotations and, with `sizes`, the images' sizes in bytes: reading every pixel at each start would take
/// too long.
std::string data_checksum(const Dataset& data, bool sizes = true);

/// Images of an optimizer step, over all processes and train.accumulate.
int64_t images_a_step(const TrainOptions& options);

/// What train.accumulate has to be for steps of as many images as the state's, whatever the number of processes is now.
/// Error: there is none.
int accumulate_for(const TextMap& state, const TrainOptions& options, const std::string& where);

/// Whether an option says how and how fast a run works, and nothing of what it ends with.
bool is_of_the_machine(const std::string& key);

struct OptionDifference {
  std::string key, was, is;  ///< the values as TOML
  bool resumable = false;    ///< it changes where, how fast or how long a run learns, but not what a step does
};
std::vector<OptionDifference> option_differences(const RunOptions& before, const RunOptions& after);

struct RunParts {
  const RunOptions& options;
  const Dataset& train_set;
  const Dataset& val_set;
  std::string teacher = {};  ///< its checksum; empty: training without one
  std::string student = {};  ///< the file it begins from, or empty
  const Dataset* unlabelled = nullptr;
};

/// The run's identity by name: "command", "teacher", "student", "training images", "validation images", "unlabelled
/// images", "options", "images a step", "unlabelled images a step".
TextMap run_identity(const RunParts& parts);

/// Of a teacher's files, in their order; "none" of none. A folder of detections stands for its texts.
std::string teacher_checksum(const std::vector<std::filesystem::path>& files);

/// What a run is made from, for its record (runs/run_record.h): checksums of "training images", "validation images" and
/// of the files "teacher" and "student", "none" where there is none.
TextMap run_sources(const Dataset& train_set, const Dataset& val_set,
                    const std::vector<std::filesystem::path>& teachers,
                    const std::optional<std::filesystem::path>& student);

/// Error: the two runs are not the same one; names what differs. Options that do not change what is learned (threads,
/// paths, the device, how long and how often) may differ; says which do. An option younger than the state has its
/// default there. train.batch_size and train.accumulate may differ too where images_a_step() is the same.
void check_same_run(const TextMap& state, const TextMap& now, const std::string& where);

/// Whether two identities' validation scores may be compared: the same eval and decode options.
bool scores_alike(const TextMap& state, const TextMap& now);

}  // namespace skylift
