#include "skylift/doctor/doctor.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "skylift/boxes/boxes.h"
#include "skylift/core/log.h"
#include "skylift/doctor/region_report.h"
#include "skylift/image/draw.h"
#include "skylift/kd/common_inputs.h"
#include "skylift/kd/methods.h"
#include "skylift/train/step.h"
#include "skylift/train/teacher.h"
#include "skylift/train/training_loader.h"
#include "skylift/train/training_parts.h"

namespace skylift {
namespace {

/// What is compared at the positives.
struct Positives {
  at::Tensor classes;  // [P] int64
  at::Tensor bins;     // [P,4] int64
  at::Tensor boxes;    // [P,4] px
};

Positives predicted(const DenseOutput& output, const DistillInputs& inputs, const PointGather& gather) {
  const at::Tensor logits = gather_box_logits(gather, output);
  const at::Tensor strides = inputs.grid.strides.index_select(0, inputs.assignment.point).unsqueeze(1);
  return {gather_cls_logits(gather, output).argmax(1), logits.argmax(2),
          boxes_from_distances(inputs.grid.centres.index_select(0, inputs.assignment.point),
                               integral(logits, output.reg_max) * strides)};
}

Positives annotated(const DistillInputs& inputs) {
  const Assignment& a = inputs.assignment;
  const at::Tensor strides = inputs.grid.strides.index_select(0, a.point).unsqueeze(1);
  const at::Tensor distances =
      distances_from_boxes(inputs.grid.centres.index_select(0, a.point), a.boxes_xyxy) / strides;
  return {a.labels, distances.clamp(0, inputs.student.reg_max).round().to(at::kLong), a.boxes_xyxy};
}

double sum_of(const at::Tensor& flags) { return flags.sum(at::kDouble).item<double>(); }

/// Adds counts; shares once divided by the positives.
void add_agreement(Agreement& sum, const Positives& a, const Positives& b) {
  sum.classes += sum_of(a.classes.eq(b.classes));
  sum.bins += sum_of((a.bins - b.bins).abs().le(1)) / 4;
}

/// The gradient at the student's weights as one vector.
at::Tensor flat_gradient(const at::Tensor& loss, const std::vector<at::Tensor>& weights) {
  if (!loss.requires_grad()) return at::zeros({1});
  std::vector<at::Tensor> parts;
  for (const at::Tensor& gradient : torch::autograd::grad({loss}, weights, {}, /*retain_graph=*/true,
                                                          /*create_graph=*/false, /*allow_unused=*/true)) {
    parts.push_back(gradient.defined() ? gradient.flatten() : at::Tensor());
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].defined()) parts[i] = at::zeros({weights[i].numel()}, weights[i].options());
  }
  return at::cat(parts).to(at::kFloat);
}

/// What would make the gradient of a term (kd_bckd_cls: kd.bckd.cls_weight) as large as the detection loss's:
/// "kd.pkd.weight = 1.7 instead of 6". Where terms are calibrated, weights mean nothing.
std::string even_hint(RunOptions options, const TermReport& term) {
  const double times = 1 / term.gradient_ratio;
  if (options.kd.calibrate > 0)
    return fmt::format("kd.calibrate = {:.2g} instead of {:g} would make them equal, for every method at once",
                       times * options.kd.calibrate, options.kd.calibrate);
  OptionTable table;
  bind(table.root(), options);
  std::string key = term.name;
  for (int dots = 0; dots < 2 && key.find('_') != std::string::npos; ++dots) key[key.find('_')] = '.';
  key += std::ranges::count(key, '.') < 2 ? ".weight" : "_weight";
  for (const Option& option : table.options()) {
    if (option.key != key) continue;
    const double weight = *std::get<double*>(option.value);
    return fmt::format("{} = {:.2g} instead of {:g} would make them equal; or kd.calibrate = 0.5", key, times * weight,
                       weight);
  }
  return fmt::format("a weight {:.2g} times as large would make them equal; or kd.calibrate = 0.5", times);
}

class Examination {
 public:
  Examination(const TrainRequest& request, const DoctorOptions& options)
      : options_(options),
        run_(request.options),
        compute_(open_device(run_.train.compute)),
        train_set_(open_training_set(run_.data)),
        unlabelled_(unlabelled_of(request, train_set_.classes())),
        teacher_(request.teachers, run_, train_set_, compute_, unlabelled()),
        student_(make_student(request, train_set_.classes(), teacher_.network->detector())) {
    place(*student_, compute_);
    student_->train();
    DistillOptions kd = run_.kd;
    kd.warmup_steps = 0;  // a term's whole weight is looked at, not what its first steps have of it
    distiller_ = std::make_unique<Distiller>(kd, *student_, teacher_.network->shape(), teacher_.network->detector(),
                                             run_.assign);
    place(*distiller_, compute_);
    report_.teacher = teacher_.name;
    for (const std::string& method : run_.kd.methods)
      report_.methods.push_back({method, find_distill_method(method).regions_under(run_.kd)});
    for (const char* region : {"positives", "vlr", "boxes", "cid"}) report_.regions.push_back({.name = region});
  }

