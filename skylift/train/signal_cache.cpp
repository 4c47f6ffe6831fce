#include "skylift/train/signal_cache.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/boxes/point_grid.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/core/stop_signal.h"
#include "skylift/core/temporary_file.h"
#include "skylift/core/text.h"
#include "skylift/data/loader.h"
#include "skylift/kd/common_inputs.h"
#include "skylift/kd/methods.h"
#include "skylift/train/resume_state.h"
#include "skylift/train/step.h"
#include "skylift/train/training_loader.h"

namespace skylift {
namespace {

/// The options that decide what is stored, as "key = value" lines.
std::string deciding_options(RunOptions options) {
  OptionTable table;
  bind(table.root(), options);
  const std::vector<std::string> sections = {"data.input.",        "assign.",          "kd.regions.",
                                             "kd.teacher_classes", "kd.teacher_scale", "kd.teacher_flip",
                                             "kd.teacher_finer",   "kd.teacher_fold"};
  const std::vector<std::string> keys = {"data.classes",          "data.mask_ignored",      "data.keep_empty",
                                         "data.min_box_px",       "data.augment.scale_min", "model.neck.first_level",
                                         "model.neck.last_level", "model.head.reg_max"};
  std::string text;
  for (const Option& option : table.options()) {
    const auto begins = [&](const std::string& section) { return option.key.starts_with(section); };
    if (std::ranges::any_of(sections, begins) || std::ranges::find(keys, option.key) != keys.end())
      text += fmt::format("{} = {}\n", option.key, value_text(option));
  }
  return text;
}

SignalMetadata metadata_of(const RunOptions& options, const Dataset& data, const Teacher& teacher,
                           int64_t orientations) {
  const SignalNeeds needs = signal_needs(options.kd);
  return {{"teacher", teacher.network->checksum()},
          {"data", data_checksum(data)},
          {"options", deciding_options(options)},
          {"regions", fmt::format("{}", fmt::join(needs.regions, ","))},
          {"logits", fmt::format("{}{}", needs.cls ? "classes " : "", needs.box ? "boxes" : "")},
          {"orientations", std::to_string(orientations)}};
}

/// The first line in which two texts differ, as "X instead of Y".
std::string first_difference(const std::string& file, const std::string& run) {
  const auto a = split(file, '\n'), b = split(run, '\n');
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) return fmt::format("'{}', this run has '{}'", a[i], b[i]);
  }
  return "other options";
}

void check_same(const std::filesystem::path& path, const SignalMetadata& file, const SignalMetadata& run) {
  const std::string hint = "(hint: delete it, and it is made anew, or set kd.cache to another file)";
  for (const auto& [key, value] : run) {
    const auto found = file.find(key);
    const std::string stored = found == file.end() ? "" : found->second;
    if (stored == value) continue;
    if (key == "teacher") throw Error("{}: holds the signals of another teacher {}", path.string(), hint);
    if (key == "data") throw Error("{}: was made for other training images or annotations {}", path.string(), hint);
    throw Error("{}: was made with other {}: {} {}", path.string(), key, first_difference(stored, value), hint);
  }
}

/// Training images without anything random but the orientation: sample i is image i / orientations.
SampleSource fixed_source(const Dataset& data, const DataOptions& options, int64_t orientations) {
  AugmentOptions augment = options.augment;
  augment.photometric = 0;
  return [&data, augment, input = options.input, orientations](int64_t index, Rng rng) {
    AugmentOptions fixed = augment;
    fixed.flip = index % orientations == 1 ? 1 : 0;
    return training_sample(data.get(index / orientations), fixed, input, rng);
  };
}

/// A student's output of this shape, without memory behind it: regions read the shapes only.
DenseOutput empty_student(const ModelOptions& model, const at::Tensor& images, int classes) {
  DenseOutput output;
  const at::TensorOptions where = at::TensorOptions(at::kFloat).device(images.device());
  output.reg_max = model.head.reg_max;
  output.strides = model.neck.strides();
  for (const int stride : output.strides) {
    const auto [height, width] = level_size(images.size(2), images.size(3), stride);
    LevelOutput out;
    out.cls_logits = at::zeros({}, where).expand({images.size(0), classes, height, width});
    out.box_logits = at::zeros({}, where).expand({images.size(0), 4 * (output.reg_max + 1), height, width});
    output.levels.push_back(out);
  }
  return output;
}

/// [B,A,4(R+1)] logits, 0 where the teacher has no box.
at::Tensor known_boxes(DenseOutput teacher) {
  for (LevelOutput& level : teacher.levels) {
    if (level.box_known.defined()) level.box_logits = level.box_logits * level.box_known;
  }
  return flat_box_logits(teacher).flatten(2);
}

/// What is stored of one image, a batch of its own.
class EntryMaker {
 public:
  EntryMaker(const RunOptions& options, const Teacher& teacher) : options_(options), teacher_(teacher) {}

