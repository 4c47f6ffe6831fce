#include "skylift/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <chrono>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/data/loader.h"
#include "skylift/models/inherit.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/ema.h"
#include "skylift/train/metrics_log.h"
#include "skylift/train/optimizer.h"
#include "skylift/train/schedule.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/step.h"
#include "skylift/train/teacher.h"
#include "skylift/train/validation.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;

NamedParameters trained_parameters(const Detector& student, const Distiller* distiller) {
  NamedParameters parameters;
  for (const auto& entry : student.named_parameters()) parameters.emplace_back(entry.key(), entry.value());
  if (distiller) {
    for (const auto& entry : distiller->named_parameters())
      parameters.emplace_back("distiller." + entry.key(), entry.value());
  }
  return parameters;
}

class Trainer {
 public:
  Trainer(const TrainRequest& request, const ProgressCallback& progress);
  TrainSummary run();

 private:
  void restore(const Checkpoint& checkpoint);
  void save() const;
  void train_epoch(int64_t epoch, int64_t first_batch);
  void train_batch(const Batch& batch, int64_t epoch);
  void evaluate_epoch(int64_t epoch);
  bool is_evaluated(int64_t epoch) const;
  ModelCard model_card() const;
  const std::shared_ptr<Detector>& evaluated_detector() const { return ema_ ? ema_->detector() : student_; }

  const TrainRequest& request_;
  const RunOptions& options_;
  const ProgressCallback& progress_;
  const std::string config_;
  const ComputeDevice compute_;
  const Dataset train_set_, val_set_;
  std::shared_ptr<Detector> student_;
  std::optional<Teacher> teacher_;
  std::unique_ptr<Distiller> distiller_;
  std::optional<SignalCache> cache_;
  std::unique_ptr<ScheduledOptimizer> optimizer_;
  std::optional<Ema> ema_;
  std::unique_ptr<MetricsLog> metrics_;
  std::unique_ptr<Loader> loader_;
  int64_t step_ = 0, steps_per_epoch_ = 0, total_steps_ = 0, steps_here_ = 0;
  double seconds_here_ = 0;
  std::string scores_;
  TrainSummary summary_;
};

