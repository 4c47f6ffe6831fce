#include "skylift/report/run_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/image/codec.h"
#include "skylift/report/html.h"
#include "skylift/report/plot.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kCurvePoints = 200;  // a curve of more steps is averaged in so many stretches

struct Run {
  std::string name;
  std::vector<Json> steps, evaluations;
  std::map<std::string, std::string> options;  // "section.key" -> value
};

std::map<std::string, std::string> read_options(const fs::path& config) {
  std::map<std::string, std::string> options;
  std::istringstream lines(read_file(config));
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find(" = ");
    if (line.starts_with("[")) {
      section = line.substr(1, line.find(']') - 1);
    } else if (equals != std::string::npos) {
      options[section + "." + line.substr(0, equals)] = line.substr(equals + 3);
    }
  }
  return options;
}

Run read_run(const fs::path& folder) {
  const fs::path metrics = folder / "metrics.jsonl";
  if (!fs::exists(metrics)) throw Error("{}: not a run: it has no metrics.jsonl", folder.string());
  Run run{.name = fs::absolute(folder / ".").parent_path().filename().string(),
          .steps = {},
          .evaluations = {},
          .options = {}};
  std::istringstream lines(read_file(metrics));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object()) throw Error("{}:{}: not a JSON object", metrics.string(), number);
    (record.value("kind", "") == "train" ? run.steps : run.evaluations).push_back(std::move(record));
  }
  run.options = read_options(folder / "config.toml");
  return run;
}

double number_of(const Json& record, const std::string& key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_number() ? found->get<double>() : std::nan("");
}

Series curve(const std::string& name, const std::vector<Json>& records, const std::string& key, double factor,
             size_t most_points) {
  Series series{.name = name, .x = {}, .y = {}};
  const size_t stretch = std::max<size_t>(1, (records.size() + most_points - 1) / most_points);
  for (size_t begin = 0; begin < records.size(); begin += stretch) {
    const size_t end = std::min(begin + stretch, records.size());
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += number_of(records[i], key);
    series.x.push_back(number_of(records[end - 1], "step"));
    series.y.push_back(factor * sum / static_cast<double>(end - begin));
  }
  return series;
}

std::vector<Json> only(const std::vector<Json>& records, const std::string& kind) {
  std::vector<Json> kept;
  std::copy_if(records.begin(), records.end(), std::back_inserter(kept),
               [&](const Json& r) { return r.value("kind", "") == kind; });
  return kept;
}

std::string plot_of(const std::vector<Run>& runs, const std::string& key, const std::string& title) {
  std::vector<Series> series;
  for (const Run& run : runs) series.push_back(curve(run.name, run.steps, key, 1, kCurvePoints));
  return line_plot(series, {.title = title, .x_label = "step"});
}

/// The names of all loss terms, in the order in which the runs name them.
std::vector<std::string> term_names(const std::vector<Run>& runs) {
  std::vector<std::string> names;
  for (const Run& run : runs) {
    if (run.steps.empty()) continue;
    for (const auto& [name, value] : run.steps.front().items()) {
      const bool is_term = name.starts_with("loss") || name.starts_with("kd_");
      if (is_term && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string score_plot(const std::vector<Run>& runs) {
  std::vector<Series> series;
  for (const Run& run : runs) series.push_back(curve(run.name, only(run.evaluations, "eval"), "AP", 100, SIZE_MAX));
  return line_plot(series, {.title = "AP on the validation images", .x_label = "step"});
}

std::string score_table(const std::vector<Run>& runs) {
  const std::vector<std::string> keys = {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"};
  std::vector<std::vector<std::string>> rows;
  for (const Run& run : runs) {
    for (const Json& record : run.evaluations) {
      std::vector<std::string> row = {
          fmt::format("{}: {}", run.name,
                      record.value("kind", "") == "teacher" ? "its teacher, before training" : "the model"),
          std::to_string(static_cast<int64_t>(number_of(record, "step")))};
      for (const std::string& key : keys) {
        const double value = number_of(record, key);
        row.push_back(value >= 0 ? fmt::format("{:.2f}", 100 * value) : "-");
      }
      rows.push_back(std::move(row));
    }
  }
  std::vector<std::string> header = {"", "step"};
  header.insert(header.end(), keys.begin(), keys.end());
  return html_table(header, rows);
}

std::string option_table(const std::vector<Run>& runs) {
  std::vector<std::string> header = {"option"};
  for (const Run& run : runs) header.push_back(run.name);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : runs.front().options) {
    std::vector<std::string> row = {key};
    for (const Run& run : runs) row.push_back(run.options.contains(key) ? run.options.at(key) : "-");
    const bool differs = std::adjacent_find(row.begin() + 1, row.end(), std::not_equal_to<>()) != row.end();
    if (runs.size() == 1 || differs) rows.push_back(std::move(row));
  }
  return html_table(header, rows);
}

}  // namespace

void write_run_page(const fs::path& file, const std::vector<fs::path>& folders, const std::vector<fs::path>& pictures) {
  std::vector<Run> runs;
  for (const fs::path& folder : folders) runs.push_back(read_run(folder));
  if (runs.empty()) throw Error("report: no runs given");
  std::string body = "<h2>Scores</h2>" + score_table(runs) + score_plot(runs) + "<h2>Training</h2>";
  for (const std::string& name : term_names(runs)) body += plot_of(runs, name, name);
  body += plot_of(runs, "lr", "learning rate") + plot_of(runs, "gradient_norm", "gradient norm before clipping");
  if (!pictures.empty()) body += "<h2>Pictures</h2>";
  for (const fs::path& picture : pictures) {
    body += fmt::format("<h3>{}</h3>{}", escape_html(picture.stem().string()),
                        embedded_jpeg(encode_jpeg(decode_rgb(picture)), picture.stem().string()));
  }
  body += fmt::format("<h2>{}</h2>", runs.size() == 1 ? "Options" : "Options that differ") + option_table(runs);
  const std::string title = runs.size() == 1 ? "Run " + runs.front().name : "Runs";
  write_file(file, html_page(title, body));
}

}  // namespace skylift
