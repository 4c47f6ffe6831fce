// Plots as inline SVG, drawn with the colours of the page (html.h).
#pragma once

#include <string>
#include <vector>

namespace skylift {

struct Series {
  std::string name;
  std::vector<double> x, y;  ///< the same length; points that are not finite break the line
};

struct PlotStyle {
  std::string title = {}, x_label = {}, y_label = {};
  int width_px = 500, height_px = 320;
  bool unit_range = false;  ///< both axes are 0..1 whatever the values
};

/// Lines with axes and, for more than one, a legend. Without any point: a frame that says so.
std::string line_plot(const std::vector<Series>& series, const PlotStyle& style);

struct Bar {
  std::string name;
  double value = 0;  ///< >= 0
  std::string text;  ///< beside the bar
};

/// Horizontal bars from 0.
std::string bar_plot(const std::vector<Bar>& bars, const std::string& title, int width_px = 500);

/// A grid of counts, darker where a row has more of its share. values: [rows, columns].
std::string matrix_plot(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                        const std::vector<double>& values, const std::string& title);

/// About `count` round numbers that cover low..high: steps of 1, 2 or 5 times a power of ten.
std::vector<double> round_ticks(double low, double high, int count);

/// Colours of series and of drawn kinds, "#rrggbb".
const char* plot_colour(size_t index);

}  // namespace skylift