Trainer::Trainer(const TrainRequest& request, const ProgressCallback& progress)
    : request_(request),
      options_(request.options),
      progress_(progress),
      config_(config_text(request.options)),
      compute_(open_device(request.options.train.compute)),
      train_set_(open_training_set(request.options.data)),
      val_set_(open_validation_set(request.options.data, train_set_.classes())) {
  log_info("training set: {}", summary(train_set_.counts(), train_set_.classes().size()));
  log_info("validation set: {}", summary(val_set_.counts(), val_set_.classes().size()));
  const std::string unscored = unscored_objects(val_set_.annotations(), val_set_.classes());
  if (!unscored.empty()) log_info("validation set: not trained, so not scored: {}", unscored);
  log_info("running on {}", compute_.description());

  std::optional<Checkpoint> checkpoint;
  if (request.resume) {
    checkpoint = load_checkpoint(request.folder);
    if (checkpoint->config != config_) {
      throw Error("{}: --resume goes on with the same options, but these differ from the run's config.toml",
                  request.folder.string());
    }
  } else if (std::filesystem::exists(request.folder / "metrics.jsonl")) {
    throw Error("{}: holds a run already (hint: --resume goes on with it, another --out begins a new one)",
                request.folder.string());
  }

  if (request.teacher) {
    if (!options_.kd.cache.empty()) check_cacheable(options_);
    teacher_.emplace(*request.teacher, options_, train_set_.classes(), compute_);
  }
  student_ = make_student(request, static_cast<int>(train_set_.classes().size()),
                          teacher_ ? teacher_->model.detector.get() : nullptr);
  place(*student_, compute_);
  if (teacher_) {
    distiller_ = std::make_unique<Distiller>(options_.kd, *student_, *teacher_->model.detector, options_.assign);
    place(*distiller_, compute_);
  }
  optimizer_ = std::make_unique<ScheduledOptimizer>(
      options_.train.optimizer, trained_parameters(*student_, distiller_.get()), options_.train.batch_size);
  if (options_.train.ema.decay > 0) {
    ema_.emplace(*student_, options_.train.ema.decay);
    place(*ema_->detector(), compute_);
  }
  loader_ = std::make_unique<Loader>(train_set_.size(), training_source(train_set_, options_.data),
                                     LoaderOptions{.batch_size = options_.train.batch_size,
                                                   .shuffle = true,
                                                   .drop_last = train_set_.size() >= options_.train.batch_size,
                                                   .seed = static_cast<uint64_t>(options_.train.seed),
                                                   .threads = options_.data.threads,
                                                   .prefetch = options_.data.prefetch},
                                     options_.data.input);
  steps_per_epoch_ = loader_->batches_per_epoch();
  total_steps_ = steps_per_epoch_ * options_.train.epochs;
  at::manual_seed(static_cast<uint64_t>(options_.train.seed));
  if (checkpoint) restore(*checkpoint);

  if (teacher_) {  // before anything is written: a refused run leaves no folder
    summary_.teacher = teacher_->check_score(val_set_, options_, progress_);
    if (!options_.kd.cache.empty()) cache_.emplace(options_, train_set_, *teacher_, progress_);
  }
  make_folder(request.folder);
  write_file(request.folder / "config.toml", config_);
  if (!request.resume) save();  // before the metrics, so that a folder which holds a run can be gone on with
  metrics_ = std::make_unique<MetricsLog>(request.folder, step_);
  if (summary_.teacher) metrics_->write("teacher", step_, 0, score_values(*summary_.teacher));
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const std::string where = request_.folder.string() + "/resume";
  step_ = checkpoint.step;
  summary_.best_ap = checkpoint.best_ap;
  load_state(*student_, with_prefix(checkpoint.tensors, "student."), where);
  if (ema_) load_state(*ema_->detector(), with_prefix(checkpoint.tensors, "ema."), where);
  if (distiller_) load_state(*distiller_, with_prefix(checkpoint.tensors, "distiller."), where);
  NamedParameters optimizer_state;
  for (const NamedTensor& entry : with_prefix(checkpoint.tensors, ""))
    optimizer_state.emplace_back(entry.name, entry.tensor);
  optimizer_->load_state(optimizer_state);
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  for (const NamedTensor& entry : with_prefix(checkpoint.tensors, "random.cpu")) generator.set_state(entry.tensor);
  log_info("going on after step {} of {}", step_, total_steps_);
}

void Trainer::save() const {
  Checkpoint checkpoint{.step = step_, .best_ap = summary_.best_ap, .config = config_, .tensors = {}};
  append_prefixed(checkpoint.tensors, "student.", named_state(*student_));
  if (ema_) append_prefixed(checkpoint.tensors, "ema.", named_state(*ema_->detector()));
  if (distiller_) append_prefixed(checkpoint.tensors, "distiller.", named_state(*distiller_));
  for (const auto& [name, tensor] : optimizer_->state()) checkpoint.tensors.push_back({name, tensor});
  checkpoint.tensors.push_back({"random.cpu", at::detail::getDefaultCPUGenerator().get_state()});
  save_checkpoint(request_.folder, checkpoint);
}

ModelCard Trainer::model_card() const {
  return {.options = student_->options(),
          .classes = train_set_.classes(),
          .preprocess = options_.data.input,
          .recipe = config_,
          .scores = scores_};
}

bool Trainer::is_evaluated(int64_t epoch) const {
  return (epoch + 1) % options_.train.eval_every == 0 || epoch + 1 == options_.train.epochs;
}

TrainSummary Trainer::run() {
  for (int64_t epoch = step_ / steps_per_epoch_; epoch < options_.train.epochs; ++epoch) {
    train_epoch(epoch, step_ % steps_per_epoch_);
    if (is_evaluated(epoch)) evaluate_epoch(epoch);
    save_model(request_.folder / "last.safetensors", *evaluated_detector(), model_card(), request_.keep_lifting);
    save();
  }
  summary_.steps = step_;
  if (steps_here_ > 0) summary_.seconds_per_step = seconds_here_ / static_cast<double>(steps_here_);
  return summary_;
}

