// Options of distillation: which methods, where, how strongly.
#pragma once

#include <string>
#include <vector>

#include "skylift/config/option_table.h"
#include "skylift/kd/bckd.h"
#include "skylift/kd/cid_loss.h"
#include "skylift/kd/dist.h"
#include "skylift/kd/ld.h"
#include "skylift/kd/logit_kd.h"
#include "skylift/kd/method_options.h"
#include "skylift/kd/regions.h"

namespace skylift {

struct DistillOptions {
  std::vector<std::string> methods = {"cid"};  ///< names of distill_methods()
  std::string region = "default";    ///< region of every method: one of region_names(), or "default", each method's own
  std::string normalise = "region";  ///< "region": strength independent of crowding and batch; "authors": as published
  bool inherit = false;              ///< the student begins with the teacher's neck and head (models/inherit.h)
  double calibrate = 0;  ///< each term starts at this fraction of the detection loss (calibration.h); 0: its own weight
  int calibrate_batches = 20;      ///< batches that calibrate
  std::string cache;               ///< file of stored teacher signals, made if it is not there; empty: the teacher runs
  int warmup_steps = 0;            ///< the strength grows linearly to 1 over so many optimizer steps
  int stop_epoch = 0;              ///< from this epoch on (0 the first) nothing is distilled; 0: never stops
  int teacher_check_images = 200;  ///< validation images on which the teacher is scored before the run; 0: not scored
  double min_teacher_ap50 = 0.02;  ///< a teacher under this AP50 (0..1) stops the run
  RegionOptions regions;
  LdOptions ld;
  LogitKdOptions logit;
  CidLossOptions cid;
  BckdOptions bckd;
  PkdOptions pkd;
  CwdOptions cwd;
  DistOptions dist;
  FitnetOptions fitnet;
  MgdOptions mgd;
  FgdOptions fgd;
  CrossKdOptions crosskd;
};

void bind(OptionSection section, DistillOptions& options);

}  // namespace skylift
