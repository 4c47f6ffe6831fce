// Plots for a page (html.h): what is to be drawn as data, which Chart.js draws when the page is opened. Tables of
// counts are HTML.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skylift {

struct Series {
  std::string name;
  std::vector<double> x, y;  ///< the same length; points that are not finite break the line
};

struct PlotStyle {
  std::string title = {}, x_label = {}, y_label = {};
  bool unit_range = false;                                ///< both axes are 0..1 whatever the values
  std::optional<std::pair<double, double>> x_range = {};  ///< so that several plots share an axis
};

/// Lines with axes and, for more than one, a legend. Without any point: a frame that says so.
std::string line_plot(const std::vector<Series>& series, const PlotStyle& style);

struct Bar {
  std::string name;
  double value = 0;  ///< >= 0
  std::string text;  ///< beside its name
};

/// Horizontal bars from 0 to `most`; 0: to the longest.
std::string bar_plot(const std::vector<Bar>& bars, const std::string& title, double most = 0);

/// A grid of counts, darker where a row has more of its share. values: [rows, columns].
std::string matrix_plot(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                        const std::vector<double>& values, const std::string& title);

/// Colours of series and of drawn kinds, "#rrggbb".
const char* plot_colour(size_t index);

}  // namespace skylift
