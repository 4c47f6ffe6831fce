#include "skylift/train/trainer.h"

#include <ATen/ATen.h>

#include <chrono>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/data/loader.h"
#include "skylift/runs/run_journal.h"
#include "skylift/runs/stored_run.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/learner.h"
#include "skylift/train/metrics_log.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/run_checks.h"
#include "skylift/train/run_folder.h"
#include "skylift/train/schedule.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/step.h"
#include "skylift/train/step_clock.h"
#include "skylift/train/teacher.h"
#include "skylift/train/validation.h"
#include "skylift/train/validation_pictures.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;

class Trainer {
 public:
  Trainer(const TrainRequest& request, const ProgressCallback& progress);
  TrainSummary run();

 private:
  void make_parts();
  void open_folder();
  void restore(const Checkpoint& checkpoint);
  void save() const;
  void save_last() const;
  void train_epoch(int64_t epoch, int64_t first_batch);
  std::optional<Batch> next_batch();
  void train_batch(const Batch& batch, int64_t epoch);
  void end_epoch(int64_t epoch);
  EvalResult evaluate(int64_t limit = 0) const;
  void evaluate_epoch(int64_t epoch);
  bool is_evaluated(int64_t epoch) const;
  bool awaits_evaluation() const;
  ModelCard model_card() const;
  RunFacts run_facts() const;
  Predictor predictor() const { return {{learner_->result(), model_card()}, options_.decode, compute_}; }

  const TrainRequest& request_;
  const RunOptions& options_;
  const ProgressCallback& progress_;
  const std::string config_;
  const ComputeDevice compute_;
  const Dataset train_set_, val_set_;
  std::optional<FolderLock> lock_;
  std::optional<Teacher> teacher_;
  std::optional<Learner> learner_;
  std::optional<SignalCache> cache_;
  std::optional<Loader> loader_;
  std::optional<MetricsLog> metrics_;
  std::optional<RunJournal> journal_;
  StepClock clock_{compute_};
  TextMap identity_;
  int64_t step_ = 0, scored_step_ = 0, steps_per_epoch_ = 0, total_steps_ = 0;
  double seconds_ = 0;  ///< of all steps, those before an interruption too
  std::string scores_;  ///< of the weights as they are now, or empty
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
    if (has_checkpoint(request.folder)) lock_run(lock_, request.folder);
    checkpoint = load_checkpoint(request.folder);
  } else {
    check_unused(request.folder);
  }
  make_parts();
  if (checkpoint) restore(*checkpoint);
  for (const std::string& doubt : doubtful_settings(options_, steps_per_epoch_, teacher_.has_value()))
    log_warning("{}", doubt);
  open_folder();
}

/// All that a run consists of, as it begins.
void Trainer::make_parts() {
  if (request_.teacher) {
    if (!options_.kd.cache.empty()) check_cacheable(options_);
    teacher_.emplace(*request_.teacher, options_, train_set_.classes(), compute_);
  }
  Detector* teacher = teacher_ ? teacher_->model.detector.get() : nullptr;
  learner_.emplace(make_student(request_, static_cast<int>(train_set_.classes().size()), teacher), teacher, options_,
                   compute_);
  identity_ = run_identity({.options = options_,
                            .train_set = train_set_,
                            .val_set = val_set_,
                            .teacher = teacher,
                            .student = request_.student.value_or("").string()});
  const int batch_size = options_.train.batch_size;
  loader_.emplace(train_set_.size(), training_source(train_set_, options_.data),
                  LoaderOptions{.batch_size = batch_size,
                                .shuffle = true,
                                .drop_last = train_set_.size() >= batch_size,
                                .seed = static_cast<uint64_t>(options_.train.seed),
                                .threads = options_.data.threads,
                                .prefetch = options_.data.prefetch},
                  options_.data.input);
  steps_per_epoch_ = loader_->batches_per_epoch();
  total_steps_ = steps_per_epoch_ * options_.train.epochs;
  at::manual_seed(static_cast<uint64_t>(options_.train.seed));
}

