#include "skylift/infer/predictor.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <opencv2/core.hpp>
#include <utility>

#include "skylift/core/error.h"
#include "skylift/core/parallel.h"
#include "skylift/image/codec.h"
#include "skylift/image/resize.h"
#include "skylift/infer/busy_clock.h"
#include "skylift/infer/decode.h"
#include "skylift/infer/image_parts.h"
#include "skylift/infer/image_view.h"
#include "skylift/infer/open_engine.h"
#include "skylift/infer/tiling.h"
#include "skylift/infer/torch_engine.h"

namespace skylift {
namespace {

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

  void run(std::vector<ImagePart>& parts, const std::vector<size_t>& group, const DecodeOptions& decode_options) {
    auto session = take_session();
    const ImageGeometry& size = parts[group.front()].geometry;
    // Where the size is new, an engine compiles a graph for it here: the network's time, too.
    uint8_t* input = network_clock.timed(
        [&] { return session->input(static_cast<int>(group.size()), size.content_height, size.content_width); });
    for (const size_t i : group) {
      write_part(parts[i], input);
      input += ptrdiff_t{3} * size.content_height * size.content_width;
    }
    const OutputView output = network_clock.timed([&] { return session->run(); });
    for (size_t k = 0; k < group.size(); ++k) {
      ImagePart& part = parts[group[k]];
      part.found = decode(output, static_cast<int>(k), part.geometry, decode_options);
      for (Detection& detection : part.found) {
        detection.box.x += part.origin.x;
        detection.box.y += part.origin.y;
      }
    }
    give_back(std::move(session));
  }

  /// Runs black images of the size that a part of an image has in the network.
  void warm_up(const cv::Size& window, int64_t count) {
    const cv::Size content = keep_ratio_size(window, engine->card().preprocess);
    const auto images = static_cast<int>(std::min<int64_t>(count, static_cast<int64_t>(batch)));
    auto session = take_session();
    std::fill_n(session->input(images, content.height, content.width), int64_t{3} * images * content.area(), 0);
    session->run();
    give_back(std::move(session));
  }

  DetectionSet predict(std::span<const ImageView> images, const DetectOptions& options,
                       const std::function<bool()>& stopped = {}) {
    check(options);
    std::vector<ImagePart> parts = image_parts(images, options.tiling, engine->card().preprocess);
    const auto groups = group_parts(parts, batch);
    // One more thread than runs side by side: it resizes and decodes meanwhile. Other callers bring threads, too.
    const CallCount call(calls);
    const int threads = std::max(1, engine->parallel_runs() + 2 - call.now());
    parallel_for(groups.size(), threads, [&](size_t g) {
      if (stopped && stopped()) throw Error("predict: stopped before its end");
      run(parts, groups[g], options.decode);
    });
    return collect_parts(std::move(parts), images.size(), options.tiling.merge);
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
  if (width <= 0 || height <= 0) throw Error("predict: got an image of {}x{} px, expected pixels", width, height);
  const TilingOptions& tiling = detect.tiling;
  const cv::Size whole(width, height), tile(std::min(width, tiling.tile_px), std::min(height, tiling.tile_px));
  const bool tiled = is_tiled(whole, tiling);
  if (tiled) impl_->warm_up(tile, tile_count(whole, tiling));
  if (!tiled || tiling.full_image) impl_->warm_up(whole, 1);
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
