#include "skylift/train/trainer.h"

#include <ATen/ATen.h>

#include <chrono>

#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/place.h"
#include "skylift/dist/processes.h"
#include "skylift/runs/run_journal.h"
#include "skylift/runs/stored_run.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/gather_detections.h"
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
#include "skylift/train/training_loader.h"
#include "skylift/train/validation.h"
#include "skylift/train/validation_pictures.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;

/// What the first process makes the others read.
template <class Work>
void first_then_others(const Work& work) {
  if (is_first_process()) work();
  wait_for_processes();
  if (!is_first_process()) work();
}

class Trainer {
 public:
  Trainer(const TrainRequest& request, const ComputeDevice& compute, const ProgressCallback& progress);
  TrainSummary run();

 private:
  void make_parts();
  void open_folder();
  void open_files();
  void open_logs();
  void restore(const Checkpoint& checkpoint);
  void save() const;
  void save_last() const;
  void train_epoch(int64_t epoch, int64_t first_step);
  Batch next_batch();
  void train_step(int64_t epoch);
  SummedLoss train_batch(const Batch& batch, bool last);
  void report_step(const MetricValues& values, int64_t epoch);
  void end_epoch(int64_t epoch);
  EvalResult evaluate(int64_t limit = 0) const;
  void evaluate_epoch(int64_t epoch);
  bool awaits_evaluation() const;
  ModelCard model_card() const;
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
  std::unique_ptr<Loader> loader_;
  std::optional<MetricsLog> metrics_;
  std::optional<RunJournal> journal_;
  StepClock clock_{compute_};
  TextMap identity_;
  int64_t step_ = 0, scored_step_ = 0, steps_per_epoch_ = 0, total_steps_ = 0;
  int accumulate_ = options_.train.accumulate;  ///< batches a step; after a resume what keeps its images
  double seconds_ = 0;                          ///< of all steps, those before an interruption too
  std::string scores_;                          ///< of the weights as they are now, or empty
  TrainSummary summary_;
};

Trainer::Trainer(const TrainRequest& request, const ComputeDevice& compute, const ProgressCallback& progress)
    : request_(request),
      options_(request.options),
      progress_(progress),
      config_(config_text(request.options)),
      compute_(compute),
      train_set_(open_training_set(request.options.data)),
      val_set_(open_validation_set(request.options.data, train_set_.classes())) {
  log_sets(train_set_, val_set_);
  log_info("running on {}", compute_.description());

  std::optional<Checkpoint> checkpoint;
  if (request.resume) {
    if (is_first_process() && has_checkpoint(request.folder)) lock_run(lock_, request.folder);
    first_then_others([&] { checkpoint = load_checkpoint(request.folder); });  // the first one mends what is damaged
    accumulate_ = accumulate_for(checkpoint->identity, options_.train, request.folder.string());
  } else if (is_first_process()) {
    check_unused(request.folder);
  }
  make_parts();
  if (checkpoint) restore(*checkpoint);
  learner_->follow_first();
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
                   compute_, int64_t{options_.train.batch_size} * accumulate_ * process_count());
  if (learner_->distiller()) learner_->distiller()->set_batches_per_step(accumulate_);
  RunOptions options = options_;
  options.train.accumulate = accumulate_;
  identity_ = run_identity({.options = options,
                            .train_set = train_set_,
                            .val_set = val_set_,
                            .teacher = teacher,
                            .student = request_.student.value_or("").string()});
  loader_ = training_loader(train_set_, options_);
  steps_per_epoch_ = loader_->batches_per_epoch() / accumulate_;
  if (steps_per_epoch_ == 0) {
    throw Error("train.accumulate: got {}, but an epoch has {} batches; expected at most as many", accumulate_,
                loader_->batches_per_epoch());
  }
  total_steps_ = steps_per_epoch_ * options_.train.epochs;
  at::manual_seed(static_cast<uint64_t>(options_.train.seed));
}