  SignalEntry operator()(const Batch& batch) const {
    const at::NoGradGuard no_grad;
    const StepForward step = assigned(empty_student(options_.model, batch.images, teacher_.network->shape().classes),
                                      teacher_.network->forward(batch), batch, options_.assign);
    return entry_of(CommonInputs(step.inputs(batch)).inputs());
  }

 private:
  SignalEntry entry_of(const DistillInputs& inputs) const {
    const SignalNeeds needs = signal_needs(options_.kd);
    RegionSet set(inputs, options_.kd.regions, options_.assign);
    std::vector<const Region*> regions;
    for (const std::string& name : needs.regions) regions.push_back(&set.region(name));
    const bool with_cid = std::ranges::find(needs.regions, "cid") != needs.regions.end();
    const at::Tensor cls = needs.cls ? flat_cls_logits(inputs.teacher) : at::Tensor();
    const at::Tensor box = needs.box ? known_boxes(inputs.teacher) : at::Tensor();
    return make_signal_entry(inputs.grid, regions, with_cid ? &set.region("cid") : nullptr, cls, box);
  }

  const RunOptions& options_;
  const Teacher& teacher_;
};

}  // namespace

void check_cacheable(const RunOptions& options) {
  signal_needs(options.kd);
  const AugmentOptions& augment = options.data.augment;
  if (!options.data.unlabelled.empty())
    throw Error("kd.cache: data.unlabelled brings other images than the training set's, which are not stored");
  const std::string hint = "so that the teacher's stored signals belong to the image that the student sees";
  if (augment.tile_px > 0 || augment.crop_px > 0) {
    throw Error("kd.cache: data.augment cuts random parts from the images; set tile_px = 0 and crop_px = 0, {}", hint);
  }
  if (augment.scale_min != augment.scale_max || augment.scale_max > 1) {
    throw Error(
        "kd.cache: data.augment scales at random or cuts off what an enlarged image has too much: got {}..{}; set "
        "scale_min = scale_max = 1 (or smaller), {}",
        augment.scale_min, augment.scale_max, hint);
  }
  if (augment.photometric > 0) {
    throw Error("kd.cache: data.augment changes colours at random; set photometric = 0, {}", hint);
  }
}

SignalCache::SignalCache(const RunOptions& options, const Dataset& train_set, const Teacher& teacher,
                         const ProgressCallback& progress)
    : path_(options.kd.cache), orientations_(options.data.augment.flip > 0 ? 2 : 1) {
  check_cacheable(options);
  const ModelShape& shape = teacher.network->shape();
  shape_.strides = shape.strides;
  shape_.reg_max = shape.reg_max;
  shape_.known_classes = teacher.network->known_classes();
  const SignalMetadata metadata = metadata_of(options, train_set, teacher, orientations_);
  if (!is_there(path_)) make(options, train_set, teacher, metadata, progress);
  file_.emplace(path_);
  check_same(path_, file_->metadata(), metadata);
  if (file_->count() != train_set.size() * orientations_) {
    throw Error("{}: holds {} entries, expected {}", path_.string(), file_->count(), train_set.size() * orientations_);
  }
  log_info("kd.cache: {} images from {}, {:.1f} MB ({:.2f} MB an image)", train_set.size(), path_.string(),
           static_cast<double>(file_->bytes()) / 1e6,
           static_cast<double>(file_->bytes()) / 1e6 / static_cast<double>(train_set.size()));
}

void SignalCache::make(const RunOptions& options, const Dataset& train_set, const Teacher& teacher,
                       const SignalMetadata& metadata, const ProgressCallback& progress) const {
  log_info("kd.cache: the teacher runs once over {} images{}", train_set.size(),
           orientations_ > 1 ? " and their mirror images" : "");
  const int64_t count = train_set.size() * orientations_;
  const DataOptions data = enlarged(options.data, options.kd.teacher_scale);
  Loader loader(count, fixed_source(train_set, data, orientations_),
                {.batch_size = 1,
                 .threads = options.data.threads,
                 .reduce = options.kd.teacher_scale,
                 .prefetch = 2 * options.data.prefetch},
                data.input);
  loader.start(0);
  const EntryMaker make_entry(options, teacher);
  const auto entry = [&](int64_t index) {
    throw_if_stopped();
    const auto batch = loader.next();
    if (progress) progress({"store the teacher", index + 1, count, ""});
    return make_entry(batch->unpacked(teacher.compute.device, teacher.compute.memory_format));
  };
  remove_orphans(path_.parent_path());
  write_signals(path_, count, entry, metadata);
}

StoredBatch SignalCache::read(const Batch& batch) const {
  StoredBatch stored;
  for (size_t i = 0; i < batch.image_indices.size(); ++i) {
    const bool flipped = batch.geometries[i].flipped;
    if (flipped && orientations_ == 1) throw Error("{}: holds no mirrored images", path_.string());
    stored.entries.push_back(file_->entry(batch.image_indices[i] * orientations_ + (flipped ? 1 : 0)));
  }
  return stored;
}

}  // namespace skylift
