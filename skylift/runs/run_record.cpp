#include "skylift/runs/run_record.h"

#include <fmt/chrono.h>

#include <array>
#include <nlohmann/json.hpp>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;
using Texts = std::map<std::string, std::string>;

constexpr std::array kStates = {RunState::running, RunState::done, RunState::interrupted, RunState::diverged};

RunState parse_state(const std::string& name) {
  for (const RunState state : kStates) {
    if (name == state_name(state)) return state;
  }
  throw Error("state: got '{}', expected running, done, interrupted or diverged", in_quotes(name));
}

}  // namespace

const char* state_name(RunState state) {
  switch (state) {
    case RunState::running:
      return "running";
    case RunState::done:
      return "done";
    case RunState::interrupted:
      return "interrupted";
    case RunState::diverged:
      return "diverged";
  }
  return "";
}

std::string to_json(const RunRecord& record) {
  Json json = {{"format", 1},
               {"state", state_name(record.state)},
               {"reason", record.reason},
               {"command", record.command},
               {"code", record.code},
               {"machine", record.machine},
               {"identity", record.identity},
               {"teachers", record.teachers},
               {"process",
                {{"host", record.process.host},
                 {"boot", record.process.boot},
                 {"numbers", record.process.numbers},
                 {"pid", record.process.pid},
                 {"started", record.process.started}}},
               {"begun", record.begun},
               {"changed", record.changed},
               {"sessions", record.sessions},
               {"seconds", record.seconds},
               {"step", record.step},
               {"total_steps", record.total_steps},
               {"epochs", record.epochs},
               {"best_ap", record.best_ap},
               {"models", record.models}};
  json["evaluation"] = record.evaluation.empty() ? Json() : Json::parse(record.evaluation);
  return dump_json(json, 2) + "\n";
}

RunRecord parse_run_record(const std::string& text, const std::string& where) {
  const Json json = parse_json(text, where);
  try {
    if (json.at("format") != 1) throw Error("format: expected 1, this file is of another version of the program");
    const Json& process = json.at("process");
    RunRecord record{.state = parse_state(json.at("state").get<std::string>()),
                     .reason = json.at("reason"),
                     .command = json.at("command"),
                     .code = json.at("code"),
                     .machine = json.at("machine").get<Texts>(),
                     .identity = json.at("identity").get<Texts>(),
                     .teachers = json.value("teachers", std::vector<std::string>{}),
                     .process = {.host = process.at("host"),
                                 .boot = process.at("boot"),
                                 .numbers = process.at("numbers"),
                                 .pid = process.at("pid"),
                                 .started = process.at("started")},
                     .begun = json.at("begun"),
                     .changed = json.at("changed"),
                     .sessions = json.at("sessions"),
                     .seconds = json.at("seconds"),
                     .step = json.at("step"),
                     .total_steps = json.at("total_steps"),
                     .epochs = json.at("epochs"),
                     .best_ap = json.at("best_ap"),
                     .evaluation = {},
                     .models = json.at("models").get<Texts>()};
    const Json& evaluation = json.at("evaluation");
    if (!evaluation.is_null() && !evaluation.is_object())
      throw Error("evaluation: got a {}, expected an object or null", evaluation.type_name());
    if (evaluation.is_object()) record.evaluation = dump_json(evaluation, 2);
    return record;
  } catch (const Json::exception& error) {
    throw Error("{}: damaged: {}", where, error.what());
  } catch (const Error& error) {
    throw Error("{}: {}", where, error.what());
  }
}

void write_run_record(const std::filesystem::path& folder, const RunRecord& record) {
  write_file(folder / kRunRecordFile, to_json(record));
}

RunRecord read_run_record(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kRunRecordFile;
  RunRecord record = parse_run_record(read_file(path), path.string());
  if (record.state == RunState::running && !may_be_alive(record.process)) {
    record.state = RunState::interrupted;
    record.reason = "its process ended without a word";
  }
  return record;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string file_checksum(const std::filesystem::path& path) {
  return checksum_text(checksum(MappedFile(path).bytes()));
}

}  // namespace skylift
