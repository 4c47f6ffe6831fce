#include "skylift/study/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "skylift/core/error.h"
#include "skylift/core/json.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

/// 97.5 % quantile of Student's t: tabled where the expansion in 1/df is not yet good to three digits.
double student_quantile(int df) {
  constexpr std::array tabled = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (df <= static_cast<int>(tabled.size())) return tabled[static_cast<size_t>(df - 1)];
  constexpr double z = 1.959964;
  return z + (std::pow(z, 3) + z) / (4.0 * df) + (5 * std::pow(z, 5) + 16 * std::pow(z, 3) + 3 * z) / (96.0 * df * df);
}

std::vector<double> defined_scores(const StudyRow& row, const std::string& score) {
  std::vector<double> values;
  for (const SeedScores& one : row.seeds) {
    const auto found = one.scores.find(score);
    if (found != one.scores.end() && found->second >= 0) values.push_back(found->second);
  }
  return values;
}

const StudyRow* find_row(const std::vector<StudyRow>& rows, const std::string& name) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const StudyRow& one) { return one.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

double seconds_per_step(const StudyRow& row) {
  std::vector<double> values;
  for (const SeedScores& one : row.seeds) values.push_back(one.seconds_per_step);
  return mean_interval(values).mean;
}

std::string score_cell(const StudyRow& row, const std::string& score) {
  const auto interval = mean_of(row, score);
  if (!interval) return "-";
  return interval->n == 1 ? fmt::format("{:.2f}", 100 * interval->mean)
                          : fmt::format("{:.2f} ± {:.2f}", 100 * interval->mean, 100 * interval->deviation);
}

std::string difference_line(const StudyRow& row, const StudyRow& other, const std::string& score) {
  const auto difference = paired_difference(row, other, score);
  if (!difference) return fmt::format("| {} | {} | 0 | - | - |\n", row.name, other.name);
  const std::string interval = difference->n == 1
                                   ? "one seed"
                                   : fmt::format("{:+.2f} .. {:+.2f}", 100 * difference->low, 100 * difference->high);
  return fmt::format("| {} | {} | {} | {:+.2f} | {} |\n", row.name, other.name, difference->n, 100 * difference->mean,
                     interval);
}

}  // namespace

nlohmann::ordered_json interval_json(const Interval& interval) {
  Json json = {{"n", interval.n}, {"mean", interval.mean}, {"deviation", interval.deviation}};
  if (interval.n > 1) json["interval95"] = {interval.low, interval.high};
  return json;
}

Interval mean_interval(const std::vector<double>& values) {
  if (values.empty()) throw Error("study: a mean of no values");
  Interval result{.n = static_cast<int>(values.size())};
  for (double value : values) result.mean += value / result.n;
  if (result.n == 1) {
    result.low = -std::numeric_limits<double>::infinity();
    result.high = std::numeric_limits<double>::infinity();
    return result;
  }
  for (double value : values) result.deviation += (value - result.mean) * (value - result.mean) / (result.n - 1);
  result.deviation = std::sqrt(result.deviation);
  const double half = student_quantile(result.n - 1) * result.deviation / std::sqrt(result.n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

std::optional<Interval> mean_of(const StudyRow& row, const std::string& score) {
  const std::vector<double> values = defined_scores(row, score);
  if (values.empty()) return std::nullopt;
  return mean_interval(values);
}

std::optional<Interval> paired_difference(const StudyRow& row, const StudyRow& other, const std::string& score) {
  std::vector<double> differences;
  for (const SeedScores& one : row.seeds) {
    const auto pair = std::find_if(other.seeds.begin(), other.seeds.end(),
                                   [&](const SeedScores& candidate) { return candidate.seed == one.seed; });
    if (pair == other.seeds.end()) continue;
    const auto ours = one.scores.find(score), theirs = pair->scores.find(score);
    if (ours == one.scores.end() || theirs == pair->scores.end() || ours->second < 0 || theirs->second < 0) continue;
    differences.push_back(ours->second - theirs->second);
  }
  if (differences.empty()) return std::nullopt;
  return mean_interval(differences);
}

std::string study_text(const std::vector<StudyRow>& rows, const std::vector<std::string>& scores,
                       const std::string& main_score) {
  std::string text = "| run | seeds | parameters | GMACs | s a step |";
  for (const std::string& score : scores) text += fmt::format(" {} |", score);
  text += "\n|---|---|---|---|---|";
  for (size_t i = 0; i < scores.size(); ++i) text += "---|";
  text += "\n";
  for (const StudyRow& row : rows) {
    if (row.seeds.empty()) continue;
    text += fmt::format("| {} | {} | {:.2f} M | {:.2f} | {:.2f} |", row.name, row.seeds.size(), row.parameters / 1e6,
                        row.gmacs, seconds_per_step(row));
    for (const std::string& score : scores) text += fmt::format(" {} |", score_cell(row, score));
    text += "\n";
  }
  text += fmt::format("\n| run | minus | seeds in common | {} | 95 % interval |\n|---|---|---|---|---|\n", main_score);
  for (const StudyRow& row : rows) {
    for (const std::string& name : row.against) {
      const StudyRow* other = find_row(rows, name);
      if (other && !row.seeds.empty()) text += difference_line(row, *other, main_score);
    }
  }
  return text;
}

std::string study_json(const std::vector<StudyRow>& rows, const std::string& main_score) {
  Json json = {{"main_score", main_score}, {"runs", Json::array()}};
  for (const StudyRow& row : rows) {
    Json entry = {{"name", row.name},
                  {"parameters", row.parameters},
                  {"gmacs", row.gmacs},
                  {"seeds", Json::array()},
                  {"differences", Json::object()}};
    for (const SeedScores& one : row.seeds) {
      entry["seeds"].push_back(
          {{"seed", one.seed}, {"seconds_per_step", one.seconds_per_step}, {"scores", Json(one.scores)}});
    }
    for (const std::string& name : row.against) {
      const StudyRow* other = find_row(rows, name);
      const auto difference = other ? paired_difference(row, *other, main_score) : std::nullopt;
      if (difference) entry["differences"][name] = interval_json(*difference);
    }
    json["runs"].push_back(std::move(entry));
  }
  return dump_json(json, 2) + "\n";
}

}  // namespace skylift
