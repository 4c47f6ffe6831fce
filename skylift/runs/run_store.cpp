#include "skylift/runs/run_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <set>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSchema = 1;  // another one is an index of another version: it is dropped and made anew

constexpr const char* kTables[] = {
    "DROP TABLE IF EXISTS options",
    "DROP TABLE IF EXISTS scores",
    "DROP TABLE IF EXISTS epochs",
    "DROP TABLE IF EXISTS models",
    "DROP TABLE IF EXISTS runs",
    "CREATE TABLE runs (name TEXT PRIMARY KEY, state TEXT, reason TEXT, method, seed, protocol TEXT, step INTEGER, "
    "total_steps INTEGER, epochs INTEGER, best_ap REAL, begun TEXT, changed TEXT, seconds REAL, sessions INTEGER, code "
    "TEXT, host TEXT, device TEXT, teacher TEXT, training_images TEXT, validation_images TEXT, command TEXT, "
    "record TEXT, stamp TEXT)",
    "CREATE TABLE options (run TEXT REFERENCES runs ON DELETE CASCADE, key TEXT, value, PRIMARY KEY (run, key))",
    "CREATE TABLE scores (run TEXT REFERENCES runs ON DELETE CASCADE, key TEXT, value REAL, PRIMARY KEY (run, key))",
    "CREATE TABLE epochs (run TEXT REFERENCES runs ON DELETE CASCADE, epoch INTEGER, key TEXT, value REAL, "
    "PRIMARY KEY (run, epoch, key))",
    "CREATE TABLE models (run TEXT REFERENCES runs ON DELETE CASCADE, file TEXT, checksum TEXT, "
    "PRIMARY KEY (run, file))",
};

/// Changes with the files that a run is read from.
std::string stamp_of(const fs::path& folder) {
  std::string stamp;
  for (const char* name : {kRunRecordFile, "config.toml", "metrics.jsonl"}) {
    std::error_code missing;
    const auto bytes = fs::file_size(folder / name, missing);
    const auto time = fs::last_write_time(folder / name, missing);
    stamp += missing ? "-;" : fmt::format("{}@{};", bytes, time.time_since_epoch().count());
  }
  return stamp;
}

std::string value_or_empty(const std::map<std::string, std::string>& texts, const std::string& key) {
  const auto found = texts.find(key);
  return found == texts.end() ? "" : found->second;
}

std::string text_of(const SqlValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  return {};
}

fs::path checked_root(const fs::path& root) {
  if (!is_folder(root))
    throw Error("{}: no such folder, expected one with runs in it (hint: --root names another)", root.string());
  return root;
}

bool may_write(const fs::path& root) {
  const fs::path file = root / kRunStoreFile;
  return ::access(root.c_str(), W_OK) == 0 && (!is_there(file) || ::access(file.c_str(), W_OK) == 0);
}

/// In memory where it would be empty, since whoever only looks into a folder leaves nothing there, and where nothing may
/// be written.
fs::path store_of(const fs::path& root) {
  const fs::path file = root / kRunStoreFile;
  return may_write(root) && (is_there(file) || !find_runs(root).empty()) ? file : ":memory:";
}

}  // namespace

RunStore::RunStore(const fs::path& root) : root_(checked_root(root)), database_(store_of(root_)) {
  if (has_schema()) return;
  database_.transaction([&] {
    if (!has_schema()) make_tables();  // unless another process was first
  });
}

bool RunStore::has_schema() { return database_.run("PRAGMA user_version").front().front() == SqlValue(kSchema); }

void RunStore::make_tables() {
  for (const char* sql : kTables) database_.run(sql);
  database_.run(fmt::format("PRAGMA user_version = {}", kSchema));
}

std::vector<std::string> RunStore::refresh() {
  std::vector<std::string> problems;
  std::set<std::string> present, unreadable;
  std::map<std::string, std::string> known;
  for (const auto& row : database_.run("SELECT name, stamp FROM runs")) known[text_of(row[0])] = text_of(row[1]);
  for (const fs::path& folder : find_runs(root_)) {
    const std::string name = run_name(root_, folder), stamp = stamp_of(folder);
    const auto before = known.find(name);
    present.insert(name);
    if (before != known.end() && before->second == stamp) continue;
    try {
      update(folder);
    } catch (const Error& error) {
      problems.emplace_back(error.what());
      unreadable.insert(name);
    }
  }
  // The walk ends early where a folder goes meanwhile: what it has not come to may be there.
  const auto is_gone = [&](const std::string& name) {
    return unreadable.contains(name) || (!present.contains(name) && !is_there(root_ / name / kRunRecordFile));
  };
  database_.transaction([&] {
    for (const auto& [name, stamp] : known) {
      if (is_gone(name)) database_.run("DELETE FROM runs WHERE name = ?1", {name});
    }
  });
  return problems;
}

