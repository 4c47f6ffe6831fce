// A page about one or several training runs, from what they left in their folders (skylift/runs), finished or not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/report/model_comparison.h"

namespace skylift {

/// What runs are called beside each other: their folders' names, with as much before them as tells them apart.
std::vector<std::string> run_names(const std::vector<std::filesystem::path>& folders);

/// How far each run is, its scores and curves, and where the options of the runs differ (of one run: all its options).
/// `pictures`: image files that are shown with their names; a run's regions.jpg is shown too. `comparison`: of the
/// runs' models, where they could be run. Error: a folder that is no run, or a damaged file.
void write_run_page(const std::filesystem::path& file, const std::vector<std::filesystem::path>& runs,
                    const std::vector<std::filesystem::path>& pictures = {}, const ModelComparison& comparison = {});

}  // namespace skylift
