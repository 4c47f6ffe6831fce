#include "skylift/study/run_comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "skylift/core/error.h"
#include "skylift/core/json.h"
#include "skylift/core/text.h"
#include "skylift/core/text_table.h"
#include "skylift/train/resume_state.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;
using Texts = std::map<std::string, std::string>;

constexpr const char* kSeed = "train.seed";
constexpr std::array kShownScores = {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"};

/// Options and circumstances by name, as far as they may explain a difference in the scores.
Texts explanations(const StoredRun& run) {
  Texts texts = run.options;
  texts["protocol"] = run.protocol;
  texts["state"] = state_name(run.record.state);
  texts["code"] = run.record.code;
  for (const char* key : {"host", "cpu", "device"}) {
    if (const auto found = run.record.machine.find(key); found != run.record.machine.end()) texts[key] = found->second;
  }
  texts.insert(run.record.identity.begin(), run.record.identity.end());
  return texts;
}

std::vector<RunDifference> differences_of(const std::vector<StoredRun>& runs) {
  std::vector<Texts> all;
  std::set<std::string> keys;
  for (const StoredRun& run : runs) {
    all.push_back(explanations(run));
    for (const auto& [key, value] : all.back()) keys.insert(key);
  }
  std::vector<RunDifference> differences;
  for (const std::string& key : keys) {
    RunDifference difference{.key = key, .values = {}};
    for (const Texts& texts : all) difference.values.push_back(texts.contains(key) ? texts.at(key) : "-");
    const auto& values = difference.values;
    if (std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) != values.end())
      differences.push_back(std::move(difference));
  }
  return differences;
}

/// What runs of one kind have in common. Where and how fast a run works is no part of it.
Texts kind_of(const StoredRun& run) {
  Texts kind = run.options;
  std::erase_if(kind, [](const auto& option) { return option.first == kSeed || is_of_the_machine(option.first); });
  for (const char* key : {"teacher", "student"}) {
    const auto found = run.record.identity.find(key);
    kind[key] = found == run.record.identity.end() ? "none" : found->second;
  }
  return kind;
}

int seed_of(const StoredRun& run) {
  const auto found = run.options.find(kSeed);
  return found == run.options.end() ? 0 : static_cast<int>(parse_integer(found->second).value_or(0));
}

SeedScores seed_scores(const StoredRun& run) {
  SeedScores scores{.seed = seed_of(run), .scores = {}};
  for (const auto& [key, value] : run.scores) scores.scores[run.protocol + " " + key] = value;
  return scores;
}

