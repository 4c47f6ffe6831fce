// What a run reads and how training changes it. Keys: data.*, data.input.*, data.augment.*.
#pragma once

#include <string>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/image/preprocess.h"

namespace skylift {

/// Random changes of training images, in this order: tile, scale and crop, flip, colours.
struct AugmentOptions {
  int tile_px = 0;              ///< side of a square cut from the full-size image before resizing; 0: the whole image
  double tile_at_object = 0.8;  ///< chance that the tile contains an object drawn at random
  double scale_min = 0.8;       ///< factor on the resized image, drawn log-uniformly from scale_min..scale_max
  double scale_max = 1.25;
  int crop_px = 0;  ///< side of the square cut after scaling; 0: as large as the image is at factor 1
  double min_visibility =
      0.3;                   ///< an object of which a crop leaves less (fraction of its area) becomes an ignored region
  double flip = 0.5;         ///< chance of mirroring left to right
  double photometric = 0.5;  ///< chance of changing colours
  double brightness = 0.12;  ///< largest shift, as a fraction of full scale
  double contrast = 0.25;    ///< largest relative change around mid grey
  double saturation = 0.3;   ///< largest relative change
  double hue = 0.02;         ///< largest rotation, in turns
};

struct DataOptions {
  std::string train;                 ///< SPEC of the training images
  std::string val;                   ///< SPEC of the images that are scored
  std::vector<std::string> classes;  ///< trained classes, in this order; empty: all of the training set
  bool mask_ignored = true;  ///< ignored regions and objects, crowds and other classes: neither positive nor negative
  bool keep_empty = false;   ///< train on images without objects too
  double min_box_px = 1;     ///< boxes with a shorter side (px of the original image) are dropped and counted
  std::string unlabelled;    ///< images without annotations, from which a teacher teaches; empty: none
  double unlabelled_share = 0.5;  ///< their part of a batch: 0 none, else at least one image and not all
  int threads = 2;                ///< loader threads; 0: one per core
  int prefetch = 3;               ///< batches held ready
  int cache_mb = 0;               ///< MB of decoded images of `train` that each process keeps
  Preprocess input;
  AugmentOptions augment;
};

void bind(OptionSection section, AugmentOptions& options);
void bind(OptionSection section, Preprocess& options);
void bind(OptionSection section, DataOptions& options);

}  // namespace skylift
