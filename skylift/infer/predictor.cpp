#include "skylift/infer/predictor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/parallel.h"
#include "skylift/image/codec.h"
#include "skylift/image/resize.h"
#include "skylift/infer/decode.h"
#include "skylift/infer/image_view.h"
#include "skylift/infer/merge.h"
#include "skylift/infer/open_engine.h"
#include "skylift/infer/tiling.h"
#include "skylift/infer/torch_engine.h"

namespace skylift {
namespace {

/// What goes through the network as one image: an image or a part of one, as a view of its pixels.
struct Part {
  size_t image = 0;
  cv::Mat pixels;
  bool bgr = false;
  cv::Point origin;  ///< in the image
  ImageGeometry geometry;
  std::vector<Detection> found;  ///< in pixels of the image
};

cv::Mat pixels_of(const ImageView& view) {
  if (!view.pixels || view.width <= 0 || view.height <= 0)
    throw Error("predict: got an image of {}x{} px, expected pixels", view.width, view.height);
  const auto step = view.row_bytes > 0 ? static_cast<size_t>(view.row_bytes) : size_t{cv::Mat::AUTO_STEP};
  return {view.height, view.width, CV_8UC3, const_cast<uint8_t*>(view.pixels), step};
}

Part make_part(size_t image, const cv::Mat& pixels, const cv::Rect& window, bool bgr, const Preprocess& preprocess) {
  const cv::Size content = keep_ratio_size(window.size(), preprocess);
  Part part{.image = image, .pixels = pixels(window), .bgr = bgr, .origin = window.tl(), .geometry = {}, .found = {}};
  part.geometry = {.original_width = window.width,
                   .original_height = window.height,
                   .content_width = content.width,
                   .content_height = content.height,
                   .scale_x = content.width / static_cast<double>(window.width),
                   .scale_y = content.height / static_cast<double>(window.height)};
  return part;
}

std::vector<Part> parts_of(std::span<const ImageView> images, const TilingOptions& tiling,
                           const Preprocess& preprocess) {
  std::vector<Part> parts;
  for (size_t i = 0; i < images.size(); ++i) {
    const cv::Mat pixels = pixels_of(images[i]);
    const cv::Rect whole({0, 0}, pixels.size());
    const bool tiled = is_tiled(pixels.size(), tiling);
    if (tiled) {
      for (const cv::Rect& tile : tile_rects(pixels.size(), tiling))
        parts.push_back(make_part(i, pixels, tile, images[i].bgr, preprocess));
    }
    if (!tiled || tiling.full_image) parts.push_back(make_part(i, pixels, whole, images[i].bgr, preprocess));
  }
  return parts;
}

/// Runs of the network: places in `parts`, of one size each, at most `batch`.
std::vector<std::vector<size_t>> group_parts(const std::vector<Part>& parts, size_t batch) {
  std::vector<std::vector<size_t>> groups;
  std::map<std::pair<int, int>, size_t> open;  // the group that a size is filling
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::pair size(parts[i].geometry.content_width, parts[i].geometry.content_height);
    const auto found = open.find(size);
    if (found != open.end() && groups[found->second].size() < batch) {
      groups[found->second].push_back(i);
    } else {
      open[size] = groups.size();
      groups.push_back({i});
    }
  }
  return groups;
}

/// Resizes straight into the network's memory.
void write_input(const Part& part, uint8_t* input) {
  cv::Mat target(part.geometry.content_height, part.geometry.content_width, CV_8UC3, input);
  if (part.pixels.size() == target.size()) {
    if (part.bgr) {
      cv::cvtColor(part.pixels, target, cv::COLOR_BGR2RGB);
    } else {
      part.pixels.copyTo(target);
    }
    return;
  }
  cv::resize(part.pixels, target, target.size(), 0, 0, cv::INTER_LINEAR);
  if (part.bgr) cv::cvtColor(target, target, cv::COLOR_BGR2RGB);
}

/// The time in which at least one thread is in the network.
class BusyClock {
 public:
  using Clock = std::chrono::steady_clock;
  template <class Work>
  auto timed(const Work& work) {
    const Share share(*this);
    return work();
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    total_ = {};
  }
  double seconds() const {
    const std::lock_guard lock(mutex_);
    return std::chrono::duration<double>(total_).count();
  }

 private:
  struct Share {
    explicit Share(BusyClock& clock) : clock(clock) {
      const std::lock_guard lock(clock.mutex_);
      if (clock.running_++ == 0) clock.since_ = Clock::now();
    }
    ~Share() {
      const std::lock_guard lock(clock.mutex_);
      if (--clock.running_ == 0) clock.total_ += Clock::now() - clock.since_;
    }
    BusyClock& clock;
  };

  mutable std::mutex mutex_;
  int running_ = 0;
  Clock::time_point since_;
  Clock::duration total_{};
};

/// Counts how many calls are under way.
class CallCount {
 public:
  explicit CallCount(std::atomic<int>& count) : count_(count), now_(++count) {}
  ~CallCount() { --count_; }
  CallCount(const CallCount&) = delete;
  CallCount& operator=(const CallCount&) = delete;
  int now() const { return now_; }

 private:
  std::atomic<int>& count_;
  int now_;
};

}  // namespace

struct Predictor::Impl {
  std::unique_ptr<Engine> engine;
  DetectOptions detect;
  size_t batch = 1;
  std::atomic<int> calls{0};
  BusyClock network_clock;
  std::mutex mutex;
  std::vector<std::unique_ptr<Session>> idle;  // guarded by mutex

