#include "skylift/runs/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skylift/runs/run_journal.h"
#include "tests/runs/run_folder.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names(RunStore& store, const std::vector<std::string>& conditions = {}) {
  std::vector<RunCondition> parsed;
  for (const std::string& text : conditions) parsed.push_back(parse_condition(text));
  std::vector<std::string> found;
  for (const StoredRun& run : store.find(parsed)) found.push_back(run.name);
  return found;
}

TEST(StoredRun, HoldsOptionsScoresAndTheMeansOfEpochs) {
  const TempFolder root;
  write_run(root / "a/b", {.seed = 7, .method = "cid"});
  const StoredRun run = read_stored_run(root.path(), root / "a/b");
  EXPECT_EQ(run.name, "a/b");
  EXPECT_EQ(run.options.at("kd.methods"), "cid");
  EXPECT_EQ(run.options.at("kd.inherit"), "false");
  EXPECT_EQ(run.options.at("train.optimizer.lr"), "0.01");
  EXPECT_EQ(run.protocol, "coco");
  EXPECT_EQ(run.scores,
            (std::map<std::string, double>{{"AP", 0.2}, {"AP50", 0.5}, {"AP/car", 0.25}, {"AP50/car", 0.5}}));
  ASSERT_EQ(run.epochs.size(), 2U);
  EXPECT_EQ(run.epochs[0].values, (std::map<std::string, double>{{"train loss", 3}, {"eval AP", 0.1}}));
}

TEST(StoredRun, OnlyTheLastLineOfItsMetricsMayBeTorn) {
  const TempFolder root;
  write_run(root / "a");
  const std::string lines = read_file(root / "a/metrics.jsonl");
  write_file(root / "a/metrics.jsonl", lines + "{\"kind\":\"tra");
  EXPECT_EQ(read_stored_run(root.path(), root / "a").epochs.size(), 2U);
  write_file(root / "a/metrics.jsonl", "{\"kind\":\"tra\n" + lines);
  EXPECT_THAT(error_of([&] { read_stored_run(root.path(), root / "a"); }), HasSubstr("metrics.jsonl:1:"));
}

TEST(RunStore, FollowsTheFolders) {
  const TempFolder root;
  write_run(root / "a");
  RunStore store(root.path());
  store.refresh();
  EXPECT_THAT(names(store), ElementsAre("a"));
  write_run(root / "a", {.ap = 0.75});
  write_run(root / "deeper/b");
  store.refresh();
  EXPECT_THAT(names(store), ElementsAre("a", "deeper/b"));
  EXPECT_EQ(store.find().front().scores.at("AP"), 0.75);
  fs::remove_all(root / "a");
  store.refresh();
  EXPECT_THAT(names(store), ElementsAre("deeper/b"));
}

TEST(RunStore, GivesARunAsItsFolderHasIt) {
  const TempFolder root;
  write_run(root / "a", {.seed = 2, .method = "cid"});
  RunStore store(root.path());
  store.refresh();
  const StoredRun stored = store.find().front(), read = read_stored_run(root.path(), root / "a");
  EXPECT_EQ(to_json(stored.record), to_json(read.record));
  EXPECT_EQ(stored.options, read.options);
  EXPECT_EQ(stored.scores, read.scores);
  ASSERT_EQ(stored.epochs.size(), read.epochs.size());
  for (size_t i = 0; i < read.epochs.size(); ++i) EXPECT_EQ(stored.epochs[i].values, read.epochs[i].values);
}

TEST(RunStore, ConditionsAreOnColumnsOptionsAndScores) {
  const TempFolder root;
  write_run(root / "plain", {.seed = 0, .ap = 0.1});
  write_run(root / "cid", {.seed = 1, .method = "cid", .ap = 0.3});
  write_run(root / "both", {.seed = 10, .method = "cid,ld", .state = RunState::diverged});
  RunStore store(root.path());
  store.refresh();
  EXPECT_THAT(names(store, {"state=done"}), ElementsAre("cid", "plain"));
  EXPECT_THAT(names(store, {"state!=done"}), ElementsAre("both"));
  EXPECT_THAT(names(store, {"method~cid"}), ElementsAre("both", "cid"));
  EXPECT_THAT(names(store, {"kd.methods = cid"}), ElementsAre("cid"));
  EXPECT_THAT(names(store, {"train.seed>=1"}), ElementsAre("both", "cid")) << "10 is compared as a number";
  EXPECT_THAT(names(store, {"AP>0.25", "seed<5"}), ElementsAre("cid"));
  EXPECT_THAT(names(store, {"AP>0.9"}), IsEmpty());
  EXPECT_THAT(error_of([&] { names(store, {"train.sed=1"}); }),
              AllOf(HasSubstr("train.sed"), HasSubstr("'train.seed'")));
  EXPECT_THAT(error_of([&] { names(store, {"train.seed"}); }), HasSubstr("KEY=VALUE"));
  EXPECT_THAT(error_of([&] { names(store, {"=done"}); }), HasSubstr("KEY=VALUE"));
}

