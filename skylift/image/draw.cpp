#include "skylift/image/draw.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace skylift {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontCapitalPx = 21;  // height of a capital at font scale 1
constexpr int kShift = 4;              // drawing coordinates in 1/16 px

cv::Point fixed(float x, float y) {
  const auto part = [](float value) { return static_cast<int>(std::lround((value - 0.5F) * (1 << kShift))); };
  return {part(x), part(y)};
}

double box_line_px(const cv::Rect2f& box, const DrawStyle& style) {
  if (style.line_px > 0) return style.line_px;
  return std::max(box.width, box.height) < 40 ? 1 : 2;
}

void draw_frame(cv::Mat& rgb, const cv::Rect2f& box, const cv::Scalar& colour, const DrawStyle& style) {
  const int line_px = std::max(1, static_cast<int>(std::lround(box_line_px(box, style))));
  cv::rectangle(rgb, fixed(box.x, box.y), fixed(box.x + box.width, box.y + box.height), colour, line_px, cv::LINE_AA,
                kShift);
}

struct Plate {
  cv::Rect area;
  cv::Point baseline;  ///< where the text starts
  double font_scale = 1;
};

Plate plate_of(const std::string& text, cv::Point top_left, double text_px) {
  Plate plate;
  plate.font_scale = text_px / kFontCapitalPx;
  int descent = 0;
  const cv::Size size = cv::getTextSize(text, kFont, plate.font_scale, 1, &descent);
  const int margin = std::max(2, static_cast<int>(text_px / 5));
  plate.area = {top_left, cv::Size(size.width + 2 * margin, size.height + descent / 2 + 2 * margin)};
  plate.baseline = top_left + cv::Point(margin, margin + size.height);
  return plate;
}

void draw_plate(cv::Mat& rgb, const std::string& text, const Plate& plate, const cv::Scalar& back) {
  const cv::Rect visible = plate.area & cv::Rect({}, rgb.size());
  if (visible.empty()) return;
  cv::Mat part = rgb(visible);
  cv::addWeighted(part, 0.25, cv::Mat(part.size(), part.type(), back), 0.75, 0, part);
  const double brightness = 0.299 * back[0] + 0.587 * back[1] + 0.114 * back[2];
  const cv::Scalar ink = brightness > 140 ? cv::Scalar(0, 0, 0) : cv::Scalar(255, 255, 255);
  cv::putText(rgb, text, plate.baseline, kFont, plate.font_scale, ink, 1, cv::LINE_AA);
}

/// Above the box if there is room, else inside it at the top; never beyond the right edge.
void draw_label(cv::Mat& rgb, const DrawnBox& drawn, const DrawStyle& style) {
  const Plate size = plate_of(drawn.text, {}, style.text_px);
  const int x = std::clamp(static_cast<int>(drawn.box.x), 0, std::max(0, rgb.cols - size.area.width));
  const int above = static_cast<int>(drawn.box.y) - size.area.height;
  draw_plate(rgb, drawn.text, plate_of(drawn.text, {x, std::max(0, above)}, style.text_px), class_colour(drawn.label));
}

void hatch(cv::Mat part) {
  for (int offset = -part.rows; offset < part.cols; offset += 12) {
    cv::line(part, {offset, part.rows}, {offset + part.rows, 0}, {150, 150, 150}, 1, cv::LINE_AA);
  }
}

}  // namespace

cv::Scalar class_colour(int label) {
  // Hues a golden-ratio step apart; three lightness levels keep neighbours of one hue apart.
  const double hue = std::fmod(0.07 + std::max(0, label) * 0.61803398875, 1.0) * 6;
  const double low = 40.0 + 45 * (label % 3 == 1), high = 255.0 - 35 * (label % 3 == 2);
  const auto channel = [&](double shift) {
    const double distance = std::abs(std::fmod(hue + shift, 6.0) - 3) - 1;
    return low + (high - low) * std::clamp(distance, 0.0, 1.0);
  };
  return {channel(0), channel(4), channel(2)};
}

