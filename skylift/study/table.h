// The table of a study: several trainings of each run with different seeds, and what each run gains over another with
// the same seeds. Two runs of one seed share their start and their batches, so the differences are taken in pairs.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace skylift {

/// What one training ended with: "visdrone AP50", "coco AP_small", ... -> 0..1; -1 where undefined.
struct SeedScores {
  int seed = 0;
  std::map<std::string, double> scores;
  double seconds_per_step = 0;
};

struct StudyRow {
  std::string name;
  std::vector<std::string> against;  ///< the rows it is compared with
  double parameters = 0;             ///< of the file that is deployed
  double gmacs = 0;                  ///< of one image at the input size of the study
  std::vector<SeedScores> seeds;     ///< those that are done
};

/// A mean with the interval that holds it in 95 of 100 such studies (Student's t, n - 1 degrees of freedom).
struct Interval {
  int n = 0;
  double mean = 0;
  double deviation = 0;      ///< of the sample; 0 for n = 1
  double low = 0, high = 0;  ///< for n = 1 without bounds: minus and plus infinity
};

/// n, mean, deviation, and interval95 for more than one.
nlohmann::ordered_json interval_json(const Interval& interval);

/// Error: no values.
Interval mean_interval(const std::vector<double>& values);

/// Of a row's defined values of a score; nothing where there is none.
std::optional<Interval> mean_of(const StudyRow& row, const std::string& score);

/// Of `row` minus `other`, over the seeds that both have with a defined score; nothing where there is none.
std::optional<Interval> paired_difference(const StudyRow& row, const StudyRow& other, const std::string& score);

/// Markdown: a table of the scores (mean and deviation), and one of the paired differences in `main_score`.
std::string study_text(const std::vector<StudyRow>& rows, const std::vector<std::string>& scores,
                       const std::string& main_score);

/// The same with every seed's numbers. Ends in a newline.
std::string study_json(const std::vector<StudyRow>& rows, const std::string& main_score);

}  // namespace skylift
