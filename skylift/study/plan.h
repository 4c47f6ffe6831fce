// The plan of a study, read from a TOML file:
//
//   seeds = [0, 1, 2]
//   protocols = ["visdrone", "coco"]         # the first one's AP50 is what runs are compared by
//   set = ["data.train=DATA/train"]          # for every run, over its config
//
//   [[run]]
//   name = "plain"
//   config = "../visdrone/cpu_student.toml"  # beside the plan, in the working folder, or a recipe's name
//
//   [[run]]
//   name = "ld"
//   config = "../visdrone/cpu_student.toml"
//   teacher = "teacher"                      # an earlier run (its first seed), or a file as --teacher takes it
//   set = ["kd.methods=ld"]
//   against = ["plain"]                      # rows that it is compared with
//   seeds = [0]                              # where they differ from the study's
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace skylift {

struct PlannedRun {
  std::string name;
  std::filesystem::path config;
  std::string teacher;  ///< an earlier run's name or a file; empty: trained without one
  std::vector<std::string> assignments, against;
  std::vector<int> seeds;
};

struct StudyPlan {
  std::vector<std::string> protocols = {"visdrone", "coco"};
  std::vector<PlannedRun> runs;
};

/// Error, with file and line: not TOML, an unknown key, a wrong type, a name twice, a teacher or a row to compare with
/// that does not stand earlier.
StudyPlan read_study_plan(const std::filesystem::path& file);

}  // namespace skylift
