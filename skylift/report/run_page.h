// A page about one or several training runs, from what they left in their folders: metrics.jsonl and config.toml.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace skylift {

/// Scores, curves of the losses, AP over the steps, and where the options of the runs differ (of one run: all its
/// options). `pictures`: image files that are shown below, with their names. Error: a folder that is no run, or a torn
/// file.
void write_run_page(const std::filesystem::path& file, const std::vector<std::filesystem::path>& runs,
                    const std::vector<std::filesystem::path>& pictures = {});

}  // namespace skylift
