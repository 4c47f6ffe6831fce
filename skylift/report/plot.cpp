#include "skylift/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "skylift/report/html.h"

namespace skylift {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void include(double value) {
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

std::string svg(int width, int height, const std::string& content) {
  return fmt::format("<svg role=\"img\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n{2}</svg>\n", width,
                     height, content);
}

std::string label(double x, double y, std::string_view text, const char* anchor = "start", const char* extra = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, extra,
                     escape_html(text));
}

/// The area between the axes and how values map into it.
struct Frame {
  double left = 56, top = 30, right, bottom;
  Range x, y;
  double to_x(double value) const { return left + (value - x.low) / (x.high - x.low) * (right - left); }
  double to_y(double value) const { return bottom - (value - y.low) / (y.high - y.low) * (bottom - top); }
};

void widen(Range& range, bool unit) {
  if (unit || range.empty()) range = {0, 1};
  if (range.high - range.low < 1e-12 * std::max(1.0, std::abs(range.high))) range = {range.low - 0.5, range.high + 0.5};
}

Frame make_frame(const std::vector<Series>& series, const PlotStyle& style) {
  Frame frame;
  frame.right = style.width_px - 12;
  frame.bottom = style.height_px - 44;
  for (const auto& one : series) {
    for (const double value : one.x) frame.x.include(value);
    for (const double value : one.y) frame.y.include(value);
  }
  widen(frame.x, style.unit_range);
  widen(frame.y, style.unit_range);
  return frame;
}

std::string axes(const Frame& frame, const PlotStyle& style) {
  std::string text =
      fmt::format("<rect class=\"panel\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n", frame.left,
                  frame.top, frame.right - frame.left, frame.bottom - frame.top);
  const auto line = [&](double x1, double y1, double x2, double y2) {
    text +=
        fmt::format("<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", x1, y1, x2, y2);
  };
  for (const double tick : round_ticks(frame.x.low, frame.x.high, 6)) {
    line(frame.to_x(tick), frame.top, frame.to_x(tick), frame.bottom);
    text += label(frame.to_x(tick), frame.bottom + 16, fmt::format("{:.6g}", tick), "middle", " class=\"soft\"");
  }
  for (const double tick : round_ticks(frame.y.low, frame.y.high, 5)) {
    line(frame.left, frame.to_y(tick), frame.right, frame.to_y(tick));
    text += label(frame.left - 6, frame.to_y(tick) + 4, fmt::format("{:.6g}", tick), "end", " class=\"soft\"");
  }
  text += label(frame.left, 18, style.title, "start", " font-weight=\"bold\"");
  text += label((frame.left + frame.right) / 2, style.height_px - 8, style.x_label, "middle", " class=\"soft\"");
  const double middle = (frame.top + frame.bottom) / 2;
  text += fmt::format(
      "<text class=\"soft\" text-anchor=\"middle\" transform=\"translate(13 {:.1f}) rotate(-90)\">{}</text>\n", middle,
      escape_html(style.y_label));
  return text;
}

/// One path with a new start after each gap.
std::string path(const Series& series, const Frame& frame, const char* colour) {
  std::string steps;
  bool pen_down = false;
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
    const bool drawn = std::isfinite(series.x[i]) && std::isfinite(series.y[i]);
    if (drawn)
      steps += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", frame.to_x(series.x[i]), frame.to_y(series.y[i]));
    pen_down = drawn;
  }
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"><title>{}</title></path>\n",
                     steps, colour, escape_html(series.name));
}

/// Names below the plot, in columns.
std::string legend(const std::vector<Series>& series, const PlotStyle& style, int columns) {
  std::string text;
  for (size_t i = 0; i < series.size(); ++i) {
    const double x = 12 + static_cast<double>(i % columns) * (style.width_px - 24) / columns;
    const double y = style.height_px + 12 + static_cast<double>(i / columns) * 18;
    text += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"12\" height=\"4\" fill=\"{}\"/>\n", x, y - 6,
                        plot_colour(i));
    text += label(x + 18, y, series[i].name);
  }
  return text;
}

}  // namespace