void draw_boxes(cv::Mat& rgb, std::span<const DrawnBox> boxes, const DrawStyle& style) {
  for (const auto& drawn : boxes) draw_frame(rgb, drawn.box, class_colour(drawn.label), style);
  for (const auto& drawn : boxes) {  // after all frames, so that no frame crosses a text
    const bool large = std::max(drawn.box.width, drawn.box.height) >= style.min_labelled_px;
    if (large && !drawn.text.empty()) draw_label(rgb, drawn, style);
  }
}

void draw_ignored(cv::Mat& rgb, std::span<const cv::Rect2f> regions) {
  for (const auto& region : regions) {
    const cv::Rect pixels(cv::Point(static_cast<int>(region.x), static_cast<int>(region.y)),
                          cv::Point(static_cast<int>(std::ceil(region.x + region.width)),
                                    static_cast<int>(std::ceil(region.y + region.height))));
    const cv::Rect visible = pixels & cv::Rect({}, rgb.size());
    if (visible.empty()) continue;
    cv::Mat part = rgb(visible);
    part.convertTo(part, -1, 0.55);
    hatch(part);
    cv::rectangle(part, cv::Rect({}, part.size()), {150, 150, 150}, 1);
  }
}

void draw_caption(cv::Mat& rgb, const std::string& text, cv::Point at, double text_px) {
  draw_plate(rgb, text, plate_of(text, at, text_px), {0, 0, 0});
}

cv::Mat tile_pictures(const std::vector<Picture>& pictures, int columns, int gap_px) {
  if (pictures.empty()) return {};
  cv::Size cell;
  bool captions = false;
  for (const auto& picture : pictures) {
    cell = {std::max(cell.width, picture.rgb.cols), std::max(cell.height, picture.rgb.rows)};
    captions = captions || !picture.caption.empty();
  }
  const double text_px = std::clamp(cell.width / 40.0, 9.0, 16.0);
  const int caption_px = captions ? static_cast<int>(text_px * 2) : 0;
  const int count = static_cast<int>(pictures.size());
  columns = std::clamp(columns, 1, count);
  const int rows = (count + columns - 1) / columns;
  const int step_x = cell.width + gap_px, step_y = cell.height + caption_px + gap_px;
  cv::Mat sheet(rows * step_y + gap_px, columns * step_x + gap_px, CV_8UC3, cv::Scalar(245, 245, 245));
  for (int i = 0; i < count; ++i) {
    const auto& picture = pictures[static_cast<size_t>(i)];
    const cv::Point corner(gap_px + i % columns * step_x, gap_px + i / columns * step_y);
    const cv::Point below_caption(corner.x, corner.y + caption_px);
    picture.rgb.copyTo(sheet(cv::Rect(below_caption, picture.rgb.size())));
    const Plate plate = plate_of(picture.caption, corner, text_px);
    cv::putText(sheet, picture.caption, plate.baseline, kFont, plate.font_scale, {20, 20, 20}, 1, cv::LINE_AA);
  }
  return sheet;
}

cv::Mat heat_overlay(const cv::Mat& rgb, const cv::Mat& heat, double low, double high) {
  cv::Mat strength, colour, grey, result;
  heat.convertTo(strength, CV_32F);
  const double span = std::max(high - low, 1e-12);
  strength = cv::max(cv::min((strength - low) / span, 1.0), 0.0);
  cv::resize(strength, strength, rgb.size(), 0, 0, cv::INTER_LINEAR);
  strength.convertTo(colour, CV_8U, 255);
  cv::applyColorMap(colour, colour, cv::COLORMAP_INFERNO);
  cv::cvtColor(colour, colour, cv::COLOR_BGR2RGB);
  cv::cvtColor(rgb, grey, cv::COLOR_RGB2GRAY);
  cv::cvtColor(grey, grey, cv::COLOR_GRAY2RGB);
  cv::Mat weight, below = 1.0 - strength * 0.8;
  weight = 1.0 - below;
  cv::blendLinear(grey, colour, below, weight, result);
  return result;
}

}  // namespace skylift
