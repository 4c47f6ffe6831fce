#include "skylift/infer/openvino_engine.h"

#include "skylift/infer/predictor.h"

#ifdef SKYLIFT_WITH_OPENVINO
#include <algorithm>
#include <map>
#include <mutex>
#include <opencv2/core/types.hpp>
#include <openvino/openvino.hpp>
#include <thread>
#include <tuple>

#include "skylift/core/file.h"
#include "skylift/core/text.h"
#include "skylift/export/onnx_model.h"
#include "skylift/infer/open_engine.h"
#include "skylift/infer/openvino_error.h"
#include "skylift/infer/openvino_graph.h"
#include "skylift/infer/openvino_outputs.h"
#include "skylift/models/onnx_card.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFixedSizes = 3;  // sizes that get a graph of their own

ov::Core& core() {
  static ov::Core instance;
  return instance;
}

/// What OpenVINO throws while it compiles or runs is the file's fault, too.
template <class Work>
auto named(const std::string& name, const Work& work) {
  try {
    return work();
  } catch (const ov::Exception& error) {
    throw Error("{}: OpenVINO cannot run this model: {}", name, telling_line(error));
  }
}

/// An ONNX model's bytes with the card that travels in it.
struct Source {
  std::string onnx;
  ModelCard card;
};

std::string converted(const fs::path& path) {
  const Model model = load_model(path);
  try {
    return onnx_model(model, {});
  } catch (const Error& error) {
    throw NotConvertible("{}: {}", path.string(), error.what());
  }
}

/// The card is always the graph's: an export may need a larger pad_multiple than its model.
Source read_source(const fs::path& path) {
  Source source{is_onnx_file(path) ? read_file(path) : converted(path), {}};
  source.card = onnx_card(source.onnx, path.string());
  return source;
}

std::shared_ptr<ov::Model> read_network(const Source& source, const fs::path& path) {
  try {
    return core().read_model(source.onnx, ov::Tensor());
  } catch (const ov::Exception& error) {
    throw Error("{}: OpenVINO cannot read this model: {}", path.string(), telling_line(error));
  }
}

ov::AnyMap properties(const EngineOptions& options) {
  const bool latency = options.mode == "latency";
  const auto capabilities = core().get_property("CPU", ov::device::capabilities);
  const bool has_bf16 = std::find(capabilities.begin(), capabilities.end(), "BF16") != capabilities.end();
  if (options.precision == "bf16" && !has_bf16)
    throw Error("precision: got bf16, but this CPU has no bf16 arithmetic (hint: --precision float32)");
  const bool bf16 = options.precision != "float32" && has_bf16;
  ov::AnyMap map = {
      ov::hint::performance_mode(latency ? ov::hint::PerformanceMode::LATENCY : ov::hint::PerformanceMode::THROUGHPUT),
      ov::hint::inference_precision(bf16 ? ov::element::bf16 : ov::element::f32)};
  if (options.threads > 0) map.insert(ov::inference_num_threads(options.threads));
  return map;
}

/// Batch, height, width of a graph's input; 0 where it is free.
using Size = std::tuple<int, int, int>;

class OpenVinoEngine : public Engine {
 public:
  OpenVinoEngine(const fs::path& path, const EngineOptions& options)
      : name_(path.string()), properties_(properties(options)), precision_(options.precision), mode_(options.mode) {
    Source source = read_source(path);
    network_ = read_network(source, path);
    levels_ = find_levels(*network_, name_);
    check_network(name_, source.card, *network_, levels_);
    const ov::PartialShape input = network_->input(0).get_partial_shape();
    if (input[0].is_static()) fixed_batch_ = static_cast<int>(input[0].get_length());
    if (input[2].is_static())
      largest_ = {static_cast<int>(input[3].get_length()), static_cast<int>(input[2].get_length())};
    card_ = std::move(source.card);
    named(name_, [&] { take_bytes(network_, card_.preprocess); });
    streams_ = count_streams(options);
  }

  const ModelCard& card() const override { return card_; }
  std::unique_ptr<Session> open_session() override;
  int parallel_runs() const override { return streams_; }
  int good_batch() const override { return std::max(1, fixed_batch_); }
  int fixed_batch() const { return fixed_batch_; }
  const std::map<int, LevelPorts>& levels() const { return levels_; }
  const std::string& name() const { return name_; }

  std::string description() const override {
    const std::string build = ov::get_openvino_version().buildNumber;
    return fmt::format("openvino {}, cpu, {}, {}", build.substr(0, build.find('-')),
                       properties_.at(ov::hint::inference_precision.name()).as<std::string>(), mode_);
  }

