// Samples from annotations and image files. Of an image nothing is kept but what DatasetOptions::cache_mb allows: memory
// does not grow with the images that were read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/data/image_cache.h"
#include "skylift/data/options.h"
#include "skylift/data/sample.h"

namespace skylift {

/// What became of the annotations, over the whole set.
struct DatasetCounts {
  int64_t images = 0;              ///< kept
  int64_t images_empty = 0;        ///< without an object to find; kept only if asked for
  int64_t objects = 0;             ///< to find
  int64_t objects_degenerate = 0;  ///< dropped: a side shorter than min_box_px
  int64_t objects_ignored = 0;     ///< marked as ignored in the file
  int64_t objects_crowd = 0;       ///< boxes that stand for a group
  int64_t objects_other = 0;       ///< of no trained class
  int64_t regions = 0;             ///< ignored regions
};

/// One line for the log, e.g. "539 images, 38759 objects of 10 classes (12 degenerate boxes dropped, ...)".
std::string summary(const DatasetCounts& counts, size_t class_count);

struct DatasetOptions {
  std::vector<std::string> classes = {};  ///< label k is classes[k], found by name in the annotations; empty: theirs
  bool mask_ignored =
      true;  ///< off: crowds are plain objects; regions, ignored objects and other classes become background
  bool keep_empty = true;
  double min_box_px = 1;
  int cache_mb = 0;  ///< MB of decoded images that stay in memory
};

class Dataset {
 public:
  /// Error: no image (left), or a class that the annotations do not have.
  Dataset(AnnotationSet annotations, DatasetOptions options);

  int64_t size() const { return static_cast<int64_t>(kept_.size()); }

  /// The decoded image with its boxes, nothing transformed.
  /// Error: the file is missing or damaged, or has not the size that the annotations say.
  Sample get(int64_t index) const;

  /// The image's place in annotations().images; the same as `index` where empty images are kept.
  size_t record_index(int64_t index) const { return kept_.at(static_cast<size_t>(index)); }
  const ImageRecord& record(int64_t index) const { return annotations_.images[record_index(index)]; }

  const AnnotationSet& annotations() const { return annotations_; }
  const std::vector<std::string>& classes() const { return options_.classes; }
  const DatasetCounts& counts() const { return counts_; }

 private:
  enum class Fate { found, ignored, dropped };
  void choose_classes();
  void keep_images();
  Fate fate(const Object& object) const;
  int64_t count(const ImageRecord& record);
  void add_boxes(const ImageRecord& record, Sample& sample) const;

  AnnotationSet annotations_;
  DatasetOptions options_;
  std::vector<int> label_of_class_;  ///< the annotations' class -> label, -1: not trained
  std::vector<size_t> kept_;         ///< places in annotations_.images
  DatasetCounts counts_;
  std::shared_ptr<ImageCache> cache_;  ///< of copies, too
};

/// data.train with the options of training. Error: nothing to train on.
Dataset open_training_set(const DataOptions& options);

/// data.unlabelled: images alone, under the names of the trained classes. Error: no image.
Dataset open_unlabelled_set(const std::string& spec, const std::vector<std::string>& classes);

/// data.val with every image kept, its labels those of `classes` (the trained model's). Error: nothing to score.
Dataset open_validation_set(const DataOptions& options, const std::vector<std::string>& classes);

}  // namespace skylift