/// What may be refused is refused before anything is written: a refused run leaves no folder.
void Trainer::open_folder() {
  if (teacher_) {
    summary_.teacher = teacher_->check_score(val_set_, options_, progress_);
    if (!options_.kd.cache.empty())
      first_then_others([&] { cache_.emplace(options_, train_set_, *teacher_, progress_); });  // it may be to be made
  }
  // A wrong option of the evaluation, or images that cannot be read, shall not be found out after an epoch.
  evaluate(/*limit=*/2);
  if (is_first_process()) open_files();
  if (!request_.resume) save();
  if (is_first_process()) open_logs();
}

void Trainer::open_files() {
  if (!lock_) lock_run(lock_, request_.folder);
  if (!request_.resume) {
    check_unused(request_.folder);  // once more: what another process began meanwhile is seen under the lock
    remove_checkpoints(request_.folder);
  }
  write_file(request_.folder / "config.toml", config_);
}

/// After the first state is saved, so that a folder which holds a run can be gone on with.
void Trainer::open_logs() {
  metrics_.emplace(request_.folder, MetricsMoment{step_, scored_step_});
  if (summary_.teacher && !metrics_->holds("teacher"))
    metrics_->write("teacher", step_, 0, score_values(*summary_.teacher));
  metrics_->options(read_config(request_.folder / "config.toml"));
  journal_.emplace(request_.folder,
                   RunFacts{.device = compute_.description(),
                            .identity = run_sources(train_set_, val_set_, request_.teacher, request_.student),
                            .step = step_,
                            .total_steps = total_steps_,
                            .epochs = options_.train.epochs},
                   request_.resume);
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const std::string folder = request_.folder.string();
  check_same_run(checkpoint.identity, identity_, folder);
  check_length(checkpoint.step, total_steps_, options_, folder);
  step_ = checkpoint.step;
  scored_step_ = checkpoint.scored_step;
  seconds_ = checkpoint.seconds;
  summary_.best_ap = checkpoint.best_ap;
  learner_->load_state(checkpoint.tensors, folder + "/resume");
  log_info("going on after step {} of {}", step_, total_steps_);
}

void Trainer::save() const {
  const std::vector<NamedTensor> tensors = learner_->state();
  if (!is_first_process()) return;
  save_checkpoint(request_.folder, {.step = step_,
                                    .scored_step = scored_step_,
                                    .best_ap = summary_.best_ap,
                                    .seconds = seconds_,
                                    .identity = identity_,
                                    .tensors = tensors});
}

ModelCard Trainer::model_card() const {
  return {.options = learner_->student().options(),
          .classes = train_set_.classes(),
          .preprocess = options_.data.input,
          .recipe = config_,
          .scores = scores_};
}

/// The end of an epoch whose evaluation was interrupted.
bool Trainer::awaits_evaluation() const {
  return step_ > scored_step_ && step_ % steps_per_epoch_ == 0 &&
         options_.train.evaluates(step_ / steps_per_epoch_ - 1);
}

TrainSummary Trainer::run() try {
  if (awaits_evaluation()) end_epoch(step_ / steps_per_epoch_ - 1);
  while (step_ < total_steps_) {
    const int64_t epoch = step_ / steps_per_epoch_;
    train_epoch(epoch, step_ % steps_per_epoch_);
    end_epoch(epoch);
  }
  if (summary_.last.images == 0) summary_.last = evaluate();  // nothing was left to do
  if (journal_) journal_->done();
  summary_.steps = step_;
  summary_.seconds_per_step = seconds_ / static_cast<double>(step_);
  return summary_;
} catch (const Diverged& error) {
  if (journal_) journal_->diverged(error.what());
  throw;
}

void Trainer::train_epoch(int64_t epoch, int64_t first_step) {
  learner_->student().train();
  if (learner_->distiller()) learner_->distiller()->begin_epoch(epoch, options_.train.epochs);
  loader_->start(epoch, first_step * accumulate_);
  for (bool epoch_ends = false; !epoch_ends;) {
    const auto begun = Clock::now();
    train_step(epoch);
    seconds_ += std::chrono::duration<double>(Clock::now() - begun).count();
    epoch_ends = step_ % steps_per_epoch_ == 0;  // where the state is saved anyway
    const bool stops = in_any_process(stop_signal() != 0);
    if (stops || (step_ % options_.train.checkpoint_every == 0 && !epoch_ends)) save();
    if (!stops) continue;
    log_info("stopped after step {} of {}; --resume goes on", step_, total_steps_);
    throw_if_any_stopped();
  }
}