  /// The graph for images of a size, or the one for any size.
  ov::CompiledModel compiled(const Size& size, Size& key) {
    const auto [batch, height, width] = size;
    if (largest_.area() > 0 && (width > largest_.width || height > largest_.height)) {
      throw ImageTooLarge("{}: takes images of up to {}x{} px, got {}x{} after resizing", name_, largest_.width,
                          largest_.height, width, height);
    }
    const std::lock_guard lock(mutex_);
    key = size;
    auto found = compiled_.find(key);
    if (found == compiled_.end() && compiled_.size() >= kFixedSizes) {
      key = Size{};
      found = compiled_.find(key);
    }
    if (found == compiled_.end()) found = compiled_.emplace(key, compile(key)).first;
    return found->second;
  }

 private:
  ov::CompiledModel compile(const Size& size) {
    const auto graph = network_->clone();
    const auto [batch, height, width] = size;
    if (height > 0) graph->reshape(ov::PartialShape{batch, height, width, 3});
    return core().compile_model(graph, "CPU", properties_);
  }

  static int count_streams(const EngineOptions& options) {
    if (options.mode == "latency") return 1;
    const int cores = options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
    return std::max(1, cores);
  }

  std::string name_;
  ov::AnyMap properties_;
  std::string precision_, mode_;
  ModelCard card_;
  std::shared_ptr<ov::Model> network_;
  std::map<int, LevelPorts> levels_;
  int fixed_batch_ = 0;
  cv::Size largest_;
  int streams_ = 1;
  std::mutex mutex_;
  std::map<Size, ov::CompiledModel> compiled_;  // guarded by mutex_
};

class OpenVinoSession : public Session {
 public:
  explicit OpenVinoSession(OpenVinoEngine& engine) : engine_(engine) {}

  uint8_t* input(int count, int height, int width) override {
    batch_ = static_cast<size_t>(std::max(count, engine_.fixed_batch()));
    const Size size{static_cast<int>(batch_), height, width};
    return named(engine_.name(), [&] {
      Size key;
      ov::CompiledModel compiled = engine_.compiled(size, key);
      // One request a graph, however many sizes the one for any size sees: each request keeps its memory for good.
      auto found = requests_.find(key);
      if (found == requests_.end()) found = requests_.emplace(key, compiled.create_infer_request()).first;
      request_ = &found->second;
      if (key != size) {
        const auto side = [](int length) { return static_cast<size_t>(length); };
        request_->set_input_tensor(ov::Tensor(ov::element::u8, {batch_, side(height), side(width), 3}));
      }
      return request_->get_input_tensor().data<uint8_t>();
    });
  }

  OutputView run() override {
    named(engine_.name(), [&] {
      request_->start_async();
      request_->wait();
    });
    OutputView output;
    output.class_count = static_cast<int>(engine_.card().classes.size());
    output.reg_max = engine_.card().options.head.reg_max;
    for (const auto& [stride, ports] : engine_.levels()) {
      const ov::Tensor cls = request_->get_output_tensor(ports.cls), box = request_->get_output_tensor(ports.box);
      const ov::Shape shape = cls.get_shape();
      check_maps(engine_.name(), engine_.card(), stride, shape, box.get_shape());
      if (shape[0] != batch_) throw Error("{}: got maps of {} images for {}", engine_.name(), shape[0], batch_);
      output.levels.push_back(
          {cls.data<float>(), box.data<float>(), static_cast<int>(shape[2]), static_cast<int>(shape[3]), stride});
    }
    return output;
  }

 private:
  OpenVinoEngine& engine_;
  std::map<Size, ov::InferRequest> requests_;  // by the graph's size, like the engine's
  size_t batch_ = 0;
  ov::InferRequest* request_ = nullptr;
};

std::unique_ptr<Session> OpenVinoEngine::open_session() { return std::make_unique<OpenVinoSession>(*this); }

}  // namespace

bool openvino_built_in() { return true; }

std::unique_ptr<Engine> make_openvino_engine(const fs::path& model, const EngineOptions& options) {
  if (options.device != "cpu")
    throw Error("device: got '{}', but the OpenVINO engine runs on the cpu (hint: --engine torch)", options.device);
  return std::make_unique<OpenVinoEngine>(model, options);
}

}  // namespace skylift

#else
namespace skylift {

bool openvino_built_in() { return false; }

std::unique_ptr<Engine> make_openvino_engine(const std::filesystem::path& model, const EngineOptions&) {
  throw Error(
      "{}: this build has no OpenVINO, expected a .safetensors model and --engine torch (hint: "
      "scripts/setup.sh installs OpenVINO; then configure and build again)",
      model.string());
}

}  // namespace skylift
#endif