void Trainer::train_epoch(int64_t epoch, int64_t first_batch) {
  student_->train();
  if (distiller_) distiller_->begin_epoch(epoch, options_.train.epochs);
  loader_->start(epoch, first_batch);
  auto begun = Clock::now();
  while (auto batch = loader_->next()) {
    train_batch(batch->to(compute_.device, compute_.memory_format), epoch);
    const bool epoch_ends = step_ % steps_per_epoch_ == 0;  // then the state is saved after the evaluation
    const auto now = Clock::now();
    seconds_here_ += std::chrono::duration<double>(now - begun).count();
    ++steps_here_;
    if (step_ % options_.train.checkpoint_every == 0 && !epoch_ends) save();
    begun = Clock::now();
  }
}

void Trainer::train_batch(const Batch& batch, int64_t epoch) {
  optimizer_->set_factor(lr_factor(options_.train.schedule, step_, steps_per_epoch_, total_steps_));
  const StepContext context{.student = *student_,
                            .teacher = teacher_ ? teacher_->model.detector.get() : nullptr,
                            .distiller = distiller_.get(),
                            .assign = options_.assign,
                            .loss = options_.loss,
                            .compute = compute_,
                            .cache = cache_ ? &*cache_ : nullptr};
  SummedLoss loss = sum_finite(loss_terms(context, batch));
  loss.total.backward();
  const double gradient_norm = optimizer_->step();
  if (ema_) ema_->update(*student_, step_);
  ++step_;
  append_ratios(loss.values);
  loss.values.emplace_back("lr", optimizer_->lr());
  loss.values.emplace_back("gradient_norm", gradient_norm);
  metrics_->write("train", step_, epoch, loss.values);
  if (progress_) {
    progress_({"train", step_, total_steps_,
               fmt::format("epoch {}/{}  loss {:.3f}  best AP {:.1f}", epoch + 1, options_.train.epochs,
                           loss.values.front().second, 100 * std::max(0.0, summary_.best_ap))});
  }
}

void Trainer::evaluate_epoch(int64_t epoch) {
  const Predictor predictor({evaluated_detector(), model_card()}, options_.decode, compute_);
  summary_.last = validate(predictor, val_set_, options_.eval,
                           {.batch_size = options_.train.batch_size, .threads = options_.data.threads}, progress_);
  const double ap = summary_.last.means.ap;
  scores_ = to_json(summary_.last);
  metrics_->write("eval", step_, epoch, score_values(summary_.last));
  log_info("epoch {}/{}: AP {:.2f}, AP50 {:.2f} ({} protocol)", epoch + 1, options_.train.epochs, 100 * ap,
           100 * summary_.last.means.ap50, summary_.last.protocol);
  if (ap > summary_.best_ap) {
    summary_.best_ap = ap;
    save_model(request_.folder / "best.safetensors", *evaluated_detector(), model_card(), request_.keep_lifting);
  }
}

}  // namespace

std::shared_ptr<Detector> make_student(const TrainRequest& request, int class_count, const Detector* teacher) {
  const bool inherits = teacher && request.options.kd.inherit;
  if (request.student && inherits) {
    throw Error("{}: a student to start from and kd.inherit exclude each other (hint: --set kd.inherit=false)",
                request.student->string());
  }
  // Nothing else may draw random numbers between the seed and the detector.
  at::manual_seed(static_cast<uint64_t>(request.options.train.seed));
  auto student = std::make_shared<Detector>(request.options.model, class_count);
  if (request.student) load_state(*student, read_tensors(*request.student).tensors, request.student->string());
  if (inherits) {
    const InheritReport report = inherit(*student, *teacher);
    log_info("of the tensors of its neck and head the student begins with {} of the teacher's, {} of its own",
             report.inherited.size(), report.kept.size());
  }
  return student;
}

TrainSummary train_detector(const TrainRequest& request, const ProgressCallback& progress) {
  return Trainer(request, progress).run();
}

}  // namespace skylift
