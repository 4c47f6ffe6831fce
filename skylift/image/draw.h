// Pictures for people: boxes with labels, ignored regions, heat maps, and several pictures side by side.
#pragma once

#include <opencv2/core/mat.hpp>
#include <span>
#include <string>
#include <vector>

namespace skylift {

struct DrawnBox {
  cv::Rect2f box;    ///< px; edges, not centres
  int label = 0;     ///< picks the colour
  std::string text;  ///< above the box; empty: none
};

struct DrawStyle {
  double line_px = 0;           ///< 0: thin for small boxes, up to 2 px
  double text_px = 10;          ///< height of capital letters
  double min_labelled_px = 14;  ///< boxes whose longer side is shorter get no text, which would hide more than it says
};

/// RGB, distinct for about twenty neighbouring indices.
cv::Scalar class_colour(int label);

void draw_boxes(cv::Mat& rgb, std::span<const DrawnBox> boxes, const DrawStyle& style = {});

/// Darkened and hatched: nothing is learned or scored here.
void draw_ignored(cv::Mat& rgb, std::span<const cv::Rect2f> regions);

/// A text on a dark plate, its top left corner at `at`.
void draw_caption(cv::Mat& rgb, const std::string& text, cv::Point at, double text_px = 12);

struct Picture {
  cv::Mat rgb;
  std::string caption;  ///< may be empty
};

/// Pictures in a grid of cells as large as the largest picture, row by row, with captions above.
cv::Mat tile_pictures(const std::vector<Picture>& pictures, int columns, int gap_px = 8);

/// `heat` (any size, one channel of floats) over a greyed image: nothing at `low`, strongest at `high`.
cv::Mat heat_overlay(const cv::Mat& rgb, const cv::Mat& heat, double low, double high);

}  // namespace skylift