/// What may be refused is refused before anything is written: a refused run leaves no folder.
void Trainer::open_folder() {
  if (teacher_) {
    summary_.teacher = teacher_->check_score(val_set_, options_, progress_);
    if (!options_.kd.cache.empty()) cache_.emplace(options_, train_set_, *teacher_, progress_);
  }
  // A wrong option of the evaluation, or images that cannot be read, shall not be found out after an epoch.
  evaluate(/*limit=*/2);
  if (!lock_) lock_run(lock_, request_.folder);
  if (!request_.resume) {
    check_unused(request_.folder);  // once more: what another process began meanwhile is seen under the lock
    remove_checkpoints(request_.folder);
  }
  write_file(request_.folder / "config.toml", config_);
  if (!request_.resume) save();  // before the metrics, so that a folder which holds a run can be gone on with
  metrics_.emplace(request_.folder, MetricsMoment{step_, scored_step_});
  if (summary_.teacher && !metrics_->holds("teacher"))
    metrics_->write("teacher", step_, 0, score_values(*summary_.teacher));
  metrics_->options(read_config(request_.folder / "config.toml"));
  journal_.emplace(request_.folder, run_facts(), request_.resume);
}

RunFacts Trainer::run_facts() const {
  return {.device = compute_.description(),
          .identity = {{"training images", data_checksum(train_set_)},
                       {"validation images", data_checksum(val_set_)},
                       {"teacher", request_.teacher ? file_checksum(*request_.teacher) : "none"},
                       {"student", request_.student ? file_checksum(*request_.student) : "none"}},
          .step = step_,
          .total_steps = total_steps_,
          .epochs = options_.train.epochs};
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const std::string folder = request_.folder.string();
  check_same_run(checkpoint.identity, identity_, folder);
  if (checkpoint.step > total_steps_) {
    throw Error("{}: the run has {} steps behind it, train.epochs = {} are {} (hint: more epochs)", folder,
                checkpoint.step, options_.train.epochs, total_steps_);
  }
  step_ = checkpoint.step;
  scored_step_ = checkpoint.scored_step;
  seconds_ = checkpoint.seconds;
  summary_.best_ap = checkpoint.best_ap;
  learner_->load_state(checkpoint.tensors, folder + "/resume");
  log_info("going on after step {} of {}", step_, total_steps_);
}

void Trainer::save() const {
  save_checkpoint(request_.folder, {.step = step_,
                                    .scored_step = scored_step_,
                                    .best_ap = summary_.best_ap,
                                    .seconds = seconds_,
                                    .identity = identity_,
                                    .tensors = learner_->state()});
}

ModelCard Trainer::model_card() const {
  return {.options = learner_->student().options(),
          .classes = train_set_.classes(),
          .preprocess = options_.data.input,
          .recipe = config_,
          .scores = scores_};
}

bool Trainer::is_evaluated(int64_t epoch) const {
  return (epoch + 1) % options_.train.eval_every == 0 || epoch + 1 == options_.train.epochs;
}

/// The end of an epoch whose evaluation was interrupted.
bool Trainer::awaits_evaluation() const {
  return step_ > scored_step_ && step_ % steps_per_epoch_ == 0 && is_evaluated(step_ / steps_per_epoch_ - 1);
}

TrainSummary Trainer::run() try {
  if (awaits_evaluation()) end_epoch(step_ / steps_per_epoch_ - 1);
  while (step_ < total_steps_) {
    const int64_t epoch = step_ / steps_per_epoch_;
    train_epoch(epoch, step_ % steps_per_epoch_);
    end_epoch(epoch);
  }
  if (summary_.last.images == 0) summary_.last = evaluate();  // nothing was left to do
  journal_->done();
  summary_.steps = step_;
  summary_.seconds_per_step = seconds_ / static_cast<double>(step_);
  return summary_;
} catch (const Diverged& error) {
  journal_->diverged(error.what());
  throw;
}

