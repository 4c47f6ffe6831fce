// The three protocols behind `evaluate`: what each leaves of an image, and how it averages.
#pragma once

#include "skylift/eval/evaluation.h"

namespace skylift {

/// Each fills `result` whose protocol, counts and max_dets are set already.
void evaluate_coco(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                   EvalResult& result);
void evaluate_visdrone(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                       EvalResult& result);
void evaluate_uavdt(const AnnotationSet& truth, const DetectionSet& detections, const EvalOptions& options,
                    EvalResult& result);

}  // namespace skylift
