#include "skylift/data/image_cache.h"

namespace skylift {

void ImageCache::keep(int64_t number, const cv::Mat& image) {
  const auto size = static_cast<int64_t>(image.total() * image.elemSize());
  const std::lock_guard lock(mutex_);
  if (bytes_ + size > most_bytes_ || !images_.emplace(number, image).second) return;
  bytes_ += size;
}

}  // namespace skylift
