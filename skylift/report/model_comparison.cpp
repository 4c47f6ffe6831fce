#include "skylift/report/model_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <opencv2/imgproc.hpp>

#include "skylift/core/error.h"
#include "skylift/eval/matching.h"
#include "skylift/image/codec.h"
#include "skylift/image/draw.h"
#include "skylift/image/resize.h"
#include "skylift/report/html.h"
#include "skylift/report/plot.h"

namespace skylift {
namespace {

constexpr size_t kShownClasses = 6;
constexpr const char* kAreaNames[] = {"small objects (below 32² px)", "medium objects", "large objects (above 96² px)"};

const cv::Scalar kFound(205, 210, 216), kGained(60, 200, 90), kLost(235, 70, 70);

bool counts(const Object& object) { return object.class_index >= 0 && !object.crowd && !object.ignored; }

// --- tables

std::string cost_table(const std::vector<ComparedModel>& models) {
  std::vector<std::vector<std::string>> rows;
  for (const ComparedModel& model : models) {
    rows.push_back({model.name, fmt::format("{:.2f} M", model.parameters / 1e6), fmt::format("{:.2f}", model.gmacs),
                    fmt::format("{:.1f} ms", model.milliseconds), percent(model.result.means.ap),
                    percent(model.result.means.ap50), percent(model.by_size.means.ap_small), model.engine});
  }
  return html_table({"model", "parameters", "GMACs", "an image", "AP", "AP50", "COCO AP small", "measured on"}, rows);
}

std::string error_table(const std::vector<ComparedModel>& models) {
  std::vector<std::string> header = {"points of AP50 lost to"};
  std::vector<std::vector<std::string>> rows(error_kinds);
  for (const ComparedModel& model : models) header.push_back(model.name);
  for (size_t kind = 0; kind < error_kinds; ++kind) {
    rows[kind].emplace_back(name_of(static_cast<ErrorKind>(kind)));
    for (const ComparedModel& model : models) {
      const ErrorShare& share = model.errors.all[kind];
      rows[kind].push_back(fmt::format("{:.2f} ({} times)", 100 * share.lost_ap, share.count));
    }
  }
  return html_table(header, rows);
}

std::string error_bars(const std::vector<ComparedModel>& models) {
  double most = 0;
  for (const ComparedModel& model : models) {
    for (const ErrorShare& share : model.errors.all) most = std::max(most, 100 * share.lost_ap);
  }
  std::string plots;
  for (const ComparedModel& model : models) {
    std::vector<Bar> bars;
    for (size_t kind = 0; kind < error_kinds; ++kind)
      bars.push_back({name_of(static_cast<ErrorKind>(kind)), 100 * model.errors.all[kind].lost_ap, ""});
    plots += bar_plot(bars, model.name, std::ceil(most));
  }
  return plots;
}

// --- precision over recall

/// At the lowest IoU, of one class (or the mean over all that have objects) in one range of areas.
Series precision_curve(const std::string& name, const EvalCurves& curves, int class_index, size_t area) {
  Series series{name, {}, {}};
  for (size_t r = 0; r < curves.recalls.size(); ++r) {
    double sum = 0;
    int count = 0;
    for (int k = 0; k < curves.classes; ++k) {
      if (class_index >= 0 && k != class_index) continue;
      const size_t at =
          (r * static_cast<size_t>(curves.classes) + static_cast<size_t>(k)) * static_cast<size_t>(curves.areas) + area;
      if (curves.precision[at] < 0) continue;
      sum += curves.precision[at];
      ++count;
    }
    if (count == 0) continue;
    series.x.push_back(curves.recalls[r]);
    series.y.push_back(sum / count);
  }
  return series;
}

/// The classes with the most objects, by place.
std::vector<int> frequent_classes(const EvalResult& result) {
  if (static_cast<size_t>(result.curves.classes) != result.per_class.size()) return {};  // uavdt: all are one
  std::vector<int> order(result.per_class.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return result.per_class[static_cast<size_t>(a)].ground_truths >
           result.per_class[static_cast<size_t>(b)].ground_truths;
  });
  std::erase_if(order, [&](int k) { return result.per_class[static_cast<size_t>(k)].ground_truths == 0; });
  order.resize(std::min(order.size(), kShownClasses));
  return order;
}

std::string precision_plots(const std::vector<ComparedModel>& models) {
  const auto plot = [&](const std::string& title, EvalResult ComparedModel::*result, int class_index, size_t area) {
    std::vector<Series> series;
    for (const ComparedModel& model : models)
      series.push_back(precision_curve(model.name, (model.*result).curves, class_index, area));
    return line_plot(series, {.title = title, .x_label = "recall", .y_label = "precision", .unit_range = true});
  };
  const EvalResult& first = models.front().result;
  std::string plots = plot("all classes and sizes, mean over classes", &ComparedModel::result, -1, 0);
  for (size_t area = 1; area <= std::size(kAreaNames); ++area)
    plots += plot(kAreaNames[area - 1], &ComparedModel::by_size, -1, area);
  for (const int k : frequent_classes(first))
    plots += plot(first.per_class[static_cast<size_t>(k)].name, &ComparedModel::result, k, 0);
  return plots;
}

// --- pictures

struct Canvas {
  cv::Mat rgb;
  double scale = 1;
  void outline(const BoxXywh& box, const cv::Scalar& colour, int thickness) {
    const cv::Rect2d scaled(box.x * scale, box.y * scale, box.w * scale, box.h * scale);
    cv::rectangle(rgb, scaled, colour, thickness, cv::LINE_AA);
  }
};

std::string figure_of(const Canvas& canvas, const std::string& caption) {
  return "<figure>" + embedded_jpeg(encode_jpeg(canvas.rgb, 85), caption) +
         fmt::format("<figcaption>{}</figcaption></figure>\n", escape_html(caption));
}

Canvas with_regions(const cv::Mat& rgb, const ImageRecord& image, double scale) {
  Canvas canvas{.rgb = {}, .scale = scale};
  cv::resize(rgb, canvas.rgb, scaled_size(rgb.size(), scale), 0, 0, cv::INTER_AREA);
  std::vector<cv::Rect2f> regions;
  for (const BoxXywh& region : image.ignored_regions)
    regions.emplace_back(cv::Rect2d(region.x * scale, region.y * scale, region.w * scale, region.h * scale));
  draw_ignored(canvas.rgb, regions);
  return canvas;
}

/// What a model does to one image: hits, and beside the baseline gains and losses.
std::string model_picture(const Canvas& empty, const ModelComparison& comparison, size_t i,
                          const ComparedModel& model) {
  const ImageRecord& image = comparison.truth.images[i];
  const auto& baseline = comparison.models[comparison.baseline];
  const auto before = found_objects(image, baseline.detections[i], comparison.score);
  const auto found = found_objects(image, model.detections[i], comparison.score);
  Canvas canvas{.rgb = empty.rgb.clone(), .scale = empty.scale};
  int hits = 0, gained = 0, lost = 0;
  for (size_t o = 0; o < image.objects.size(); ++o) {
    hits += found[o];
    gained += found[o] && !before[o];
    lost += !found[o] && before[o];
    if (found[o] == before[o] && !found[o]) continue;
    const bool changed = found[o] != before[o];
    canvas.outline(image.objects[o].box, !changed ? kFound : found[o] ? kGained : kLost, changed ? 2 : 1);
  }
  std::string caption = fmt::format("{}: {} found", model.name, hits);
  if (&model != &baseline) caption += fmt::format(", {} gained, {} lost", gained, lost);
  return figure_of(canvas, caption);
}

std::string image_row(const ModelComparison& comparison, size_t i) {
  const ImageRecord& image = comparison.truth.images[i];
  std::string row = fmt::format("<h3>{}</h3>\n", escape_html(image.file));
  try {
    const cv::Mat rgb = decode_rgb(comparison.truth.image_path(image), comparison.truth.reading);
    const double scale = static_cast<double>(comparison.picture_px) / std::max(rgb.cols, rgb.rows);
    const Canvas empty = with_regions(rgb, image, scale);
    Canvas truth{.rgb = empty.rgb.clone(), .scale = scale};
    for (const Object& object : image.objects) {
      if (counts(object)) truth.outline(object.box, class_colour(object.class_index), 1);
    }
    const auto objects = std::count_if(image.objects.begin(), image.objects.end(), counts);
    row += "<div class=\"pictures\">" + figure_of(truth, fmt::format("ground truth: {} objects", objects));
    for (const ComparedModel& model : comparison.models) row += model_picture(empty, comparison, i, model);
    return row + "</div>\n";
  } catch (const Error& error) {
    return row + fmt::format("<p>not drawn: {}</p>\n", escape_html(error.what()));
  }
}

/// Images in which the models differ most from the baseline.
std::vector<size_t> telling_images(const ModelComparison& comparison) {
  std::vector<int> changes(comparison.truth.images.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    const ImageRecord& image = comparison.truth.images[i];
    const auto before = found_objects(image, comparison.models[comparison.baseline].detections[i], comparison.score);
    for (const ComparedModel& model : comparison.models) {
      const auto found = found_objects(image, model.detections[i], comparison.score);
      for (size_t o = 0; o < found.size(); ++o) changes[i] += found[o] != before[o];
    }
  }
  std::vector<size_t> order(changes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return changes[a] > changes[b]; });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(comparison.pictures, 0))));
  return order;
}