std::vector<StudyRow> kinds_of(const std::vector<StoredRun>& runs, std::vector<std::string>& notes) {
  std::vector<Texts> kinds;
  std::vector<StudyRow> rows;
  for (const StoredRun& run : runs) {
    Texts kind = kind_of(run);
    const auto place = static_cast<size_t>(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
    if (place == kinds.size()) {
      kinds.push_back(std::move(kind));
      rows.push_back({.name = run.name, .against = {}, .seeds = {}});
      if (place > 0) rows.back().against.push_back(rows.front().name);
    }
    std::vector<SeedScores>& seeds = rows[place].seeds;
    const bool again =
        std::any_of(seeds.begin(), seeds.end(), [&](const SeedScores& one) { return one.seed == seed_of(run); });
    if (again) {
      notes.push_back(fmt::format("{} repeats a seed of {} and is left out of its mean", run.name, rows[place].name));
    } else {
      seeds.push_back(seed_scores(run));
    }
  }
  return rows;
}

void note_differences(RunComparison& comparison) {
  for (const RunDifference& difference : comparison.differences) {
    if (difference.key == "validation images" || difference.key == "protocol")
      comparison.notes.push_back(fmt::format("the runs' scores are not comparable: their {} differ", difference.key));
    if (difference.key == "state") comparison.notes.emplace_back("not all runs are done");
  }
}

std::vector<std::string> score_keys(const RunComparison& comparison) {
  std::vector<std::string> keys;
  for (const char* key : kShownScores) {
    if (std::any_of(comparison.runs.begin(), comparison.runs.end(),
                    [&](const StoredRun& run) { return run.scores.contains(key); }))
      keys.emplace_back(key);
  }
  return keys;
}

std::string runs_text(const RunComparison& comparison) {
  const std::vector<std::string> keys = score_keys(comparison);
  std::vector<std::vector<std::string>> rows = {{"run", "seed", "state", "epochs", "protocol"}};
  rows.front().insert(rows.front().end(), keys.begin(), keys.end());
  for (const StoredRun& run : comparison.runs) {
    std::vector<std::string>& row = rows.emplace_back();
    row = {run.name, std::to_string(seed_of(run)), state_name(run.record.state), std::to_string(run.record.epochs),
           run.protocol.empty() ? "-" : run.protocol};
    for (const std::string& key : keys) row.push_back(score_text(run, key));
  }
  return text_table(rows);
}

std::string differences_text(const RunComparison& comparison) {
  if (comparison.differences.empty()) return "\nno option differs\n";
  std::vector<std::vector<std::string>> rows = {{"what differs"}};
  for (const StoredRun& run : comparison.runs) rows.front().push_back(run.name);
  for (const RunDifference& difference : comparison.differences) {
    rows.push_back({difference.key});
    rows.back().insert(rows.back().end(), difference.values.begin(), difference.values.end());
  }
  return "\n" + text_table(rows);
}

/// Means and paired differences of one score.
std::string seeds_text(const RunComparison& comparison, const std::string& score) {
  std::vector<std::vector<std::string>> rows = {
      {"over seeds, " + score, "n", "mean", "deviation", "minus the first", "n", "95 % interval"}};
  for (const StudyRow& kind : comparison.kinds) {
    const std::optional<Interval> own = mean_of(kind, score);
    std::vector<std::string>& row = rows.emplace_back();
    row = {kind.name, std::to_string(own ? own->n : 0), own ? fmt::format("{:.2f}", 100 * own->mean) : "-",
           own && own->n > 1 ? fmt::format("{:.2f}", 100 * own->deviation) : "-"};
    const auto gain = kind.against.empty() ? std::nullopt : paired_difference(kind, comparison.kinds.front(), score);
    if (!gain) continue;
    row.insert(row.end(),
               {fmt::format("{:+.2f}", 100 * gain->mean), std::to_string(gain->n),
                gain->n > 1 ? fmt::format("{:+.2f} .. {:+.2f}", 100 * gain->low, 100 * gain->high) : "one seed"});
  }
  return "\n" + text_table(rows);
}

/// The scores that kinds are compared by: AP and AP50 of each protocol there is.
std::vector<std::string> main_scores(const RunComparison& comparison) {
  std::set<std::string> protocols;
  for (const StoredRun& run : comparison.runs) {
    if (!run.protocol.empty()) protocols.insert(run.protocol);
  }
  std::vector<std::string> scores;
  for (const std::string& protocol : protocols) scores.insert(scores.end(), {protocol + " AP", protocol + " AP50"});
  return scores;
}

Json run_json(const StoredRun& run) {
  return {{"name", run.name},         {"seed", seed_of(run)},     {"state", state_name(run.record.state)},
          {"method", method_of(run)}, {"protocol", run.protocol}, {"scores", run.scores}};
}

Json kind_json(const RunComparison& comparison, const StudyRow& kind) {
  Json json = {{"name", kind.name}, {"seeds", Json::array()}, {"means", Json::object()}};
  for (const SeedScores& one : kind.seeds) json["seeds"].push_back(one.seed);
  for (const std::string& score : main_scores(comparison)) {
    if (const auto own = mean_of(kind, score)) json["means"][score] = interval_json(*own);
    if (kind.against.empty()) continue;
    if (const auto gain = paired_difference(kind, comparison.kinds.front(), score))
      json["minus_the_first"][score] = interval_json(*gain);
  }
  return json;
}

}  // namespace

RunComparison compare_runs(std::vector<StoredRun> runs) {
  if (runs.size() < 2) throw Error("runs compare: got {}, expected two runs or more", runs.size());
  RunComparison comparison{.runs = std::move(runs), .differences = {}, .kinds = {}, .notes = {}};
  comparison.differences = differences_of(comparison.runs);
  comparison.kinds = kinds_of(comparison.runs, comparison.notes);
  note_differences(comparison);
  return comparison;
}

std::string score_text(const StoredRun& run, const std::string& key) {
  const auto found = run.scores.find(key);
  return found == run.scores.end() ? "-" : fmt::format("{:.2f}", 100 * found->second);
}

std::string to_text(const RunComparison& comparison) {
  std::string text = runs_text(comparison) + differences_text(comparison);
  for (const std::string& score : main_scores(comparison)) text += seeds_text(comparison, score);
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  return text;
}

std::string to_json(const RunComparison& comparison) {
  Json json = {{"runs", Json::array()}, {"differences", Json::object()}, {"kinds", Json::array()}};
  for (const StoredRun& run : comparison.runs) json["runs"].push_back(run_json(run));
  for (const RunDifference& difference : comparison.differences)
    json["differences"][difference.key] = difference.values;
  for (const StudyRow& kind : comparison.kinds) json["kinds"].push_back(kind_json(comparison, kind));
  json["notes"] = comparison.notes;
  return dump_json(json, 2) + "\n";
}

}  // namespace skylift