const char* plot_colour(size_t index) {
  static constexpr std::array<const char*, 12> colours = {"#2f7fd0", "#e0762a", "#2ea36a", "#cf4457",
                                                          "#8a63c9", "#a87543", "#d65fa8", "#7a8896",
                                                          "#a9a820", "#22a8b8", "#5560c8", "#84b04a"};
  return colours[index % colours.size()];
}

std::vector<double> round_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low)) return ticks;
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double step = power * (raw <= power ? 1 : raw <= 2 * power ? 2 : raw <= 5 * power ? 5 : 10);
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) {
    ticks.push_back(k * step + 0.0);  // ceil may give -0, which would be shown as such
  }
  return ticks;
}

std::string line_plot(const std::vector<Series>& series, const PlotStyle& style) {
  const Frame frame = make_frame(series, style);
  std::string content = axes(frame, style);
  size_t points = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    points += series[i].x.size();
    content += path(series[i], frame, plot_colour(i));
  }
  if (points == 0)
    content +=
        label((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2, "no data", "middle", " class=\"soft\"");
  constexpr int columns = 4;
  if (series.size() < 2) return svg(style.width_px, style.height_px, content);
  const int rows = (static_cast<int>(series.size()) + columns - 1) / columns;
  return svg(style.width_px, style.height_px + 18 * rows + 4, content + legend(series, style, columns));
}

std::string bar_plot(const std::vector<Bar>& bars, const std::string& title, int width_px) {
  double highest = 0;
  size_t longest = 0;
  for (const auto& bar : bars) highest = std::max(highest, bar.value), longest = std::max(longest, bar.name.size());
  const double left = 16 + 7.0 * static_cast<double>(longest), room = width_px - left - 110;
  std::string content = label(4, 16, title, "start", " font-weight=\"bold\"");
  double y = 28;
  for (size_t i = 0; i < bars.size(); ++i, y += 24) {
    const double length = highest > 0 ? bars[i].value / highest * room : 0;
    content += label(left - 6, y + 13, bars[i].name, "end");
    content += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"18\" rx=\"2\" fill=\"{}\"/>\n",
                           left, y, length, plot_colour(i));
    content += label(left + length + 6, y + 13, bars[i].text, "start", " class=\"soft\"");
  }
  return svg(width_px, static_cast<int>(y) + 4, content);
}

std::string matrix_plot(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                        const std::vector<double>& values, const std::string& title) {
  size_t longest = 0;
  for (const auto& name : rows) longest = std::max(longest, name.size());
  for (const auto& name : columns) longest = std::max(longest, name.size());
  const double cell = 46, margin = 16 + 7.0 * static_cast<double>(longest), top = margin * 0.8 + 24;
  std::string content = label(4, 16, title, "start", " font-weight=\"bold\"");
  for (size_t c = 0; c < columns.size(); ++c) {
    const double x = margin + cell * (static_cast<double>(c) + 0.5);
    content += fmt::format("<text text-anchor=\"start\" transform=\"translate({:.1f} {:.1f}) rotate(-50)\">{}</text>\n",
                           x, top - 6, escape_html(columns[c]));
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    const double y = top + 24 * static_cast<double>(r);
    double total = 0;
    for (size_t c = 0; c < columns.size(); ++c) total += values[r * columns.size() + c];
    content += label(margin - 6, y + 16, rows[r], "end");
    for (size_t c = 0; c < columns.size(); ++c) {
      const double value = values[r * columns.size() + c], x = margin + cell * static_cast<double>(c);
      content += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"23\" fill=\"#2f7fd0\" fill-opacity=\"{:.3f}\"/>\n",
          x, y, cell - 1, total > 0 ? 0.06 + 0.84 * value / total : 0.03);
      if (value > 0) content += label(x + cell / 2, y + 16, fmt::format("{:.6g}", value), "middle");
    }
  }
  const int width = static_cast<int>(margin * 1.6 + cell * static_cast<double>(columns.size()));
  return svg(width, static_cast<int>(top + 24 * static_cast<double>(rows.size())) + 6, content);
}

}  // namespace skylift
