#include "skylift/runs/run_journal.h"

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/runs/code_version.h"
#include "skylift/runs/run_store.h"

namespace skylift {

RunJournal::RunJournal(std::filesystem::path folder, const RunFacts& facts, bool goes_on) : folder_(std::move(folder)) {
  record_.begun = utc_now();
  if (goes_on && is_there(folder_ / kRunRecordFile)) {
    record_ = read_run_record(folder_);
    ++record_.sessions;
  }
  record_.state = RunState::running;
  record_.reason.clear();
  record_.command = command_line();
  record_.code = code_version();
  record_.machine = machine_facts();
  record_.machine["device"] = facts.device;
  record_.identity = facts.identity;
  record_.teachers = facts.teachers;
  record_.process = this_process();
  record_.step = facts.step;
  record_.total_steps = facts.total_steps;
  record_.epochs = facts.epochs;
  seconds_before_ = record_.seconds;
  write();
}

RunJournal::~RunJournal() {
  if (record_.state != RunState::running) return;
  try {
    end(RunState::interrupted, "stopped before its last step");
  } catch (const std::exception& error) {  // a full disk may be why the run ends
    log_warning("{}", error.what());
  }
}

void RunJournal::reached(int64_t step, double best_ap, const std::string& evaluation) {
  record_.step = step;
  record_.best_ap = best_ap;
  if (!evaluation.empty()) record_.evaluation = evaluation;
  for (const char* name : {"best.safetensors", "last.safetensors"}) {
    if (is_there(folder_ / name)) record_.models[name] = file_checksum(folder_ / name);
  }
  write();
}

void RunJournal::done() { end(RunState::done, ""); }

void RunJournal::diverged(const std::string& reason) { end(RunState::diverged, reason); }

void RunJournal::end(RunState state, const std::string& reason) {
  record_.state = state;
  record_.reason = reason;
  write();
}

void RunJournal::write() {
  const std::chrono::duration<double> here = std::chrono::steady_clock::now() - begun_;
  record_.seconds = seconds_before_ + here.count();
  record_.changed = utc_now();
  write_run_record(folder_, record_);
  if (!store_is_told_) return;
  try {
    tell_store(folder_);
  } catch (const std::exception& error) {
    store_is_told_ = false;
    log_warning("the store of runs is not told of this one: {}", error.what());
  }
}

}  // namespace skylift