void RunStore::update(const fs::path& folder) {
  // The folder is read within the transaction, so that of two processes the later one writes the newer state.
  database_.transaction([&] {
    const std::string stamp = stamp_of(folder);
    const StoredRun run = read_stored_run(root_, folder);
    // Whether a run still works is not said by its files: such a run is read again every time.
    insert(run, run.record.state == RunState::running ? "" : stamp);
  });
}

void RunStore::insert(const StoredRun& run, const std::string& stamp) {
  const RunRecord& record = run.record;
  database_.run("DELETE FROM runs WHERE name = ?1", {run.name});
  database_.run(
      "INSERT INTO runs (name, state, reason, method, seed, protocol, step, total_steps, epochs, best_ap, begun, "
      "changed, seconds, sessions, code, host, device, teacher, training_images, validation_images, command, record, "
      "stamp) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)",
      {run.name,
       state_name(record.state),
       record.reason,
       method_of(run),
       stored_value(value_or_empty(run.options, "train.seed")),
       run.protocol,
       record.step,
       record.total_steps,
       record.epochs,
       record.best_ap < 0 ? SqlValue() : SqlValue(record.best_ap),
       record.begun,
       record.changed,
       record.seconds,
       record.sessions,
       record.code,
       value_or_empty(record.machine, "host"),
       value_or_empty(record.machine, "device"),
       value_or_empty(record.identity, "teacher"),
       value_or_empty(record.identity, "training images"),
       value_or_empty(record.identity, "validation images"),
       fmt::format("{}", fmt::join(record.command, " ")),
       to_json(record),
       stamp});
  insert_values(run);
}

void RunStore::insert_values(const StoredRun& run) {
  for (const auto& [key, value] : run.options)
    database_.run("INSERT INTO options VALUES (?1, ?2, ?3)", {run.name, key, stored_value(value)});
  for (const auto& [key, value] : run.scores)
    database_.run("INSERT INTO scores VALUES (?1, ?2, ?3)", {run.name, key, value});
  for (const EpochMetrics& epoch : run.epochs) {
    for (const auto& [key, value] : epoch.values)
      database_.run("INSERT INTO epochs VALUES (?1, ?2, ?3, ?4)", {run.name, epoch.epoch, key, value});
  }
  for (const auto& [file, checksum] : run.record.models)
    database_.run("INSERT INTO models VALUES (?1, ?2, ?3)", {run.name, file, checksum});
}

StoredRun RunStore::load(const std::string& name, const std::string& record) {
  StoredRun run{.name = name,
                .record = parse_run_record(record, (root_ / kRunStoreFile).string()),
                .options = {},
                .protocol = {},
                .scores = {},
                .epochs = {}};
  run.protocol = text_of(database_.run("SELECT protocol FROM runs WHERE name = ?1", {name}).front().front());
  for (const auto& row : database_.run("SELECT key, value FROM options WHERE run = ?1", {name}))
    run.options[text_of(row[0])] = text_of(row[1]);
  for (const auto& row : database_.run("SELECT key, value FROM scores WHERE run = ?1", {name}))
    run.scores[text_of(row[0])] = std::get<double>(row[1]);
  for (const auto& row : database_.run("SELECT epoch, key, value FROM epochs WHERE run = ?1 ORDER BY epoch", {name})) {
    const auto epoch = std::get<int64_t>(row[0]);
    if (run.epochs.empty() || run.epochs.back().epoch != epoch) run.epochs.push_back({.epoch = epoch, .values = {}});
    run.epochs.back().values[text_of(row[1])] = std::get<double>(row[2]);
  }
  return run;
}

std::vector<StoredRun> RunStore::find(const std::vector<RunCondition>& conditions, const std::string& order) {
  std::vector<SqlValue> parameters;
  std::string where = "1";
  for (const RunCondition& condition : conditions) where += " AND " + sql_of(condition, database_, parameters);
  std::vector<StoredRun> runs;
  database_.transaction([&] {  // so that a run and its values are of one moment
    for (const auto& row : database_.run(
             fmt::format("SELECT name, record FROM runs WHERE {} ORDER BY {}, name", where, order), parameters))
      runs.push_back(load(text_of(row[0]), text_of(row[1])));
  });
  return runs;
}

std::vector<std::string> RunStore::rebuild() {
  database_.transaction([&] { make_tables(); });
  return refresh();
}

std::vector<std::string> rebuild_store(const fs::path& root) {
  const fs::path file = checked_root(root) / kRunStoreFile;
  if (!may_write(root)) throw Error("{}: may not be written by this user", file.string());
  if (!is_there(file)) write_file(file, "");  // asked for, so it is there before the first run
  try {
    return RunStore(root).rebuild();
  } catch (const DamagedDatabase&) {  // nobody can be using it
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(root / (std::string(kRunStoreFile) + suffix));
    return RunStore(root).refresh();
  }
}

void tell_store(const fs::path& folder) {
  const fs::path absolute = fs::weakly_canonical(folder);
  for (fs::path above = absolute;; above = above.parent_path()) {
    if (is_there(above / kRunStoreFile)) return RunStore(above).update(absolute);
    if (above == above.parent_path()) return;
  }
}

}  // namespace skylift
