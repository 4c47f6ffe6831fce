// The folder of `skylift predict --out`: what lies in it and is not of an earlier run stays as it is, and what is of
// one does not outlive it. images.json is the mark of such a run and tells where it wrote each image's detections; one
// that did not come to its end is marked by .predict-unfinished.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "apps/predict_inputs.h"

namespace skylift {

inline constexpr const char* kImagesFile = "images.json";

/// Where a format has the detections of an image whose name without its ending is `stem`, below the folder.
std::string result_file(const std::string& format, const std::string& stem);

/// Error: an input that the folder's pictures/ holds; a name there that this run would write and no earlier one has
/// written; `json`, a file that the caller writes, among the names of this run.
void check_predict_folder(const std::filesystem::path& folder, const std::string& format, bool draw,
                          const std::vector<PredictInput>& inputs, const std::filesystem::path& json);

/// Makes the folder and notes in it what will be written: a run that is killed may be repeated.
void begin_predict_folder(const std::filesystem::path& folder, const std::string& format, bool draw,
                          const std::vector<PredictInput>& inputs);

/// images.json tells it now.
void end_predict_folder(const std::filesystem::path& folder);

/// The files of detections that images.json names.
std::set<std::string> earlier_results(const std::filesystem::path& folder);

/// Removes those of them that are not written again, and folders that are empty then.
void remove_earlier_results(const std::filesystem::path& folder, const std::set<std::string>& earlier,
                            const std::set<std::string>& written);

}  // namespace skylift