TEST(RunStore, NamesThatAreNumbersAreComparedAsText) {
  const TempFolder root;
  for (const char* name : {"1e1", "2", "10"}) write_run(root / name);
  RunStore store(root.path());
  store.refresh();
  EXPECT_THAT(names(store, {"name=2"}), ElementsAre("2"));
  EXPECT_THAT(names(store, {"name=10"}), ElementsAre("10"));
  EXPECT_THAT(names(store, {"name!=2"}), ElementsAre("10", "1e1"));
  EXPECT_THAT(names(store, {"step<10", "begun>=2026"}), ElementsAre("10", "1e1", "2"));
}

TEST(RunStore, ADamagedFolderIsLeftOutAndSaid) {
  const TempFolder root;
  write_run(root / "a");
  write_run(root / "b");
  write_file(root / "b/run.json", "{");
  RunStore store(root.path());
  EXPECT_THAT(store.refresh(), ElementsAre(HasSubstr("b/run.json")));
  EXPECT_THAT(names(store), ElementsAre("a"));
}

/// What is JSON can still be none of ours.
TEST(RunStore, AFieldOfAnotherKindCostsNoOtherRun) {
  const TempFolder root;
  write_run(root / "a");
  write_run(root / "b");
  const std::string record = read_file(root / "b/run.json"), metrics = read_file(root / "b/metrics.jsonl");
  const size_t evaluation = record.find("\"evaluation\":");
  RunStore store(root.path());
  for (const std::string value : {"\"x\"", "3", "[1]", "{\"protocol\": 3}"}) {
    write_file(root / "b/run.json", record.substr(0, evaluation) + "\"evaluation\": " + value + "}");
    EXPECT_THAT(store.refresh(), ElementsAre(HasSubstr((root / "b").string()))) << value;
    EXPECT_THAT(names(store), ElementsAre("a")) << value;
  }
  write_file(root / "b/run.json", record);
  for (const std::string line : {"{\"kind\": 3}\n", "{\"kind\": \"train\", \"epoch\": \"x\", \"loss\": 1}\n"}) {
    write_file(root / "b/metrics.jsonl", metrics + line);
    EXPECT_THAT(store.refresh(), ElementsAre(HasSubstr((root / "b").string()))) << line;
  }
  write_file(root / "b/run.json", std::string(100'000, '['));
  EXPECT_THAT(store.refresh(), ElementsAre(HasSubstr("b/run.json")));
  EXPECT_THAT(names(store), ElementsAre("a"));
}

TEST(RunStore, IsMadeAnewFromTheFoldersAlone) {
  const TempFolder root;
  write_run(root / "a");
  for (const std::string file :
       {"not a database, but long enough to be looked at as one, with a header of its own kind", ""}) {
    write_file(root / kRunStoreFile, file);
    if (!file.empty()) {
      EXPECT_THAT(error_of([&] { RunStore store(root.path()); }), HasSubstr("skylift runs rebuild"));
    }
    EXPECT_THAT(rebuild_store(root.path()), IsEmpty());
    RunStore store(root.path());
    EXPECT_THAT(names(store), ElementsAre("a"));
  }
  fs::remove(root / kRunStoreFile);
  rebuild_store(root.path());
  RunStore store(root.path());
  EXPECT_THAT(names(store), ElementsAre("a"));
}

TEST(RunStore, ALookIntoAFolderLeavesNothingThere) {
  const TempFolder root;
  RunStore store(root.path());
  EXPECT_THAT(names(store), IsEmpty());
  EXPECT_TRUE(fs::is_empty(root.path()));
}

TEST(RunStore, ARunTellsTheStoreAboveIt) {
  const TempFolder root;
  rebuild_store(root.path());
  write_run(root / "deep/er/a");
  RunJournal journal(root / "deep/er/a", {.device = "cpu", .identity = {}}, true);
  RunStore store(root.path());  // not refreshed
  EXPECT_THAT(names(store, {"state=running"}), ElementsAre("deep/er/a"));
  journal.done();
  EXPECT_THAT(names(store, {"state=done"}), ElementsAre("deep/er/a"));
}

/// A run in a process of its own, which writes its record `times` times.
pid_t start_writer(const fs::path& folder, int times) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int status = 1;
  try {
    write_run(folder);
    RunJournal journal(folder, {.device = "cpu", .identity = {{"teacher", "none"}}, .total_steps = times}, false);
    for (int i = 1; i <= times; ++i) journal.reached(i, 0.1, "{\"protocol\": \"coco\", \"AP\": 0.1}");
    journal.done();
    RunStore store(folder.parent_path());
    status = names(store, {"name=" + folder.filename().string(), "step=" + std::to_string(times)}).size() == 1 ? 0 : 2;
  } catch (...) {
  }
  ::_exit(status);
}

TEST(RunStore, SeveralProcessesWriteAtOnce) {
  const TempFolder root;
  write_file(root / kRunStoreFile, "");  // nobody has made its tables yet: they all try at once
  std::vector<pid_t> writers;
  for (int i = 0; i < 6; ++i) writers.push_back(start_writer(root / ("run" + std::to_string(i)), 20));
  for (const pid_t writer : writers) {
    int status = -1;
    ::waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  RunStore store(root.path());
  EXPECT_EQ(names(store, {"state=done", "step=20"}).size(), 6U);
}

}  // namespace
}  // namespace skylift
