// Scores detections against ground truth by the protocol that a paper names: COCO, VisDrone-DET or UAVDT.
//
// coco      pycocotools' numbers (COCOeval, bbox): 101 recall points, IoU 0.50:0.05:0.95, areas 32^2 and 96^2, crowds.
//           AP is taken at the largest of max_dets, where COCOeval.summarize insists on 100. For COCO files an object's
//           "ignore" is overwritten by "iscrowd" as there (cocoapi issue 123); in sets of other formats ignored objects
//           and VOC's difficult ones are neither hits nor misses. Ignored regions are not used. A match with the
//           annotation of id 0 counts as a miss, as there.
// visdrone  the VisDrone-DET toolkit's: objects and detections covered by ignored regions are dropped, the limits of
// max_dets are
//           on the rows of an image over all classes, ignored objects stand in the recall's denominator, AP is the area
//           under all recall steps, and a class weighs as much as the number of images that contain it. The plain mean
//           is beside it. Differs: rows are sorted by score first, which the toolkit expects of the files.
// uavdt     one class-agnostic AP at IoU 0.7 over all recall steps; detections strictly inside an ignored region are
// dropped.
//           AP50 and AP75 are the same at other thresholds. For the 3-class COCO numbers of most papers take coco.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/detections.h"
#include "skylift/config/option_table.h"

namespace skylift {

struct EvalOptions {
  std::string protocol = "coco";  ///< coco, visdrone or uavdt
  /// Limits of detections an image; empty: the protocol's (coco 1,10,100, visdrone 1,10,100,500, uavdt none).
  std::vector<int> max_dets = {};
  std::string class_average = "image_weighted";  ///< visdrone only: image_weighted (the toolkit's) or uniform
  bool count_ignored_in_recall = true;  ///< visdrone only: ignored objects stand in the denominator (the toolkit's)
  int threads = 0;                      ///< 0: one per core
};

void bind(OptionSection section, EvalOptions& options);

/// Numbers in 0..1, -1 where undefined (no ground truth, or the protocol has no such number).
struct EvalMeans {
  double ap = -1, ap50 = -1, ap75 = -1;
  double ap_small = -1, ap_medium = -1, ap_large = -1;
  std::vector<double> ar;  ///< parallel to EvalResult::max_dets
  double ar_small = -1, ar_medium = -1, ar_large = -1;
};

struct ClassResult {
  std::string name;
  double ap = -1, ap50 = -1;
  int64_t ground_truths = 0;  ///< objects that count: neither crowd nor ignored nor dropped
};

/// The numbers under the means. T thresholds, R recall points, K classes, A area ranges, M limits of detections.
struct EvalCurves {
  std::vector<double> thresholds;  ///< [T] IoU
  std::vector<double> recalls;     ///< [R] 0, 0.01 .. 1
  std::vector<double>
      precision;  ///< [T,R,K,A] highest precision at this recall or above, at the largest limit; -1: no ground truth
  std::vector<double> scores;  ///< [T,R,K,A] the score at which that recall is reached; 0 where it is not
  std::vector<double> recall;  ///< [T,K,A,M] highest recall
  int classes = 0, areas = 0;  ///< K, A
};

struct EvalResult {
  std::string protocol;
  int64_t images = 0, detections = 0, ground_truths = 0;
  std::vector<int> max_dets;           ///< ascending
  EvalMeans means;                     ///< the protocol's
  EvalMeans uniform;                   ///< visdrone: the plain mean over classes; elsewhere the same as `means`
  std::vector<ClassResult> per_class;  ///< by ascending category id
  EvalCurves curves;
  std::vector<std::string> notes;  ///< what a reader of the numbers must know, one sentence each
};

/// What EvalOptions::protocol may be.
const std::vector<std::string>& protocol_names();

/// Error: `detections` is not parallel to the images of `truth`, a class index out of range, a score that is no number.
void check_detections(const AnnotationSet& truth, const DetectionSet& detections);

/// Error: options out of range, detections that do not fit `truth`, an image of unknown size where the protocol needs
/// it.
EvalResult evaluate(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options = {});

/// The keys of `skylift eval --json`, without a line end after the last brace.
std::string to_json(const EvalResult& result);

/// A table for people: the protocol, the means in percent, and a row for each class.
std::string to_text(const EvalResult& result);

/// Precision-recall data as CSV: class,iou,recall,precision,score for all sizes, a row for each point of `curves`.
std::string curves_to_csv(const EvalResult& result);

}  // namespace skylift
