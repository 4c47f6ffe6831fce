#include "skylift/train/trainer.h"

#include <ATen/ATen.h>

#include <chrono>
#include <utility>
#include <vector>

#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/stop_signal.h"
#include "skylift/dist/place.h"
#include "skylift/dist/processes.h"
#include "skylift/runs/run_journal.h"
#include "skylift/runs/stored_run.h"
#include "skylift/train/checkpoint.h"
#include "skylift/train/gather_detections.h"
#include "skylift/train/metrics_log.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/run_checks.h"
#include "skylift/train/run_folder.h"
#include "skylift/train/schedule.h"
#include "skylift/train/signal_cache.h"
#include "skylift/train/step.h"
#include "skylift/train/step_clock.h"
#include "skylift/train/tensor_memory.h"
#include "skylift/train/training_parts.h"
#include "skylift/train/validation.h"
#include "skylift/train/validation_pictures.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;

class Trainer {
 public:
  Trainer(const TrainRequest& request, const ComputeDevice& compute, const ProgressCallback& progress);
  TrainSummary run();

 private:
  void open_folder();
  void open_files();
  void open_logs();
  void restore(const Checkpoint& checkpoint);
  double best_ap_to_beat(const Checkpoint& checkpoint) const;
  void save() const;
  void save_last() const;
  void train_epoch(int64_t epoch, int64_t first_step);
  std::vector<PackedBatch> next_batches();
  void train_step(int64_t epoch);
  LossTerms train_batch(const Batch& batch, bool last);
  void report_step(const MetricValues& values, int64_t epoch);
  void end_epoch(int64_t epoch);
  EvalResult evaluate(int64_t limit = 0) const;
  void evaluate_epoch(int64_t epoch);
  bool awaits_evaluation() const;
  ModelCard model_card() const;
  Predictor predictor() const { return {{parts_->learner.result(), model_card()}, options_.decode, compute_}; }

  const TrainRequest& request_;
  const RunOptions& options_;
  const ProgressCallback& progress_;
  const std::string config_;
  const ComputeDevice compute_;
  const Dataset train_set_, val_set_;
  std::optional<FolderLock> lock_;
  std::optional<TrainingParts> parts_;
  std::optional<SignalCache> cache_;
  std::optional<MetricsLog> metrics_;
  std::optional<RunJournal> journal_;
  StepClock clock_{compute_};
  int64_t step_ = 0, scored_step_ = 0;
  double seconds_ = 0;  ///< of all steps, those before an interruption too
  std::string scores_;  ///< of the weights as they are now, or empty
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
  int accumulate = options_.train.accumulate;
  if (request.resume) {
    if (is_first_process() && has_checkpoint(request.folder)) lock_run(lock_, request.folder);
    first_then_others([&] { checkpoint = load_checkpoint(request.folder); });  // the first one mends what is damaged
    accumulate = accumulate_for(checkpoint->identity, options_.train, request.folder.string());
  } else if (is_first_process()) {
    check_unused(request.folder, config_);
  }
  parts_.emplace(request, train_set_, val_set_, compute_, accumulate);
  if (checkpoint) restore(*checkpoint);
  parts_->learner.follow_first();
  for (const std::string& doubt :
       doubtful_settings(options_, train_set_.size(), parts_->steps_per_epoch, parts_->teacher.has_value()))
    log_warning("{}", doubt);
  open_folder();
}

