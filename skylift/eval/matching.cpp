#include "skylift/eval/matching.h"

#include <algorithm>

namespace skylift {

double overlap(const BoxXywh& detection, const BoxXywh& truth, bool over_detection_area) {
  const double w = std::min(detection.w + detection.x, truth.w + truth.x) - std::max(detection.x, truth.x);
  if (w <= 0) return 0;
  const double h = std::min(detection.h + detection.y, truth.h + truth.y) - std::max(detection.y, truth.y);
  if (h <= 0) return 0;
  const double intersection = w * h;
  const double detection_area = detection.w * detection.h;
  return intersection / (over_detection_area ? detection_area : detection_area + truth.w * truth.h - intersection);
}

std::span<const Outcome> Matcher::match(std::span<const MatchTruth> truths,
                                        std::span<const MatchDetection> detections) {
  const auto all = static_cast<uint16_t>((1U << thresholds_.size()) - 1);
  outcomes_.resize(detections.size() * static_cast<size_t>(areas_));
  for (size_t d = 0; d < detections.size(); ++d) {
    for (int a = 0; a < areas_; ++a) {
      outcomes_[d * areas_ + a] = {0, (detections[d].outside >> a & 1) ? all : uint16_t{0}};
    }
  }
  find_candidates(truths, detections);
  if (!candidates_.empty()) {
    for (int a = 0; a < areas_; ++a) match_area(truths, detections, a);
  }
  return outcomes_;
}

void Matcher::find_candidates(std::span<const MatchTruth> truths, std::span<const MatchDetection> detections) {
  candidates_.clear();
  first_candidate_.clear();
  for (const auto& detection : detections) {
    first_candidate_.push_back(static_cast<uint32_t>(candidates_.size()));
    for (uint32_t g = 0; g < truths.size(); ++g) {
      const double value = overlap(detection.box, truths[g].box, truths[g].shared);
      if (value >= thresholds_.front()) candidates_.push_back({g, value});
    }
  }
  first_candidate_.push_back(static_cast<uint32_t>(candidates_.size()));
}

int Matcher::best(std::span<const Candidate> candidates, std::span<const MatchTruth> truths, size_t threshold,
                  int area) const {
  for (const int ignored : {0, 1}) {  // an ignored object is looked at only where no other fits
    int found = -1;
    double highest = thresholds_[threshold];
    for (const auto& candidate : candidates) {
      const auto& truth = truths[candidate.truth];
      if ((truth.ignored_in >> area & 1) != ignored) continue;
      if ((taken_[candidate.truth] >> threshold & 1) && !truth.shared) continue;
      if (candidate.overlap < highest) continue;  // equal: the later one
      highest = candidate.overlap;
      found = static_cast<int>(candidate.truth);
    }
    if (found >= 0) return found;
  }
  return -1;
}

void Matcher::match_area(std::span<const MatchTruth> truths, std::span<const MatchDetection> detections, int area) {
  taken_.assign(truths.size(), 0);
  for (size_t d = 0; d < detections.size(); ++d) {
    const std::span candidates(candidates_.data() + first_candidate_[d], candidates_.data() + first_candidate_[d + 1]);
    if (candidates.empty()) continue;
    auto& outcome = outcomes_[d * areas_ + area];
    for (size_t t = 0; t < thresholds_.size(); ++t) {
      const int g = best(candidates, truths, t, area);
      if (g < 0) continue;  // not `break`: at a higher threshold another object may still be free
      const auto bit = static_cast<uint16_t>(1U << t);
      taken_[g] |= bit;
      const bool ignored = truths[g].ignored_in >> area & 1;
      if (!ignored && truths[g].match_is_miss) continue;
      outcome.hit = static_cast<uint16_t>(ignored ? outcome.hit & ~bit : outcome.hit | bit);
      outcome.excused = static_cast<uint16_t>(ignored ? outcome.excused | bit : outcome.excused & ~bit);
    }
  }
}

}  // namespace skylift
