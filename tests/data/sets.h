// Small data sets on disk for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <opencv2/core.hpp>
#include <string>

#include "skylift/annotations/annotations.h"
#include "skylift/data/sample.h"
#include "skylift/image/codec.h"

namespace skylift {

/// A folder that is gone after the test.
struct TestFolder {
  std::filesystem::path path;
  explicit TestFolder(const std::string& name)
      : path(std::filesystem::path(::testing::TempDir()) / ("skylift_" + name)) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
};

inline Object object(double x, double y, double w, double h, int class_index) {
  Object result;
  result.box = {x, y, w, h};
  result.class_index = class_index;
  return result;
}

/// A picture of its own for each number, lossless on disk.
inline cv::Mat noise_picture(int width, int height, uint64_t number) {
  cv::Mat rgb(height, width, CV_8UC3);
  cv::RNG rng(number * 7919 + 1);
  rng.fill(rgb, cv::RNG::UNIFORM, 0, 256);
  return rgb;
}

/// `count` images of 60x40 px with two objects each.
inline AnnotationSet write_small_set(const std::filesystem::path& folder, int count) {
  AnnotationSet set;
  set.image_folder = folder;
  set.classes = {"car", "person", "bus"};
  for (int i = 0; i < count; ++i) {
    ImageRecord record;
    record.file = std::to_string(i) + ".png";
    record.objects = {object(i % 20, 5, 20, 10, 0), object(30, 8 + i % 10, 8, 16, 1)};
    write_image(folder / record.file, noise_picture(60, 40, static_cast<uint64_t>(i)));
    set.images.push_back(record);
  }
  return set;
}

inline std::vector<float> values(const BoxXyxy& box) { return {box.x1, box.y1, box.x2, box.y2}; }

}  // namespace skylift
