// Decoded images that stay in memory: a small set is decoded once instead of in every epoch.
#pragma once

#include <cstdint>
#include <mutex>
#include <opencv2/core/mat.hpp>
#include <unordered_map>

namespace skylift {

/// The first images that come stay, up to a limit: an epoch asks for each image once, so one that gave way for another
/// would be gone whenever its turn comes. For several threads at once.
class ImageCache {
 public:
  explicit ImageCache(int64_t most_bytes) : most_bytes_(most_bytes) {}

  /// The image of that number, decoded by `decode` where it is not there. Nobody may write into it.
  template <class Decode>
  cv::Mat get(int64_t number, const Decode& decode) {
    if (most_bytes_ == 0) return decode();
    {
      const std::lock_guard lock(mutex_);
      const auto found = images_.find(number);
      if (found != images_.end()) return found->second;
    }
    cv::Mat image = decode();
    keep(number, image);
    return image;
  }

 private:
  void keep(int64_t number, const cv::Mat& image);

  const int64_t most_bytes_;
  std::mutex mutex_;  ///< guards what follows
  std::unordered_map<int64_t, cv::Mat> images_;
  int64_t bytes_ = 0;
};

}  // namespace skylift
