#include "skylift/report/run_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/image/codec.h"
#include "skylift/report/html.h"
#include "skylift/report/plot.h"
#include "skylift/runs/stored_run.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kCurvePoints = 200;  // a curve of more steps is averaged in so many stretches

struct Run {
  StoredRun stored;
  fs::path folder;
  std::vector<Json> steps, evaluations;
};

Run read_run(const fs::path& folder) {
  if (!is_there(folder / kRunRecordFile)) throw Error("{}: not a run: it has no {}", folder.string(), kRunRecordFile);
  const fs::path whole = fs::weakly_canonical(folder);
  Run run{.stored = read_stored_run(whole.parent_path(), whole), .folder = whole, .steps = {}, .evaluations = {}};
  for (Json& record : read_metrics(whole / "metrics.jsonl"))
    (record.value("kind", "") == "train" ? run.steps : run.evaluations).push_back(std::move(record));
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

/// From the first to the last step of any run: all curves have this axis.
std::pair<double, double> step_range(const std::vector<Run>& runs) {
  double last = 1;
  for (const Run& run : runs) {
    if (!run.steps.empty()) last = std::max(last, number_of(run.steps.back(), "step"));
  }
  return {0, last};
}

std::string plot_of(const std::vector<Run>& runs, const std::string& key, const std::string& title) {
  std::vector<Series> series;
  for (const Run& run : runs) series.push_back(curve(run.stored.name, run.steps, key, 1, kCurvePoints));
  const bool known = std::any_of(series.begin(), series.end(), [](const Series& one) {
    return std::any_of(one.y.begin(), one.y.end(), [](double value) { return std::isfinite(value); });
  });
  return known ? line_plot(series, {.title = title, .x_label = "step", .x_range = step_range(runs)}) : "";
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

std::string score_plots(const std::vector<Run>& runs) {
  std::string plots;
  for (const auto& [key, title] : {std::pair{"AP", "AP on the validation images, %"}, {"AP50", "AP50, %"}}) {
    std::vector<Series> series;
    for (const Run& run : runs)
      series.push_back(curve(run.stored.name, only(run.evaluations, "eval"), key, 100, SIZE_MAX));
    plots += line_plot(series, {.title = title, .x_label = "step", .x_range = step_range(runs)});
  }
  return plots;
}

std::string state_table(const std::vector<Run>& runs) {
  std::vector<std::vector<std::string>> rows;
  for (const Run& run : runs) {
    const RunRecord& record = run.stored.record;
    rows.push_back({run.stored.name, state_name(record.state), fmt::format("{} of {}", record.step, record.total_steps),
                    method_of(run.stored), fmt::format("{:.1f} min", record.seconds / 60), record.begun, record.code});
  }
  std::string table = html_table({"run", "state", "steps", "distilled by", "took", "begun (UTC)", "code"}, rows);
  for (const Run& run : runs) {
    if (!run.stored.record.reason.empty())
      table += fmt::format("<p>{}: {}</p>\n", escape_html(run.stored.name), escape_html(run.stored.record.reason));
  }
  return table;
}

/// What made the runs: command, machine and data.
std::string recipe_table(const std::vector<Run>& runs) {
  std::string tables;
  for (const Run& run : runs) {
    const RunRecord& record = run.stored.record;
    std::vector<std::vector<std::string>> rows = {{"command", fmt::format("{}", fmt::join(record.command, " "))}};
    for (const auto& [key, value] : record.machine) rows.push_back({key, value});
    for (const auto& [key, value] : record.identity) rows.push_back({key, value});
    for (const auto& [key, value] : record.models) rows.push_back({key, value});
    tables += fmt::format("<h3>{}</h3>\n", escape_html(run.stored.name)) + html_table({"", ""}, rows);
  }
  return tables;
}

std::string picture(const fs::path& file, const std::string& title) {
  return fmt::format("<h3>{}</h3>{}", escape_html(title), embedded_jpeg(encode_jpeg(decode_rgb(file)), title));
}

std::string pictures_section(const std::vector<Run>& runs, const std::vector<fs::path>& pictures) {
  std::string section;
  for (const fs::path& file : pictures) section += picture(file, file.stem().string());
  for (const Run& run : runs) {
    const fs::path regions = run.folder / "regions.jpg";
    if (is_there(regions)) section += picture(regions, "where the methods of " + run.stored.name + " look");
  }
  return section.empty() ? "" : "<h2>Pictures</h2>\n" + section;
}

std::string training_section(const std::vector<Run>& runs) {
  std::string section = "<h2>Training</h2>\n<div class=\"row\">\n" + score_plots(runs);
  for (const std::string& name : term_names(runs)) section += plot_of(runs, name, name);
  for (const auto& [key, title] : {std::pair{"lr", "learning rate"},
                                   {"gradient_norm", "gradient norm before clipping"},
                                   {"images_per_s", "images a second"},
                                   {"data_wait", "share of the time that waits for data"},
                                   {"peak_memory_mib", "peak memory, MiB"}})
    section += plot_of(runs, key, title);
  return section + "</div>\n";
}

std::string score_table(const std::vector<Run>& runs) {
  const std::vector<std::string> keys = {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"};
  std::vector<std::vector<std::string>> rows;
  for (const Run& run : runs) {
    for (const Json& record : run.evaluations) {
      std::vector<std::string> row = {
          fmt::format("{}: {}", run.stored.name,
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
  for (const Run& run : runs) header.push_back(run.stored.name);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : runs.front().stored.options) {
    std::vector<std::string> row = {key};
    for (const Run& run : runs) row.push_back(run.stored.options.contains(key) ? run.stored.options.at(key) : "-");
    const bool differs = std::adjacent_find(row.begin() + 1, row.end(), std::not_equal_to<>()) != row.end();
    if (runs.size() == 1 || differs) rows.push_back(std::move(row));
  }
  return html_table(header, rows);
}

/// The last `count` parts of a path: "plain/seed0". Fewer where it has not so many.
std::string path_end(const fs::path& path, size_t count) {
  std::vector<std::string> parts;
  for (const fs::path& part : path.relative_path()) parts.push_back(part.string());
  const size_t first = parts.size() - std::min(count, parts.size());
  return fmt::format("{}", fmt::join(parts.begin() + static_cast<std::ptrdiff_t>(first), parts.end(), "/"));
}

}  // namespace

std::vector<std::string> run_names(const std::vector<fs::path>& folders) {
  std::vector<fs::path> whole;
  for (const fs::path& folder : folders) whole.push_back(fs::weakly_canonical(folder));
  std::vector<std::string> names;
  for (const fs::path& own : whole) {
    size_t count = 1;
    const auto is_taken = [&](const fs::path& other) {
      return other != own && path_end(other, count) == path_end(own, count);
    };
    while (std::ranges::any_of(whole, is_taken)) ++count;
    names.push_back(path_end(own, count));
  }
  return names;
}

void write_run_page(const fs::path& file, const std::vector<fs::path>& folders, const std::vector<fs::path>& pictures,
                    const ModelComparison& comparison) {
  std::vector<Run> runs;
  const std::vector<std::string> names = run_names(folders);
  for (size_t i = 0; i < folders.size(); ++i) {
    runs.push_back(read_run(folders[i]));
    runs.back().stored.name = names[i];
  }
  if (runs.empty()) throw Error("report: no runs given");
  std::string body = state_table(runs) + comparison_section(comparison) + "<h2>Scores while training</h2>\n" +
                     score_table(runs) + training_section(runs) + pictures_section(runs, pictures);
  body += fmt::format("<h2>{}</h2>\n", runs.size() == 1 ? "Options" : "Options that differ") + option_table(runs);
  body += "<h2>Recipe</h2>\n" + recipe_table(runs);
  const std::string title = runs.size() == 1 ? "Run " + runs.front().stored.name : "Runs";
  write_file(file, html_page(title, body));
}

}  // namespace skylift
