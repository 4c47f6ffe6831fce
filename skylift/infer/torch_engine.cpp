#include "skylift/infer/torch_engine.h"

#include <ATen/core/grad_mode.h>

#include <mutex>
#include <optional>
#include <utility>

#include "skylift/data/sample.h"
#include "skylift/infer/decode.h"

namespace skylift {
namespace {

class TorchEngine : public Engine {
 public:
  TorchEngine(DenseForward forward, ModelCard card, const ComputeDevice& compute)
      : forward_(std::move(forward)), card_(std::move(card)), compute_(compute) {}

  const ModelCard& card() const override { return card_; }
  std::unique_ptr<Session> open_session() override;
  int parallel_runs() const override { return 1; }
  int good_batch() const override { return compute_.device.is_cuda() ? 8 : 4; }
  std::string description() const override { return "torch, " + compute_.description(); }

  DenseOutput forward(const PackedBatch& batch) {
    const at::NoGradGuard no_grad;
    const at::Tensor images = batch.unpacked(compute_.device, compute_.memory_format).images;
    const std::lock_guard lock(mutex_);
    return forward_(images);
  }

 private:
  DenseForward forward_;
  ModelCard card_;
  ComputeDevice compute_;
  std::mutex mutex_;
};

class TorchSession : public Session {
 public:
  explicit TorchSession(TorchEngine& engine) : engine_(engine) {}

  uint8_t* input(int count, int height, int width) override {
    const size_t image_bytes = size_t{3} * static_cast<size_t>(height) * static_cast<size_t>(width);
    bytes_.resize(static_cast<size_t>(count) * image_bytes);
    samples_.assign(static_cast<size_t>(count), {});
    for (size_t i = 0; i < samples_.size(); ++i)
      samples_[i].rgb = cv::Mat(height, width, CV_8UC3, bytes_.data() + i * image_bytes);
    return bytes_.data();
  }

  OutputView run() override {
    output_.emplace(engine_.forward(collate(samples_, engine_.card().preprocess)));
    return output_->view();
  }

 private:
  TorchEngine& engine_;
  std::vector<uint8_t> bytes_;
  std::vector<Sample> samples_;
  std::optional<HostOutput> output_;
};

std::unique_ptr<Session> TorchEngine::open_session() { return std::make_unique<TorchSession>(*this); }

}  // namespace

std::unique_ptr<Engine> make_torch_engine(DenseForward forward, ModelCard card, const ComputeDevice& compute) {
  return std::make_unique<TorchEngine>(std::move(forward), std::move(card), compute);
}

std::unique_ptr<Engine> make_torch_engine(Model model, const ComputeDevice& compute) {
  place(*model.detector, compute);
  const auto forward = [detector = model.detector, compute](const at::Tensor& images) {
    const bool was_training = detector->is_training();
    detector->eval();
    DenseOutput output;
    {
      const AutocastScope autocast(compute);
      output = detector->forward(images);
    }
    if (was_training) detector->train();
    return output;
  };
  return make_torch_engine(forward, std::move(model.card), compute);
}

}  // namespace skylift
