#include "skylift/runs/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "skylift/runs/code_version.h"
#include "skylift/runs/run_journal.h"
#include "tests/runs/run_folder.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A process that has ended: its number may be given to another, but not with the same start.
ProcessId ended_process() {
  ProcessId ended = this_process();
  ended.started += "0";
  return ended;
}

TEST(RunRecord, IsReadAsItWasWritten) {
  const TempFolder folder;
  write_run(folder.path(), {.seed = 3, .ap = 0.25});
  const RunRecord read = read_run_record(folder.path());
  EXPECT_EQ(to_json(read), read_file(folder / "run.json"));
  EXPECT_EQ(read.total_steps, 4);
  EXPECT_THAT(read.evaluation, HasSubstr("\"AP50\": 0.5"));
}

TEST(RunRecord, ARunWhoseProcessHasGoneIsInterrupted) {
  const TempFolder folder;
  write_run(folder.path(), {.state = RunState::running});
  EXPECT_EQ(read_run_record(folder.path()).state, RunState::running);
  write_run(folder.path(), {.state = RunState::running, .process = ended_process()});
  EXPECT_EQ(read_run_record(folder.path()).state, RunState::interrupted);
  ProcessId elsewhere = ended_process();
  elsewhere.host = "another host";
  write_run(folder.path(), {.state = RunState::running, .process = elsewhere});
  EXPECT_EQ(read_run_record(folder.path()).state, RunState::running) << "nothing is known of another machine's process";
  ProcessId before = this_process();
  before.boot = "an earlier start of this machine";
  write_run(folder.path(), {.state = RunState::running, .process = before});
  EXPECT_EQ(read_run_record(folder.path()).state, RunState::interrupted);
}

TEST(RunRecord, AKilledProcessIsNotAliveWhileItWaitsForItsParent) {
  const pid_t child = ::fork();
  if (child == 0) ::pause();
  const auto id_of_child = [&] {
    ProcessId id = this_process();
    id.pid = child;
    std::ifstream stream("/proc/" + std::to_string(child) + "/stat");
    std::string field;
    for (int i = 1; i <= 22; ++i) stream >> field;  // this program's name holds no blank
    id.started = field;
    return id;
  }();
  EXPECT_TRUE(may_be_alive(id_of_child));
  ::kill(child, SIGKILL);
  siginfo_t ended;
  ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);  // left as a zombie
  EXPECT_FALSE(may_be_alive(id_of_child));
  ::waitpid(child, nullptr, 0);
}

TEST(RunRecord, DamageIsAnErrorThatNamesTheFile) {
  const TempFolder folder;
  for (const char* text : {"", "{\"format\": 1}", "[]", "{\"format\": 2}"}) {
    write_file(folder / "run.json", text);
    EXPECT_THAT(error_of([&] { read_run_record(folder.path()); }), StartsWith((folder / "run.json").string())) << text;
  }
}

RunFacts facts() {
  return {.device = "cpu", .identity = {{"teacher", "none"}}, .step = 0, .total_steps = 10, .epochs = 2};
}

TEST(RunJournal, FollowsARunFromItsStartToItsEnd) {
  const TempFolder folder;
  write_file(folder / "config.toml", "");
  {
    RunJournal journal(folder.path(), facts(), false);
    EXPECT_EQ(read_run_record(folder.path()).state, RunState::running);
    write_file(folder / "last.safetensors", "a model");
    journal.reached(5, 0.25, "{\"AP\": 0.25}");
    const RunRecord record = read_run_record(folder.path());
    EXPECT_EQ(record.step, 5);
    EXPECT_EQ(record.models.at("last.safetensors"), file_checksum(folder / "last.safetensors"));
    journal.done();
  }
  const RunRecord record = read_run_record(folder.path());
  EXPECT_EQ(record.state, RunState::done);
  EXPECT_EQ(record.code, code_version());
  EXPECT_EQ(record.machine.at("device"), "cpu");
  EXPECT_EQ(record.command, command_line());
}

TEST(RunJournal, ARunThatIsLeftIsInterruptedAndGoesOnInAnotherSession) {
  const TempFolder folder;
  write_file(folder / "config.toml", "");
  { RunJournal journal(folder.path(), facts(), false); }
  const RunRecord left = read_run_record(folder.path());
  EXPECT_EQ(left.state, RunState::interrupted);
  {
    RunJournal journal(folder.path(), facts(), true);
    journal.diverged("the loss is nan");
  }
  const RunRecord record = read_run_record(folder.path());
  EXPECT_EQ(record.state, RunState::diverged);
  EXPECT_EQ(record.reason, "the loss is nan");
  EXPECT_EQ(record.sessions, 2);
  EXPECT_EQ(record.begun, left.begun);
  EXPECT_GE(record.seconds, left.seconds);
}

}  // namespace
}  // namespace skylift
