#include <algorithm>
#include <array>

#include "skylift/teachers/foreign_layout.h"

namespace skylift {

const std::vector<std::string>& coco_classes() {
  static const std::vector<std::string> names = {
      "person",         "bicycle",    "car",           "motorcycle",    "airplane",     "bus",           "train",
      "truck",          "boat",       "traffic light", "fire hydrant",  "stop sign",    "parking meter", "bench",
      "bird",           "cat",        "dog",           "horse",         "sheep",        "cow",           "elephant",
      "bear",           "zebra",      "giraffe",       "backpack",      "umbrella",     "handbag",       "tie",
      "suitcase",       "frisbee",    "skis",          "snowboard",     "sports ball",  "kite",          "baseball bat",
      "baseball glove", "skateboard", "surfboard",     "tennis racket", "bottle",       "wine glass",    "cup",
      "fork",           "knife",      "spoon",         "bowl",          "banana",       "apple",         "sandwich",
      "orange",         "broccoli",   "carrot",        "hot dog",       "pizza",        "donut",         "cake",
      "chair",          "couch",      "potted plant",  "bed",           "dining table", "toilet",        "tv",
      "laptop",         "mouse",      "remote",        "keyboard",      "cell phone",   "microwave",     "oven",
      "toaster",        "sink",       "refrigerator",  "book",          "clock",        "vase",          "scissors",
      "teddy bear",     "hair drier", "toothbrush"};
  return names;
}

const std::vector<std::string>& coco_classes_by_number() {
  static const std::vector<std::string> names = [] {
    constexpr std::array unused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};
    std::vector<std::string> all = {"N/A"};
    for (const std::string& name : coco_classes()) {
      while (std::ranges::find(unused, static_cast<int>(all.size())) != unused.end()) all.emplace_back("N/A");
      all.push_back(name);
    }
    return all;
  }();
  return names;
}

}  // namespace skylift
