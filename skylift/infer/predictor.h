// From images to detections. The stable interface: programs that use the installed library include this header alone,
// and need no headers of libtorch, OpenVINO or OpenCV. Within one major version of Skylift what is here keeps its
// names, meanings and defaults; structs may gain fields at their end.
//
// What is called Error is a std::runtime_error whose text says where, what was got and what was expected.
//
//   skylift::Predictor predictor("student.safetensors");
//   for (const skylift::Detection& found : predictor.predict({pixels, width, height}))
//     use(predictor.classes()[found.class_index], found.score, found.box);
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "skylift/annotations/detections.h"
#include "skylift/infer/options.h"

namespace skylift {

struct ComputeDevice;  // skylift/infer/device.h
class Engine;          // skylift/infer/engine.h
struct Model;          // skylift/models/model_file.h
struct ModelCard;

/// An image in memory that somebody else owns: rows of 3 bytes a pixel. Any part of a larger image is one too.
struct ImageView {
  const uint8_t* pixels = nullptr;
  int width = 0, height = 0;     ///< px
  std::ptrdiff_t row_bytes = 0;  ///< from one row to the next; 0: rows without gaps
  bool bgr = false;              ///< blue first, as OpenCV reads; else red first
};

/// How the network runs.
struct EngineOptions {
  std::string engine = "auto";        ///< "torch", "openvino", or "auto": OpenVINO on the CPU where it is built in
  std::string device = "cpu";         ///< "cpu", or for torch "cuda", "cuda:N"
  std::string precision = "float32";  ///< or "bf16", where the hardware has it: faster, scores differ by about 0.01
  std::string mode = "latency";  ///< "latency": all cores on one image; "throughput": an image a core, more of them a
                                 ///< second if predict() gets many at once or is called from many threads
  int threads = 0;               ///< of the CPU; 0: all cores
  int batch = 0;                 ///< images or tiles of one size in a run of the network; 0: what suits the engine
};

/// A model ready to detect. Calls from several threads at the same time are fine.
class Predictor {
 public:
  /// A .safetensors model, or an .onnx file that skylift export wrote (for OpenVINO). Error: not a model, or an engine
  /// or device that is not here.
  explicit Predictor(const std::filesystem::path& model, const EngineOptions& engine = {},
                     const DetectOptions& detect = {});

  /// A model in memory on libtorch; shared, so that a model in training can be scored in place.
  Predictor(Model model, const DecodeOptions& decode, const ComputeDevice& compute);

  /// An engine that is there already.
  Predictor(std::unique_ptr<Engine> engine, const DecodeOptions& decode);

  ~Predictor();
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;

  /// Detections by descending score, boxes in pixels of the image. Nothing depends on what else is predicted.
  /// Error: an image without pixels.
  std::vector<Detection> predict(const ImageView& image) const;
  std::vector<Detection> predict(const ImageView& image, const DetectOptions& detect) const;

  /// `stopped` is asked before every run of the network, by several threads; once it says yes, the rest is left undone.
  /// Error: stopped.
  std::vector<Detection> predict(const ImageView& image, const DetectOptions& detect,
                                 const std::function<bool()>& stopped) const;

  /// The same for an image file: JPEG, PNG, BMP, TIFF or WebP. Error: not an image, or damaged.
  std::vector<Detection> predict_file(const std::filesystem::path& image) const;
  std::vector<Detection> predict_file(const std::filesystem::path& image, const DetectOptions& detect) const;

  /// One list an image; images and tiles of one size share runs of the network.
  std::vector<std::vector<Detection>> predict(std::span<const ImageView> images) const;
  std::vector<std::vector<Detection>> predict(std::span<const ImageView> images, const DetectOptions& detect) const;

  /// Makes all ready for images of a size, so that the first one is as fast as those after it. Otherwise OpenVINO
  /// compiles a graph when it meets a new size. Runs a tile and what the whole image is in the network, however large
  /// the image. Error: no size.
  void prepare(int width, int height) const;
  void prepare(int width, int height, const DetectOptions& detect) const;

  const std::vector<std::string>& classes() const;  ///< names by Detection::class_index
  const DetectOptions& detect_options() const;      ///< those given at the start
  std::string description() const;                  ///< engine, device, precision: "openvino 2026.4.1, CPU, float32"
  int parallel_runs() const;                        ///< calls of predict() at the same time that keep the hardware busy
  double network_seconds() const;                   ///< since prepare(): how long the network was at work
  int batch() const;                                ///< images of one size that a call best brings
  const ModelCard& card() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skylift