/// An image that cannot be read costs no step that is done; of several processes the others do not know of it, and a
/// state is saved by all.
Batch Trainer::next_batch() {
  try {
    return loader_->next()->to(compute_.device, compute_.memory_format);
  } catch (...) {
    if (process_count() == 1) save();
    throw;
  }
}

/// Saves before the evaluation, which may fail, and after it.
void Trainer::end_epoch(int64_t epoch) {
  scores_.clear();
  learner_->follow_first();  // batch norms saw other images in each process
  save();
  save_last();
  if (options_.train.evaluates(epoch)) {
    evaluate_epoch(epoch);
    save_last();
    save();
  }
  if (journal_) journal_->reached(step_, summary_.best_ap, scores_);
}

void Trainer::save_last() const {
  if (!is_first_process()) return;
  save_model(request_.folder / "last.safetensors", *learner_->result(), model_card(), request_.keep_lifting);
}

void Trainer::train_step(int64_t epoch) {
  const double waited = seconds_waited_for_processes();
  SummedLoss loss;
  int64_t images = 0;
  clock_.begins();
  for (int i = 0; i < accumulate_; ++i) {
    clock_.waits();
    const Batch batch = next_batch();
    clock_.works();
    images += batch.images.size(0);
    add_values(loss, train_batch(batch, i + 1 == accumulate_));
  }
  const double gradient_norm =
      learner_->update(lr_factor(options_.train.schedule, step_, steps_per_epoch_, total_steps_), step_);
  ++step_;
  loss.values.emplace_back("lr", learner_->lr());
  loss.values.emplace_back("gradient_norm", gradient_norm);
  const MetricValues costs = clock_.values(images * process_count(), seconds_waited_for_processes() - waited);
  loss.values.insert(loss.values.end(), costs.begin(), costs.end());
  if (is_first_process()) report_step(loss.values, epoch);
}

SummedLoss Trainer::train_batch(const Batch& batch, bool last) {
  const StepContext context{.student = learner_->student(),
                            .teacher = teacher_ ? teacher_->model.detector.get() : nullptr,
                            .distiller = learner_->distiller(),
                            .assign = options_.assign,
                            .loss = options_.loss,
                            .compute = compute_,
                            .cache = cache_ ? &*cache_ : nullptr};
  SummedLoss loss = sum_finite(loss_terms(context, batch), 1.0 / accumulate_);
  learner_->backward(loss.total, last);
  return loss;
}

void Trainer::report_step(const MetricValues& values, int64_t epoch) {
  metrics_->write("train", step_, epoch, values);
  if (progress_) {
    progress_({"train", step_, total_steps_,
               fmt::format("epoch {}/{}  loss {:.3f}  best AP {:.1f}", epoch + 1, options_.train.epochs,
                           values.front().second, 100 * std::max(0.0, summary_.best_ap))});
  }
}

EvalResult Trainer::evaluate(int64_t limit) const {
  return validate(predictor(), val_set_, options_.eval,
                  {.batch_size = options_.train.batch_size, .threads = options_.data.threads, .limit = limit},
                  progress_);
}

void Trainer::evaluate_epoch(int64_t epoch) {
  summary_.last = evaluate();
  scored_step_ = step_;
  if (!is_first_process()) return;
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
  const ComputeDevice compute = open_device(request.options.train.compute);
  const JoinedProcesses joined(compute.device.is_cuda());
  TrainRequest own = request;
  if (is_first_process() && process_place().restarts > 0) own.resume = own.resume || has_checkpoint(request.folder);
  own.resume = in_any_process(own.resume);  // rank 0 alone knows what was there before this run
  return Trainer(own, compute, is_first_process() ? progress : ProgressCallback{}).run();
}

}  // namespace skylift
