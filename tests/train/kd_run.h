// Teachers, students and steps of distillation, small enough that a whole grid of them takes seconds.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "skylift/data/sample_source.h"
#include "skylift/kd/crosskd.h"
#include "skylift/synth/synth.h"
#include "skylift/teachers/detector_teacher.h"
#include "skylift/train/optimizer.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/step.h"

namespace skylift::testing {

inline ModelOptions small_model(double width, int channels, bool lifting) {
  ModelOptions model;
  model.backbone.width = width;
  model.neck = {.channels = channels, .first_level = 3, .last_level = 5};
  model.head.channels = channels;
  model.head.depth = 2;
  model.head.reg_max = 8;
  model.head.lifting.enabled = lifting;
  return model;
}

/// Options of a run in which nothing of an image is random but its mirroring.
inline RunOptions small_run(const std::vector<std::string>& methods, bool lifting) {
  RunOptions options;
  options.data.input = {.long_side = 160, .short_side = 96};
  options.data.augment = {.scale_min = 1, .scale_max = 1, .flip = 0, .photometric = 0};
  options.data.keep_empty = true;
  options.model = small_model(0.125, 16, lifting);
  options.kd.methods = methods;
  options.kd.of<CrossKdOptions>().tower_convs = 1;
  options.kd.regions.cid.gate_iou = 0;  // a teacher of random weights proposes nothing that fits
  options.train.optimizer = {.name = "adamw", .lr = 0.01};
  return options;
}

inline DatasetOptions dataset_options() { return {.classes = synth_classes(), .keep_empty = true}; }

/// Synthetic scenes in memory as one batch.
inline PackedBatch packed_batch(int count, const Preprocess& preprocess, int width = 160, int height = 96) {
  std::vector<Sample> samples;
  for (int i = 0; i < count; ++i) {
    const SynthScene scene = draw_scene({.width = width, .height = height, .seed = 5, .density = 2}, i);
    Sample sample;
    sample.rgb = scene.rgb;
    sample.image_index = i;
    sample.geometry = {
        .original_width = width, .original_height = height, .content_width = width, .content_height = height};
    for (const Object& o : scene.record.objects) {
      const auto f = [](double value) { return static_cast<float>(value); };
      sample.boxes.push_back({{f(o.box.x), f(o.box.y), f(o.box.x + o.box.w), f(o.box.y + o.box.h)}, o.class_index});
    }
    samples.push_back(sample);
  }
  return collate(samples, preprocess);
}

inline Batch synth_batch(int count, const Preprocess& preprocess, int width = 160, int height = 96) {
  return packed_batch(count, preprocess, width, height).unpacked();
}

/// A teacher that says something: random weights, its predictors wide enough that scores and boxes differ from place to
/// place.
inline std::shared_ptr<Detector> lively_teacher(int channels, int classes) {
  torch::manual_seed(11);
  auto teacher = std::make_shared<Detector>(small_model(0.25, channels, false), classes);
  const at::NoGradGuard no_grad;
  for (auto& entry : teacher->named_parameters()) {
    if (entry.key().find("predictor.weight") != std::string::npos) entry.value().normal_(0, 0.05);
    if (entry.key() == "head.cls_predictor.bias") entry.value().fill_(-2);
  }
  teacher->eval();
  for (auto& parameter : teacher->parameters()) parameter.set_requires_grad(false);
  return teacher;
}

/// A student with its optimizer under a teacher.
struct KdRun {
  KdRun(const RunOptions& run, std::shared_ptr<Detector> with, int classes)
      : options(run), teacher(std::move(with)), network(teacher, compute) {
    torch::manual_seed(3);
    student = std::make_shared<Detector>(options.model, classes);
    distiller = std::make_unique<Distiller>(options.kd, *student, *teacher, options.assign);
    NamedParameters parameters;
    for (const auto& entry : student->named_parameters()) parameters.emplace_back(entry.key(), entry.value());
    for (const auto& entry : distiller->named_parameters())
      parameters.emplace_back("distiller." + entry.key(), entry.value());
    optimizer = std::make_unique<ScheduledOptimizer>(options.train.optimizer, parameters, 16);
    student->train();
  }

  StepContext context(const SignalCache* cache = nullptr) {
    return {.student = *student,
            .teacher = &network,
            .distiller = distiller.get(),
            .assign = options.assign,
            .loss = options.loss,
            .compute = compute,
            .cache = cache};
  }

  LossTerms terms(const Batch& batch, const SignalCache* cache = nullptr) { return loss_terms(context(cache), batch); }

  MetricValues step(const Batch& batch) {
    optimizer->set_factor(1);
    const LossTerms lost = terms(batch);
    total_of(lost).backward();
    optimizer->step();
    return loss_values({lost});
  }

  RunOptions options;
  ComputeDevice compute;
  std::shared_ptr<Detector> teacher, student;
  DetectorTeacher network;
  std::unique_ptr<Distiller> distiller;
  std::unique_ptr<ScheduledOptimizer> optimizer;
};

}  // namespace skylift::testing
