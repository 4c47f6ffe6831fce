// Changes of a sample: pixels, boxes and geometry together. Each function is pure: what is random is drawn by the
// caller. Order of the geometric ones: resize and crop in any order, the flip last.
#pragma once

#include <opencv2/core/types.hpp>

#include "skylift/core/rng.h"
#include "skylift/data/options.h"
#include "skylift/data/sample.h"

namespace skylift {

Sample resize_sample(Sample sample, cv::Size size);

/// Fits the image into `preprocess`, aspect kept, times `factor`.
Sample resize_keep_ratio(Sample sample, const Preprocess& preprocess, double factor = 1);

/// Cuts out `window`, which lies inside the image. Boxes are clipped; an object of whose area less than
/// `min_visibility` is left goes to `ignored`: there is too little of it to ask for, and too much to call it
/// background.
Sample crop(Sample sample, cv::Rect window, double min_visibility);

Sample flip_left_right(Sample sample);

/// `size` (or the image's, where that is smaller) at a uniformly drawn position.
cv::Rect random_window(cv::Size image, cv::Size size, Rng& rng);

/// The same, but containing the centre of one of the sample's objects, if it has any.
cv::Rect random_window_at_object(const Sample& sample, cv::Size size, Rng& rng);

/// Brightness, contrast, saturation and hue as one linear map of the RGB values; alpha, beta... drawn within the
/// options' limits.
Sample change_colours(Sample sample, const AugmentOptions& options, Rng& rng);

}  // namespace skylift
