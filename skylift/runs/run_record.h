// run.json in a run's folder: what the run is, where it stands, and how it ended. With config.toml and metrics.jsonl
// beside it the folder is all that is known of a run; the store (run_store.h) is only an index over such folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "skylift/runs/machine.h"

namespace skylift {

enum class RunState { running, done, interrupted, diverged };

const char* state_name(RunState state);

struct RunRecord {
  RunState state = RunState::running;
  std::string reason;  ///< why it ended before its time; empty otherwise
  std::vector<std::string> command;
  std::string code;                             ///< see code_version.h
  std::map<std::string, std::string> machine;   ///< see machine.h, and "device"
  std::map<std::string, std::string> identity;  ///< "training images", "validation images", "teacher", "student"
  std::vector<std::string> teachers = {};       ///< absolute paths, as the run was begun with
  ProcessId process;                            ///< the one that works, or the last one that did
  std::string begun, changed;                   ///< UTC, 2026-01-31T12:00:00Z; `changed`: of this record
  int64_t sessions = 1;                         ///< times it was begun or gone on with
  double seconds = 0;                           ///< worked, over all sessions
  int64_t step = 0, total_steps = 0, epochs = 0;
  double best_ap = -1;
  std::string evaluation;                     ///< the last one, JSON as `skylift eval --json` writes it; may be empty
  std::map<std::string, std::string> models;  ///< model file -> checksum of its bytes
};

constexpr const char* kRunRecordFile = "run.json";

void write_run_record(const std::filesystem::path& folder, const RunRecord& record);

/// As the file says it, save that a run whose process has gone is interrupted. Error: no such file, or damaged.
RunRecord read_run_record(const std::filesystem::path& folder);

/// As in the file.
std::string to_json(const RunRecord& record);
/// Error, beginning with `where`: damaged.
RunRecord parse_run_record(const std::string& json, const std::string& where);

/// Now, as records have it.
std::string utc_now();

/// A file's checksum as records have it. Error: it cannot be read.
std::string file_checksum(const std::filesystem::path& path);

}  // namespace skylift