  DoctorReport run(const ProgressCallback& progress) {
    score_teacher(progress);
    const std::unique_ptr<Loader> loader =
        training_loader(train_set_, run_, compute_, run_.kd.teacher_scale, unlabelled());
    loader->start(0);
    int batches = 0;
    while (auto batch = loader->next()) {
      add_batch(batch->unpacked(compute_.device, compute_.memory_format), batches < options_.gradient_batches);
      ++batches;
      if (progress) progress({"examine", report_.images, options_.images, ""});
      if (report_.images >= options_.images) break;
    }
    finish(std::min(batches, options_.gradient_batches));
    return std::move(report_);
  }

 private:
  const Dataset* unlabelled() const { return unlabelled_ ? &*unlabelled_ : nullptr; }

  void score_teacher(const ProgressCallback& progress) {
    if (run_.data.val.empty() || run_.kd.teacher_check_images == 0) return;
    RunOptions lenient = run_;
    lenient.kd.min_teacher_ap50 = 0;
    report_.scored_in_training = teacher_.network->detections().has_value();
    report_.teacher_score =
        teacher_.check_score(open_validation_set(run_.data, train_set_.classes()), lenient, progress);
  }

  void add_batch(const Batch& batch, bool with_gradients) {
    const StepContext context{.student = *student_,
                              .teacher = teacher_.network.get(),
                              .distiller = distiller_.get(),
                              .assign = run_.assign,
                              .loss = run_.loss,
                              .compute = compute_};
    const StepForward step = [&] {
      const at::AutoGradMode grad(with_gradients);
      return forward_and_assign(context, batch);
    }();
    const DistillInputs inputs = step.inputs(batch);
    if (with_gradients) add_terms(inputs);
    const at::NoGradGuard no_grad;
    add_places(CommonInputs(inputs).inputs());
  }

  void add_terms(const DistillInputs& inputs) {
    LossTerms terms = detection_loss(inputs.student, inputs.grid, inputs.assignment, run_.loss);
    const at::Tensor detection = total_of(terms);
    for (LossTerm& term : (*distiller_)(inputs, detection.detach())) terms.push_back(std::move(term));
    terms.insert(terms.begin(), {"detection loss", detection});
    std::vector<at::Tensor> weights;
    for (const at::Tensor& weight : student_->parameters()) {
      if (weight.requires_grad()) weights.push_back(weight);
    }
    const at::Tensor base = flat_gradient(detection, weights);
    const double base_norm = base.norm().item<double>();
    for (size_t i = 0; i < terms.size(); ++i) {
      if (report_.terms.size() <= i) report_.terms.push_back({.name = terms[i].name, .kind = terms[i].kind});
      TermReport& term = report_.terms[i];
      const at::Tensor gradient = i == 0 ? base : flat_gradient(terms[i].value, weights);
      const double norm = gradient.norm().item<double>();
      term.value += terms[i].value.item<double>();
      term.gradient += norm;
      if (gradient.numel() == base.numel() && norm > 0 && base_norm > 0)
        term.cosine += gradient.dot(base).item<double>() / (norm * base_norm);
    }
  }

  void add_places(const DistillInputs& inputs) {
    RegionSet regions(inputs, run_.kd.regions, run_.assign);
    for (RegionReport& region : report_.regions) add_region(region, regions.region(region.name), inputs);
    locations_ += sum_of(inputs.assignment.weights);
    const PointGather& gather = regions.gather("positives");
    const Positives truth = annotated(inputs), teacher = predicted(inputs.teacher, inputs, gather),
                    student = predicted(inputs.student, inputs, gather);
    add_agreement(report_.teacher_truth, teacher, truth);
    add_agreement(report_.student_truth, student, truth);
    add_agreement(report_.teacher_student, teacher, student);
    report_.teacher_iou += sum_of(aligned_iou(teacher.boxes, truth.boxes));
    report_.student_iou += sum_of(aligned_iou(student.boxes, truth.boxes));
    report_.positives += inputs.assignment.count();
    known_positives_ += sum_of(truth.classes.ge(0));
    for (size_t b = 0; b < inputs.batch.targets.size(); ++b) {
      const int64_t objects = inputs.batch.targets[b].labels.size(0);
      if (objects > 0 && static_cast<int>(pictures_.size()) < 3 * options_.pictures) add_pictures(regions, inputs, b);
      report_.objects += objects;
      ++report_.images;
    }
  }

