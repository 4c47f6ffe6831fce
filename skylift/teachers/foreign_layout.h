// What another tool's ONNX detector takes and gives, recognised from names, shapes, values and metadata. What is not
// recognised is said in a TOML file beside it, FILE.toml for FILE.onnx, with the fields below as keys.
//
//   rows        one output [B,N,K] or [B,K,N]: a row for each cell of the strides, finest level first, of 4 numbers for
//               the box, maybe one for objectness, and the classes (Ultralytics v5 to v12, YOLOX; PaddleDetection
//               without its post-processing, as corners), or of the classes and 4(R+1) bins (NanoDet-Plus)
//   levels      an output of classes and one of boxes for each level, [B,n,K] or [B,K,H,W] (NanoDet, RTMDet, our own)
//   detections  finished boxes: [B,K,6] corners, score, class; `dets` and `labels`; boxes, scores, labels; logits and
//               boxes of a DETR; both in one row [B,K,4+C] (Ultralytics' RT-DETR); boxes and `scores` [B,K,C] of each
//               class (YOLO-NAS and PP-YOLOE of super-gradients)
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/models/tensor_file.h"

namespace skylift {

struct ForeignLayout {
  std::string kind = "auto";
  std::string boxes = "auto";   ///< xywh (centre), xyxy: px, or parts of the input with `relative`; offsets (YOLOX: dx,
                                ///< dy, log w, log h in strides); distances (strides), distances_px; bins
  std::string scores = "auto";  ///< probability, logit, softmax (the last class is none)
  std::string objectness = "auto";  ///< yes, no: a row's fifth number is a factor on its scores
  std::string relative = "auto";    ///< yes, no
  std::string point = "auto";       ///< where distances start in a cell: corner (GFL), middle (FCOS)
  int anchors = 0;                  ///< rows a cell, 0: by their number; of several the surest counts
  std::vector<std::string> classes;
  std::vector<int> strides;             ///< px, rising
  std::string channels = "auto";        ///< rgb, bgr
  std::vector<double> mean, deviation;  ///< by channel, 0..255: (pixel - mean) / deviation

  // Not keys.
  int reg_max = 0;                ///< of bins
  bool class_rows = false;        ///< finished boxes are rows of a box and a score of each class
  bool numbered_classes = false;  ///< nothing names them: a label is a number of the data's classes
  std::string assumed;            ///< of classes that nothing names: what is taken for granted, for a warning
};

void bind(OptionSection section, ForeignLayout& layout);

/// The keys of a file beside the model, where there is one. Error: as OptionTable::load_toml.
ForeignLayout read_layout(const std::filesystem::path& model);

/// What a run on some image showed.
struct ForeignSight {
  std::vector<NamedTensor> outputs;
  int64_t height = 0, width = 0;                ///< px of the input
  std::map<std::string, std::string> metadata;  ///< of the file
  std::vector<std::string> data_classes;        ///< what a count of classes may agree with
  std::string name;                             ///< for messages
};

/// Every "auto" decided. Error: nothing fits; lists the outputs and says what to write into the TOML file.
ForeignLayout recognised(ForeignLayout given, const ForeignSight& sight);

/// All keys with their values, as the file beside the model would have them.
std::string keys_text(ForeignLayout layout);

/// One line: "rows of boxes (xywh) and 80 classes at strides 8, 16, 32; ..."
std::string description(const ForeignLayout& layout);

/// Names of COCO's 80 classes, in the order of their category numbers.
const std::vector<std::string>& coco_classes();

/// The same at their category numbers, 0 to 90, as DETR and RF-DETR count; "N/A" where there is none.
const std::vector<std::string>& coco_classes_by_number();

}  // namespace skylift
