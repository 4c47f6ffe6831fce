// Synthetic aerial scenes: a town block seen by a drone, with vehicles and people to find. They stand in for real data
// where there is none: in the demo, in tests and in experiments. A scene is laid out in metres on a ground plane
// (synth_layout), seen through a pinhole camera and painted (synth_paint); the boxes follow from what was painted, so
// occlusion is exact.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/core/progress.h"

namespace skylift {

struct SynthOptions {
  int width = 960, height = 540;  ///< px
  uint64_t seed = 0;
  double car_px_min = 18;  ///< length of a car in the middle of the image, px;
  double car_px_max = 44;  ///< drawn for each image from car_px_min..car_px_max
  double density = 1;      ///< factor on traffic, parking and people
};

/// Names from VisDrone: pedestrian, bicycle, car, van, truck, bus, motor; cars and pedestrians are by far the most.
const std::vector<std::string>& synth_classes();

struct SynthScene {
  cv::Mat rgb;
  ImageRecord record;  ///< without a file name
};

/// Scene `index`: the same on every machine and whatever else is drawn. Error: an image smaller than 64 px.
SynthScene draw_scene(const SynthOptions& options, int64_t index);

/// Draws `count` scenes on all cores into folder/images, and writes annotations last: "visdrone"
/// (folder/annotations/*.txt) or "coco" (folder/annotations.json). Scene k is index first + k.
/// Error: another format, a folder that already holds images or annotations, or files that cannot be written.
AnnotationSet write_scenes(const SynthOptions& options, int64_t count, const std::filesystem::path& folder,
                           const std::string& format, int64_t first = 0, const ProgressCallback& progress = {});

}  // namespace skylift