void Trainer::train_epoch(int64_t epoch, int64_t first_batch) {
  learner_->student().train();
  if (learner_->distiller()) learner_->distiller()->begin_epoch(epoch, options_.train.epochs);
  loader_->start(epoch, first_batch);
  auto begun = Clock::now();
  clock_.waits();
  while (auto batch = next_batch()) {
    clock_.works();
    train_batch(batch->to(compute_.device, compute_.memory_format), epoch);
    seconds_ += std::chrono::duration<double>(Clock::now() - begun).count();
    const bool epoch_ends = step_ % steps_per_epoch_ == 0;  // where the state is saved anyway
    const bool stops = stop_signal() != 0;
    if (stops || (step_ % options_.train.checkpoint_every == 0 && !epoch_ends)) save();
    if (stops) log_info("stopped after step {} of {}; --resume goes on", step_, total_steps_);
    throw_if_stopped();
    begun = Clock::now();
    clock_.waits();
  }
}

/// An image that cannot be read costs no step that is done.
std::optional<Batch> Trainer::next_batch() {
  try {
    return loader_->next();
  } catch (...) {
    save();
    throw;
  }
}

/// Saves before the evaluation, which may fail, and after it.
void Trainer::end_epoch(int64_t epoch) {
  scores_.clear();
  save();
  save_last();
  if (is_evaluated(epoch)) {
    evaluate_epoch(epoch);
    save_last();
    save();
  }
  journal_->reached(step_, summary_.best_ap, scores_);
}

void Trainer::save_last() const {
  save_model(request_.folder / "last.safetensors", *learner_->result(), model_card(), request_.keep_lifting);
}

void Trainer::train_batch(const Batch& batch, int64_t epoch) {
  const StepContext context{.student = learner_->student(),
                            .teacher = teacher_ ? teacher_->model.detector.get() : nullptr,
                            .distiller = learner_->distiller(),
                            .assign = options_.assign,
                            .loss = options_.loss,
                            .compute = compute_,
                            .cache = cache_ ? &*cache_ : nullptr};
  SummedLoss loss = sum_finite(loss_terms(context, batch));
  loss.total.backward();
  const double gradient_norm =
      learner_->update(lr_factor(options_.train.schedule, step_, steps_per_epoch_, total_steps_), step_);
  ++step_;
  loss.values.emplace_back("lr", learner_->lr());
  loss.values.emplace_back("gradient_norm", gradient_norm);
  const MetricValues costs = clock_.values(batch.images.size(0));
  loss.values.insert(loss.values.end(), costs.begin(), costs.end());
  metrics_->write("train", step_, epoch, loss.values);
  if (progress_) {
    progress_({"train", step_, total_steps_,
               fmt::format("epoch {}/{}  loss {:.3f}  best AP {:.1f}", epoch + 1, options_.train.epochs,
                           loss.values.front().second, 100 * std::max(0.0, summary_.best_ap))});
  }
}

EvalResult Trainer::evaluate(int64_t limit) const {
  const ValidationOptions how{
      .batch_size = options_.train.batch_size, .threads = options_.data.threads, .limit = limit};
  return validate(predictor(), val_set_, options_.eval, how, progress_);
}

void Trainer::evaluate_epoch(int64_t epoch) {
  summary_.last = evaluate();
  scored_step_ = step_;
  const double ap = summary_.last.means.ap;
  scores_ = to_json(summary_.last);
  metrics_->write("eval", step_, epoch, score_values(summary_.last));
  for (const Picture& picture : validation_pictures(predictor(), val_set_))
    metrics_->picture("eval/" + picture.caption, picture.rgb, step_);
  log_info("epoch {}/{}: AP {:.2f}, AP50 {:.2f} ({} protocol)", epoch + 1, options_.train.epochs, 100 * ap,
           100 * summary_.last.means.ap50, summary_.last.protocol);
  if (ap > summary_.best_ap) {
    summary_.best_ap = ap;
    save_model(request_.folder / "best.safetensors", *learner_->result(), model_card(), request_.keep_lifting);
  }
}

}  // namespace

TrainSummary train_detector(const TrainRequest& request, const ProgressCallback& progress) {
  return Trainer(request, progress).run();
}

}  // namespace skylift