  std::unique_ptr<Session> take_session() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto session = std::move(idle.back());
        idle.pop_back();
        return session;
      }
    }
    return engine->open_session();
  }

  void give_back(std::unique_ptr<Session> session) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(session));
  }

  void run(std::vector<Part>& parts, const std::vector<size_t>& group, const DecodeOptions& decode_options) {
    auto session = take_session();
    const ImageGeometry& size = parts[group.front()].geometry;
    // Where the size is new, an engine compiles a graph for it here: the network's time, too.
    uint8_t* input = network_clock.timed(
        [&] { return session->input(static_cast<int>(group.size()), size.content_height, size.content_width); });
    for (const size_t i : group) {
      write_input(parts[i], input);
      input += ptrdiff_t{3} * size.content_height * size.content_width;
    }
    const OutputView output = network_clock.timed([&] { return session->run(); });
    for (size_t k = 0; k < group.size(); ++k) {
      Part& part = parts[group[k]];
      part.found = decode(output, static_cast<int>(k), part.geometry, decode_options);
      for (Detection& detection : part.found) {
        detection.box.x += part.origin.x;
        detection.box.y += part.origin.y;
      }
    }
    give_back(std::move(session));
  }

  /// `count` images' detections from their parts; the parts of one image follow each other. Each part has had its
  /// limit (max_detections): what tiles find together may be more.
  static DetectionSet collect(std::vector<Part>& parts, size_t count, const DetectOptions& options) {
    DetectionSet detections(count);
    std::vector<int> part_count(count, 0);
    for (Part& part : parts) {
      auto& found = detections[part.image];
      if (part_count[part.image]++ == 0) {
        found = std::move(part.found);
      } else {
        found.insert(found.end(), part.found.begin(), part.found.end());
      }
    }
    for (size_t i = 0; i < count; ++i) {
      if (part_count[i] > 1) {
        const auto all = static_cast<int>(detections[i].size());
        detections[i] = merge_detections(detections[i], options.tiling.merge, all);
      }
    }
    return detections;
  }

  DetectionSet predict(std::span<const ImageView> images, const DetectOptions& options,
                       const std::function<bool()>& stopped = {}) {
    check(options);
    std::vector<Part> parts = parts_of(images, options.tiling, engine->card().preprocess);
    const auto groups = group_parts(parts, batch);
    // One more thread than runs side by side: it resizes and decodes meanwhile. Other callers bring threads, too.
    const CallCount call(calls);
    const int threads = std::max(1, engine->parallel_runs() + 2 - call.now());
    parallel_for(groups.size(), threads, [&](size_t g) {
      if (stopped && stopped()) throw Error("predict: stopped before its end");
      run(parts, groups[g], options.decode);
    });
    return collect(parts, images.size(), options);
  }
};

Predictor::Predictor(const std::filesystem::path& model, const EngineOptions& engine, const DetectOptions& detect)
    : impl_(std::make_unique<Impl>()) {
  check(detect);
  impl_->engine = open_engine(model, engine);
  impl_->detect = detect;
  impl_->batch = static_cast<size_t>(engine.batch > 0 ? engine.batch : impl_->engine->good_batch());
}

Predictor::Predictor(Model model, const DecodeOptions& decode, const ComputeDevice& compute)
    : Predictor(make_torch_engine(std::move(model), compute), decode) {}

Predictor::Predictor(std::unique_ptr<Engine> engine, const DecodeOptions& decode) : impl_(std::make_unique<Impl>()) {
  impl_->engine = std::move(engine);
  impl_->detect.decode = decode;
  impl_->batch = static_cast<size_t>(impl_->engine->good_batch());
}

Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

std::vector<Detection> Predictor::predict(const ImageView& image) const { return predict(image, impl_->detect); }

std::vector<Detection> Predictor::predict(const ImageView& image, const DetectOptions& detect) const {
  return std::move(impl_->predict({&image, 1}, detect).front());
}

std::vector<Detection> Predictor::predict(const ImageView& image, const DetectOptions& detect,
                                          const std::function<bool()>& stopped) const {
  return std::move(impl_->predict({&image, 1}, detect, stopped).front());
}

std::vector<Detection> Predictor::predict_file(const std::filesystem::path& image) const {
  return predict_file(image, impl_->detect);
}

std::vector<Detection> Predictor::predict_file(const std::filesystem::path& image, const DetectOptions& detect) const {
  return predict(view_of(decode_rgb(image)), detect);
}

DetectionSet Predictor::predict(std::span<const ImageView> images) const {
  return impl_->predict(images, impl_->detect);
}

DetectionSet Predictor::predict(std::span<const ImageView> images, const DetectOptions& detect) const {
  return impl_->predict(images, detect);
}

void Predictor::prepare(int width, int height) const { prepare(width, height, impl_->detect); }

void Predictor::prepare(int width, int height, const DetectOptions& detect) const {
  const cv::Mat black = cv::Mat::zeros(height, width, CV_8UC3);
  predict(view_of(black), detect);
  impl_->network_clock.reset();
}

const std::vector<std::string>& Predictor::classes() const { return card().classes; }
const DetectOptions& Predictor::detect_options() const { return impl_->detect; }
std::string Predictor::description() const { return impl_->engine->description(); }
int Predictor::parallel_runs() const { return impl_->engine->parallel_runs(); }
double Predictor::network_seconds() const { return impl_->network_clock.seconds(); }
int Predictor::batch() const { return static_cast<int>(impl_->batch); }
const ModelCard& Predictor::card() const { return impl_->engine->card(); }

}  // namespace skylift
