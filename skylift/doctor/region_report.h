// Where the regions of a batch lie: shares by object size for the doctor, and pictures.
#pragma once

#include <opencv2/core/mat.hpp>

#include "skylift/doctor/doctor.h"
#include "skylift/image/preprocess.h"
#include "skylift/kd/regions.h"

namespace skylift {

/// Adds a batch's rows of one region. Shares are sums until finish_shares.
void add_region(RegionReport& report, const Region& region, const DistillInputs& inputs);

/// `locations`: all locations of the batches.
void finish_shares(RegionReport& report, double locations);

/// Image `image` of the batch three times, side by side, with the weights of "cid", "vlr" and "positives" drawn over
/// it.
std::vector<cv::Mat> region_pictures(RegionSet& regions, const DistillInputs& inputs, int64_t image,
                                     const Preprocess& preprocess);

}  // namespace skylift
