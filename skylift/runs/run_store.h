// All runs below a folder, in FOLDER/runs.sqlite. The folders of the runs are the truth; the store is an index over
// them that any process may bring up to date, and that can be removed at any time.
//
//   runs(name, state, seed, step, ..., record)   a row a run; `record` is its run.json
//   options(run, key, value)  scores(run, key, value)  epochs(run, epoch, key, value)  models(run, file, checksum)
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skylift/runs/run_filter.h"
#include "skylift/runs/sqlite.h"
#include "skylift/runs/stored_run.h"

namespace skylift {

constexpr const char* kRunStoreFile = "runs.sqlite";

class RunStore {
 public:
  /// Makes its file as soon as there is a run. Error: no such folder; DamagedDatabase: a file that is no store.
  explicit RunStore(const std::filesystem::path& root);

  /// Reads the runs whose files have changed, forgets those that are gone. Returns what could not be read, a sentence
  /// each.
  std::vector<std::string> refresh();

  /// Forgets everything and reads it again.
  std::vector<std::string> rebuild();

  /// Reads one run.
  void update(const std::filesystem::path& folder);

  /// The runs that meet all conditions, in the order of `order` (name or begun).
  std::vector<StoredRun> find(const std::vector<RunCondition>& conditions = {}, const std::string& order = "name");

  const std::filesystem::path& root() const { return root_; }

 private:
  bool has_schema();
  void make_tables();
  void insert(const StoredRun& run, const std::string& stamp);
  void insert_values(const StoredRun& run);
  StoredRun load(const std::string& name, const std::string& record);

  std::filesystem::path root_;
  Database database_;
};

/// Makes the store of this folder anew, a damaged one and one without runs too. Returns what could not be read.
std::vector<std::string> rebuild_store(const std::filesystem::path& root);

/// Updates a run in the nearest store above its folder; does nothing where there is none.
void tell_store(const std::filesystem::path& folder);

}  // namespace skylift