std::string pictures_section(const ModelComparison& comparison) {
  std::string section = fmt::format(
      "<h2>The same images</h2>\n<p>At score {:.2f}. Objects that <b>{}</b> finds too are grey; "
      "<span style=\"color:#3cc85a\">&#9632;</span> gained: found by this model alone; "
      "<span style=\"color:#eb4646\">&#9632;</span> lost: found by {} alone. The images in which most was gained and "
      "lost come first.</p>\n",
      comparison.score, escape_html(comparison.models[comparison.baseline].name),
      escape_html(comparison.models[comparison.baseline].name));
  for (const size_t i : telling_images(comparison)) section += image_row(comparison, i);
  return section;
}

}  // namespace

std::vector<bool> found_objects(const ImageRecord& image, const std::vector<Detection>& detections, double score) {
  std::vector<size_t> order(detections.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return detections[a].score > detections[b].score; });
  std::vector<bool> found(image.objects.size());
  for (const size_t d : order) {
    if (detections[d].score < score) break;
    double best = 0.5;
    size_t hit = found.size();
    for (size_t o = 0; o < found.size(); ++o) {
      const Object& object = image.objects[o];
      if (found[o] || !counts(object) || object.class_index != detections[d].class_index) continue;
      const double iou = overlap(detections[d].box, object.box, false);
      if (iou >= best) best = iou, hit = o;
    }
    if (hit < found.size()) found[hit] = true;
  }
  return found;
}

std::string comparison_section(const ModelComparison& comparison) {
  if (comparison.models.empty()) return "";
  const EvalResult& first = comparison.models.front().result;
  std::string section = fmt::format(
      "<h2>Cost and scores</h2>\n<p>{} protocol on {} images with {} objects; scores in percent. The time is that of "
      "one image after another, from its pixels to the boxes.</p>\n",
      first.protocol, first.images, first.ground_truths);
  if (!comparison.note.empty()) section += fmt::format("<p>{}</p>\n", escape_html(comparison.note));
  section += cost_table(comparison.models);
  section += "<h2>Precision and recall at IoU 0.5</h2>\n<div class=\"row\">\n" + precision_plots(comparison.models) +
             "</div>\n<h2>Errors</h2>\n<p>Each false positive and each missed object has one reason (TIDE's "
             "definitions, IoU 0.5); the numbers are the points of AP50 that would be won if only these errors were "
             "mended.</p>\n" +
             error_table(comparison.models) + "<div class=\"row\">\n" + error_bars(comparison.models) + "</div>\n";
  return section + pictures_section(comparison);
}

}  // namespace skylift
