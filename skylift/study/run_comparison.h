// Runs side by side: their scores, where their options and circumstances differ, and over seeds what each kind of run
// gains over the first. Runs that differ in nothing but the seed are one kind.
#pragma once

#include <string>
#include <vector>

#include "skylift/runs/stored_run.h"
#include "skylift/study/table.h"

namespace skylift {

/// Something in which the runs are not all alike: an option, or "code", "host", "validation images", ...
struct RunDifference {
  std::string key;
  std::vector<std::string> values;  ///< parallel to the runs; "-" where a run has none
};

struct RunComparison {
  std::vector<StoredRun> runs;
  std::vector<RunDifference> differences;
  std::vector<StudyRow> kinds;     ///< each is compared with the first
  std::vector<std::string> notes;  ///< what a reader of the numbers must know
};

/// Error: fewer than two runs.
RunComparison compare_runs(std::vector<StoredRun> runs);

std::string to_text(const RunComparison& comparison);
/// Ends in a newline.
std::string to_json(const RunComparison& comparison);

/// Percent with two digits, "-" where there is none.
std::string score_text(const StoredRun& run, const std::string& key);

}  // namespace skylift
