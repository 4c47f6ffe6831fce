#include "skylift/report/plot.h"
#include "skylift/core/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "skylift/report/html.h"

namespace skylift {
namespace {

using Json = nlohmann::ordered_json;

/// A place for charts.js to draw into, with what it draws. In a script element only "<" needs care.
std::string chart(const std::string& title, int height_px, const Json& drawing) {
  std::string data = dump_json(drawing);
  for (size_t at = 0; (at = data.find('<', at)) != std::string::npos;) data.replace(at, 1, "\\u003c");
  return fmt::format(
      "<figure class=\"chart\"><figcaption>{}</figcaption><div class=\"canvas\" style=\"height:{}px\"><canvas "
      "role=\"img\" aria-label=\"{}\"></canvas></div><script type=\"application/json\">{}</script></figure>\n",
      escape_html(title), height_px, escape_html(title), data);
}

/// Points as [x, y]; null where the line has a gap.
Json points_of(const Series& series) {
  Json points = Json::array();
  for (size_t i = 0; i < series.x.size(); ++i) {
    const bool drawn = std::isfinite(series.x[i]) && std::isfinite(series.y[i]);
    points.push_back(drawn ? Json{series.x[i], series.y[i]} : Json());
  }
  return points;
}

bool has_points(const std::vector<Series>& series) {
  return std::any_of(series.begin(), series.end(), [](const Series& one) {
    return std::any_of(one.y.begin(), one.y.end(), [](double value) { return std::isfinite(value); });
  });
}

/// A count in a cell, its background as strong as its share of the row.
std::string count_cell(double value, double total) {
  const double strength = total > 0 ? 0.06 + 0.84 * value / total : 0.03;
  return fmt::format("<td style=\"background:rgba(47,127,208,{:.3f})\">{}</td>", strength,
                     value > 0 ? fmt::format("{:.6g}", value) : "");
}

}  // namespace

std::string line_plot(const std::vector<Series>& series, const PlotStyle& style) {
  if (!has_points(series)) {
    return fmt::format("<figure class=\"chart\"><figcaption>{}</figcaption><p class=\"empty\">no data</p></figure>\n",
                       escape_html(style.title));
  }
  Json drawing = {{"kind", "line"}, {"x", style.x_label}, {"y", style.y_label}, {"series", Json::array()}};
  if (style.unit_range) drawing["y_range"] = {0, 1};
  if (style.x_range) drawing["x_range"] = {style.x_range->first, style.x_range->second};
  if (style.unit_range) drawing["x_range"] = {0, 1};
  for (size_t i = 0; i < series.size(); ++i)
    drawing["series"].push_back(
        {{"name", series[i].name}, {"colour", plot_colour(i)}, {"points", points_of(series[i])}});
  const int legend_rows = series.size() > 1 ? static_cast<int>(series.size() + 3) / 4 : 0;
  return chart(style.title, 280 + 22 * legend_rows, drawing);
}

std::string bar_plot(const std::vector<Bar>& bars, const std::string& title, double most) {
  Json drawing = {{"kind", "bar"}, {"bars", Json::array()}};
  if (most > 0) drawing["x_range"] = {0, most};
  for (size_t i = 0; i < bars.size(); ++i) {
    drawing["bars"].push_back({{"name", bars[i].name + (bars[i].text.empty() ? "" : ": " + bars[i].text)},
                               {"colour", plot_colour(i)},
                               {"value", bars[i].value}});
  }
  return chart(title, 40 + 28 * static_cast<int>(bars.size()), drawing);
}

std::string matrix_plot(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                        const std::vector<double>& values, const std::string& title) {
  std::string table =
      fmt::format("<div class=\"scroll\"><table class=\"matrix\">\n<tr><th>{}</th>", escape_html(title));
  for (const std::string& name : columns) table += fmt::format("<th>{}</th>", escape_html(name));
  table += "</tr>\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    double total = 0;
    for (size_t c = 0; c < columns.size(); ++c) total += values[r * columns.size() + c];
    table += fmt::format("<tr><th>{}</th>", escape_html(rows[r]));
    for (size_t c = 0; c < columns.size(); ++c) table += count_cell(values[r * columns.size() + c], total);
    table += "</tr>\n";
  }
  return table + "</table></div>\n";
}

const char* plot_colour(size_t index) {
  static constexpr std::array<const char*, 12> colours = {"#2f7fd0", "#e0762a", "#2ea36a", "#cf4457",
                                                          "#8a63c9", "#a87543", "#d65fa8", "#7a8896",
                                                          "#a9a820", "#22a8b8", "#5560c8", "#84b04a"};
  return colours[index % colours.size()];
}

}  // namespace skylift