/// What may be refused is refused before anything is written: a refused run leaves no folder.
void Trainer::open_folder() {
  if (parts_->teacher) {
    summary_.teacher = parts_->teacher->check_score(val_set_, options_, progress_);
    if (!options_.kd.cache.empty())
      first_then_others(
          [&] { cache_.emplace(options_, train_set_, *parts_->teacher, progress_); });  // it may be to be made
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
    check_unused(request_.folder, config_);  // once more: what another process began meanwhile is seen under the lock
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
  std::vector<std::string> teachers;
  for (const std::filesystem::path& file : request_.teachers)
    teachers.push_back(std::filesystem::weakly_canonical(file).string());
  journal_.emplace(request_.folder,
                   RunFacts{.device = compute_.description(),
                            .identity = run_sources(train_set_, val_set_, request_.teachers,
                                                    request_.student ? request_.student : request_.init),
                            .teachers = std::move(teachers),
                            .step = step_,
                            .total_steps = parts_->total_steps,
                            .epochs = options_.train.epochs},
                   request_.resume);
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const std::string folder = request_.folder.string();
  check_same_run(checkpoint.identity, parts_->identity, folder);
  check_length(checkpoint.step, parts_->total_steps, options_, folder);
  step_ = checkpoint.step;
  scored_step_ = checkpoint.scored_step;
  seconds_ = checkpoint.seconds;
  summary_.best_ap = best_ap_to_beat(checkpoint);
  parts_->learner.load_state(checkpoint.tensors, folder + "/resume");
  log_info("going on after step {} of {}", step_, parts_->total_steps);
}

/// A best model by other rules, or one that is gone, is no measure for the next ones.
double Trainer::best_ap_to_beat(const Checkpoint& checkpoint) const {
  const bool alike = scores_alike(checkpoint.identity, parts_->identity);
  if (alike && (checkpoint.best_ap < 0 || is_file(request_.folder / "best.safetensors"))) return checkpoint.best_ap;
  log_warning("--resume: {}, so the best model is chosen anew from here on",
              alike ? "best.safetensors is not there" : "scores are by other rules now (eval, decode)");
  return -1;
}

void Trainer::save() const {
  const std::vector<NamedTensor> tensors = parts_->learner.state();
  if (!is_first_process()) return;
  save_checkpoint(request_.folder, {.step = step_,
                                    .scored_step = scored_step_,
                                    .best_ap = summary_.best_ap,
                                    .seconds = seconds_,
                                    .identity = parts_->identity,
                                    .tensors = tensors});
}

ModelCard Trainer::model_card() const {
  return {.options = parts_->learner.student().options(),
          .classes = train_set_.classes(),
          .preprocess = options_.data.input,
          .recipe = config_,
          .scores = scores_};
}

/// The end of an epoch whose evaluation was interrupted.
bool Trainer::awaits_evaluation() const {
  return step_ > scored_step_ && step_ % parts_->steps_per_epoch == 0 &&
         options_.train.evaluates(step_ / parts_->steps_per_epoch - 1);
}

TrainSummary Trainer::run() try {
  if (awaits_evaluation()) end_epoch(step_ / parts_->steps_per_epoch - 1);
  while (step_ < parts_->total_steps) {
    const int64_t epoch = step_ / parts_->steps_per_epoch;
    train_epoch(epoch, step_ % parts_->steps_per_epoch);
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
  parts_->learner.student().train();
  if (parts_->learner.distiller()) parts_->learner.distiller()->begin_epoch(epoch);
  parts_->loader->start(epoch, first_step * parts_->accumulate);
  for (bool epoch_ends = false; !epoch_ends;) {
    const auto begun = Clock::now();
    train_step(epoch);
    seconds_ += std::chrono::duration<double>(Clock::now() - begun).count();
    epoch_ends = step_ % parts_->steps_per_epoch == 0;  // where the state is saved anyway
    const bool stops = in_any_process(stop_signal() != 0);
    if (stops || (step_ % options_.train.checkpoint_every == 0 && !epoch_ends)) save();
    if (!stops) continue;
    log_info("stopped after step {} of {}; --resume goes on", step_, parts_->total_steps);
    throw_if_any_stopped();
  }
}

/// All of a step, before anything is done with the first: an image that cannot be read costs no step that is done. Of
/// several processes the others do not know of it, and a state is saved by all.
std::vector<PackedBatch> Trainer::next_batches() {
  try {
    std::vector<PackedBatch> batches;
    for (int i = 0; i < parts_->accumulate; ++i) batches.push_back(std::move(*parts_->loader->next()));
    return batches;
  } catch (...) {
    if (process_count() == 1) save();
    throw;
  }
}

/// Saves before the evaluation, which may fail, and after it.
void Trainer::end_epoch(int64_t epoch) {
  scores_.clear();
  parts_->learner.follow_first();  // batch norms saw other images in each process
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
  save_model(request_.folder / "last.safetensors", *parts_->learner.result(), model_card(), request_.keep_lifting);
}

void Trainer::train_step(int64_t epoch) {
  const double waited = seconds_waited_for_processes();
  std::vector<LossTerms> terms;
  int64_t images = 0;
  clock_.begins();
  clock_.waits();
  std::vector<PackedBatch> batches = next_batches();
  clock_.works();
  for (PackedBatch& packed : batches) {
    const Batch batch = std::exchange(packed, {}).unpacked(compute_.device, compute_.memory_format);
    images += batch.images.size(0);
    terms.push_back(train_batch(batch, &packed == &batches.back()));
  }
  MetricValues values = loss_values(terms);
  const double gradient_norm = parts_->learner.update(
      lr_factor(options_.train.schedule, step_, parts_->steps_per_epoch, parts_->total_steps), step_);
  ++step_;
  values.emplace_back("lr", parts_->learner.lr());
  values.emplace_back("gradient_norm", gradient_norm);
  const MetricValues costs = clock_.values(images * process_count(), seconds_waited_for_processes() - waited);
  values.insert(values.end(), costs.begin(), costs.end());
  if (is_first_process()) report_step(values, epoch);
}

LossTerms Trainer::train_batch(const Batch& batch, bool last) {
  const StepContext context{.student = parts_->learner.student(),
                            .teacher = parts_->teacher_network(),
                            .distiller = parts_->learner.distiller(),
                            .assign = options_.assign,
                            .loss = options_.loss,
                            .compute = compute_,
                            .cache = cache_ ? &*cache_ : nullptr};
  LossTerms terms = loss_terms(context, batch);
  parts_->learner.backward(total_of(terms) / parts_->accumulate, last);
  return terms;
}

void Trainer::report_step(const MetricValues& values, int64_t epoch) {
  metrics_->write("train", step_, epoch, values);
  if (progress_) {
    progress_({"train", step_, parts_->total_steps,
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
    save_model(request_.folder / "best.safetensors", *parts_->learner.result(), model_card(), request_.keep_lifting);
  }
}

}  // namespace

TrainSummary train_detector(const TrainRequest& request, const ProgressCallback& progress) {
  reuse_tensor_memory();
  const ComputeDevice compute = open_device(request.options.train.compute);
  const JoinedProcesses joined(compute.device.is_cuda());
  TrainRequest own = request;
  if (is_first_process() && process_place().restarts > 0) own.resume = own.resume || has_checkpoint(request.folder);
  own.resume = in_any_process(own.resume);  // rank 0 alone knows what was there before this run
  return Trainer(own, compute, is_first_process() ? progress : ProgressCallback{}).run();
}

}  // namespace skylift