  void add_pictures(RegionSet& regions, const DistillInputs& inputs, size_t image) {
    const std::vector<cv::Mat> drawn = region_pictures(regions, inputs, static_cast<int64_t>(image), run_.data.input);
    const std::string file =
        std::filesystem::path(train_set_.record(inputs.batch.image_indices[image]).file).filename().string();
    const std::vector<std::string> titles = {"CID (brighter: more weight) in " + file, "LD's valuable region",
                                             "positives"};
    for (size_t i = 0; i < drawn.size(); ++i) pictures_.push_back({drawn[i], titles[i]});
  }

  void finish(int gradient_batches) {
    for (RegionReport& region : report_.regions) finish_shares(region, locations_);
    const double positives = std::max<double>(1, static_cast<double>(report_.positives));
    for (Agreement* agreement : {&report_.teacher_truth, &report_.student_truth, &report_.teacher_student})
      *agreement = {agreement->classes / positives, agreement->bins / positives};
    for (Agreement* agreement : {&report_.teacher_truth, &report_.student_truth})
      agreement->classes *= positives / std::max(1.0, known_positives_);
    report_.teacher_iou /= positives;
    report_.student_iou /= positives;
    for (TermReport& term : report_.terms) {
      for (double* sum : {&term.value, &term.gradient, &term.cosine}) *sum /= std::max(1, gradient_batches);
    }
    for (TermReport& term : report_.terms) {
      term.value_ratio = term.value / std::max(report_.terms.front().value, 1e-12);
      term.gradient_ratio = term.gradient / std::max(report_.terms.front().gradient, 1e-12);
    }
    draw();
    advise();
  }

  /// Images of several sizes: each row as high as its own image.
  void draw() {
    std::vector<cv::Mat> rows;
    int width = 0;
    for (size_t i = 0; i + 3 <= pictures_.size(); i += 3) {
      rows.push_back(tile_pictures(
          {pictures_.begin() + static_cast<int64_t>(i), pictures_.begin() + static_cast<int64_t>(i) + 3}, 3));
      width = std::max(width, rows.back().cols);
    }
    for (cv::Mat& row : rows) {
      cv::copyMakeBorder(row, row, 0, 0, 0, width - row.cols, cv::BORDER_CONSTANT, cv::Scalar(245, 245, 245));
    }
    if (!rows.empty()) cv::vconcat(rows, report_.picture);
  }

  void advise();

  const DoctorOptions& options_;
  const RunOptions& run_;
  const ComputeDevice compute_;
  const Dataset train_set_;
  const std::optional<Dataset> unlabelled_;
  const Teacher teacher_;
  std::shared_ptr<Detector> student_;
  std::unique_ptr<Distiller> distiller_;
  DoctorReport report_;
  std::vector<Picture> pictures_;
  double locations_ = 0, known_positives_ = 0;  // the second: of classes that the teacher knows
};

void Examination::advise() {
  const auto say = [&](std::string sentence) { report_.advice.push_back(std::move(sentence)); };
  if (report_.teacher_score && report_.teacher_score->means.ap50 < run_.kd.min_teacher_ap50) {
    say(fmt::format("the teacher scores AP50 {:.1f} %, too little to learn from: is it the right file?",
                    100 * report_.teacher_score->means.ap50));
  }
  if (report_.teacher_truth.classes < 0.5)
    say("the teacher names the annotated class at less than half of the positives");
  for (const TermReport& term : report_.terms) {
    if (term.kind != TermKind::distillation) continue;
    if (term.gradient_ratio >= 0.01 && term.gradient_ratio <= 2) continue;
    if (term.gradient_ratio == 0) {
      say(term.name + ": no gradient: it does not act");
      continue;
    }
    const bool strong = term.gradient_ratio > 1;
    say(fmt::format("{}: its gradient is {:.2g} times the detection loss's: {} (hint: {})", term.name,
                    term.gradient_ratio, strong ? "the student learns it before its own task" : "it hardly acts",
                    even_hint(run_, term)));
  }
  for (const RegionReport& region : report_.regions) {
    int64_t objects = 0, without = 0;
    for (const SizeReport& size : region.sizes) objects += size.objects, without += size.without_location;
    for (const MethodPlaces& places : report_.methods) {
      if (without > objects / 10 && std::ranges::find(places.regions, region.name) != places.regions.end())
        say(
            fmt::format("{} of {} objects have no location in the region '{}' of '{}': kd.{}.region = \"cid\" leaves "
                        "none out",
                        without, objects, region.name, places.method, places.method));
    }
  }
}

}  // namespace

DoctorReport examine(const TrainRequest& request, const DoctorOptions& options, const ProgressCallback& progress) {
  return Examination(request, options).run(progress);
}

}  // namespace skylift
