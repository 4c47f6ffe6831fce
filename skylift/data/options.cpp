#include "skylift/data/options.h"

namespace skylift {

void bind(OptionSection section, AugmentOptions& options) {
  section.add("tile_px", options.tile_px,
              "side of a square cut from the full-size image before resizing; 0: the whole image", at_least(0));
  section.add("tile_at_object", options.tile_at_object, "chance that the tile contains an object drawn at random",
              between(0, 1));
  section.add("scale_min", options.scale_min, "smallest factor on the resized image", between(0.05, 20));
  section.add("scale_max", options.scale_max, "largest factor on the resized image", between(0.05, 20));
  section.add("crop_px", options.crop_px,
              "side of the square cut after scaling; 0: as large as the image is at factor 1", at_least(0));
  section.add("min_visibility", options.min_visibility,
              "an object of which a crop leaves a smaller fraction becomes an ignored region", between(0, 1));
  section.add("flip", options.flip, "chance of mirroring left to right", between(0, 1));
  section.add("photometric", options.photometric, "chance of changing colours", between(0, 1));
  section.add("brightness", options.brightness, "largest shift, as a fraction of full scale", between(0, 1));
  section.add("contrast", options.contrast, "largest relative change around mid grey", between(0, 1));
  section.add("saturation", options.saturation, "largest relative change", between(0, 1));
  section.add("hue", options.hue, "largest rotation, in turns", between(0, 0.5));
}

void bind(OptionSection section, Preprocess& options) {
  section.add("long_side", options.long_side, "px; images are scaled, aspect kept, to fit into long_side x short_side",
              between(32, 16384));
  section.add("short_side", options.short_side, "px; see long_side", between(32, 16384));
  section.add("pad_multiple", options.pad_multiple, "px; height and width of a batch are multiples of this",
              between(1, 1024));
}

void bind(OptionSection section, DataOptions& options) {
  section.add("train", options.train, "training images: a data set SPEC");
  section.add("val", options.val, "images that are scored: a data set SPEC");
  section.add("classes", options.classes, "trained classes, in this order; empty: all of the training set");
  section.add("mask_ignored", options.mask_ignored,
              "ignored regions and objects, crowds and other classes are neither positive nor negative");
  section.add("keep_empty", options.keep_empty, "train on images without objects too");
  section.add("min_box_px", options.min_box_px, "boxes with a shorter side, in px of the original image, are dropped",
              at_least(0));
  section.add(
      "unlabelled", options.unlabelled,
      "images from which a teacher teaches: a folder, a list (.txt) or a data set, whose annotations are not read");
  section.add("unlabelled_share", options.unlabelled_share,
              "their part of a batch: 0 none, else at least one image and not all", between(0, 1));
  section.add("threads", options.threads, "loader threads; 0: one per core", between(0, 256));
  section.add("prefetch", options.prefetch, "batches held ready", between(1, 1024));
  section.add("cache_mb", options.cache_mb,
              "MB of decoded images of data.train that each process keeps (3 a megapixel), for later epochs",
              between(0, 1 << 24));
  bind(section.section("input"), options.input);
  bind(section.section("augment"), options.augment);
}

}  // namespace skylift
