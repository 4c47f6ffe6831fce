#include "skylift/report/eval_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "skylift/core/file.h"
#include "skylift/report/error_pictures.h"
#include "skylift/report/html.h"
#include "skylift/report/plot.h"

namespace skylift {
namespace {

std::string means_table(const EvalResult& result) {
  std::vector<std::string> header = {"mean", "AP", "AP50", "AP75", "small", "medium", "large"};
  for (const int limit : result.max_dets) header.push_back(fmt::format("AR{}", limit));
  const auto row = [](const std::string& name, const EvalMeans& means) {
    std::vector<std::string> cells = {name};
    for (const double value : {means.ap, means.ap50, means.ap75, means.ap_small, means.ap_medium, means.ap_large})
      cells.push_back(percent(value));
    for (const double value : means.ar) cells.push_back(percent(value));
    return cells;
  };
  std::vector<std::vector<std::string>> rows = {row(result.protocol + " protocol", result.means)};
  if (result.protocol == "visdrone") rows.push_back(row("plain mean over classes", result.uniform));
  return html_table(header, rows);
}

std::string class_table(const EvalResult& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : result.per_class)
    rows.push_back({one.name, percent(one.ap), percent(one.ap50), std::to_string(one.ground_truths)});
  return html_table({"class", "AP", "AP50", "objects"}, rows);
}

/// Precision over recall at threshold t for class k in all sizes; empty where the class has no objects.
Series curve(const EvalCurves& curves, size_t t, size_t k, std::string name) {
  Series series{std::move(name), {}, {}};
  for (size_t r = 0; r < curves.recalls.size(); ++r) {
    const double precision = curves.precision[((t * curves.recalls.size() + r) * curves.classes + k) * curves.areas];
    if (precision < 0) continue;
    series.x.push_back(curves.recalls[r]);
    series.y.push_back(precision);
  }
  return series;
}

/// The mean over the classes that have a curve.
Series mean_curve(const EvalCurves& curves, size_t t) {
  Series mean{fmt::format("IoU {:.2f}", curves.thresholds[t]), {}, {}};
  int count = 0;
  for (size_t k = 0; k < static_cast<size_t>(curves.classes); ++k) {
    const Series one = curve(curves, t, k, "");
    if (one.x.empty()) continue;
    mean.x = one.x;
    mean.y.resize(one.y.size());
    for (size_t r = 0; r < one.y.size(); ++r) mean.y[r] += one.y[r];
    ++count;
  }
  for (double& value : mean.y) value /= count;
  return mean;
}

std::string curves_section(const EvalResult& result) {
  const auto& curves = result.curves;
  PlotStyle style{.title = "Mean over classes", .x_label = "recall", .y_label = "precision", .unit_range = true};
  std::vector<Series> means;
  for (size_t t = 0; t < curves.thresholds.size(); ++t) means.push_back(mean_curve(curves, t));
  std::string section = "<h2>Precision and recall</h2>\n<div class=\"row\">\n" + line_plot(means, style);
  if (static_cast<size_t>(curves.classes) == result.per_class.size()) {
    std::vector<size_t> order(result.per_class.size());
    for (size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return result.per_class[a].ground_truths > result.per_class[b].ground_truths;
    });
    std::vector<Series> classes;
    for (size_t i = 0; i < std::min<size_t>(12, order.size()); ++i) {
      Series one = curve(curves, 0, order[i], result.per_class[order[i]].name);
      if (!one.x.empty()) classes.push_back(std::move(one));
    }
    style.title = fmt::format("The most frequent classes at IoU {:.2f}", curves.thresholds[0]);
    section += line_plot(classes, style);
  }
  return section + "</div>\n";
}

std::string errors_section(const ErrorBreakdown& errors) {
  std::string section =
      "<h2>Errors</h2>\n<p>Each false positive and each missed object has one reason (TIDE's definitions, IoU 0.5). "
      "The bars show how many points of AP50 would be won if only these errors were mended.</p>\n<div class=\"row\">\n";
  const std::array<std::pair<const char*, const std::array<ErrorShare, error_kinds>*>, 4> sizes = {
      {{"All sizes", &errors.all},
       {"Small objects", &errors.by_size[0]},
       {"Medium objects", &errors.by_size[1]},
       {"Large objects", &errors.by_size[2]}}};
  for (const auto& [name, shares] : sizes) {
    std::vector<Bar> bars;
    for (size_t kind = 0; kind < error_kinds; ++kind) {
      const auto& share = (*shares)[kind];
      bars.push_back({name_of(static_cast<ErrorKind>(kind)), share.lost_ap,
                      fmt::format("{:.2f} ({})", 100 * share.lost_ap, share.count)});
    }
    section += bar_plot(bars, name);
  }
  return section + "</div>\n";
}

std::string confusion_section(const AnnotationSet& truth, const DetectionSet& detections, double score) {
  const Confusion confusion = count_confusions(truth, detections, score);
  const std::vector<double> values(confusion.counts.begin(), confusion.counts.end());
  return fmt::format(
      "<h2>Confusions at score {:.2f}</h2>\n<p>Rows: what is there. Columns: what it was taken for. Row background: "
      "false "
      "alarms; column background: missed.</p>\n<div class=\"scroll\">{}</div>\n",
      score, matrix_plot(confusion.names, confusion.names, values, "objects"));
}

std::string pictures_section(const AnnotationSet& truth, const DetectionSet& detections,
                             const EvalPageOptions& options) {
  const auto pictures = draw_worst_images(truth, detections, options.score, options.worst_images, options.picture_px);
  if (pictures.empty()) return "";
  std::string section =
      fmt::format("<h2>Images with the most errors at score {:.2f}</h2>\n<p>Green: right or excused.", options.score);
  for (size_t kind = 0; kind < error_kinds; ++kind) {
    const auto one = static_cast<ErrorKind>(kind);
    section += fmt::format(" <span style=\"color:{}\">&#9632;</span> {}", colour_of(one), name_of(one));
  }
  section += "</p>\n";
  for (const auto& picture : pictures) {
    section += "<figure>" + (picture.jpeg.empty() ? "" : embedded_jpeg(picture.jpeg, picture.caption));
    section += fmt::format("<figcaption>{}</figcaption></figure>\n", escape_html(picture.caption));
  }
  return section;
}

}  // namespace

void write_eval_page(const std::filesystem::path& file, const AnnotationSet& truth, const DetectionSet& detections,
                     const EvalResult& result, const ErrorBreakdown& errors, const EvalPageOptions& options) {
  std::string body = fmt::format("<p>{} protocol, {} images, {} objects, {} detections. Numbers in percent.</p>\n",
                                 result.protocol, result.images, result.ground_truths, result.detections);
  for (const auto& note : result.notes) body += fmt::format("<p>Note: {}</p>\n", escape_html(note));
  body += means_table(result) + "<h2>Classes</h2>\n" + class_table(result) + curves_section(result) +
          errors_section(errors);
  body += confusion_section(truth, detections, options.score) + pictures_section(truth, detections, options);
  write_file(file, html_page(options.title, body));
}

}  // namespace skylift
