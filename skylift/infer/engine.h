// What runs a network, behind one interface: libtorch (torch_engine.h) or OpenVINO (openvino_engine.h). An engine turns
// bytes into dense maps; resizing before it and decoding after it are common.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "skylift/core/error.h"

namespace skylift {

struct ModelCard;

/// An image is larger than the network takes; others need not be.
class ImageTooLarge : public Error {
 public:
  using Error::Error;
};

/// One pyramid level's maps in memory, contiguous. B images, C classes, R highest bin.
struct LevelView {
  const float* cls_logits = nullptr;  ///< [B,C,H,W]
  const float* box_logits = nullptr;  ///< [B,4(R+1),H,W]
  int height = 0, width = 0;          ///< cells
  int stride = 8;                     ///< px
};

/// What the network found, finest level first; see DenseOutput for the meaning.
struct OutputView {
  std::vector<LevelView> levels;
  int class_count = 0;
  int reg_max = 16;
};

/// One place at the network, with memory of its own: used by one thread at a time.
class Session {
 public:
  virtual ~Session() = default;

  /// Where to put `count` images of one size before run(): [count, height, width, 3] bytes, RGB, without gaps. Error:
  /// ImageTooLarge.
  virtual uint8_t* input(int count, int height, int width) = 0;

  /// Normalises, pads, runs. The maps are valid until the session's next input().
  virtual OutputView run() = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const ModelCard& card() const = 0;
  virtual std::unique_ptr<Session> open_session() = 0;
  virtual int parallel_runs() const = 0;        ///< of sessions at the same time that keep the hardware busy
  virtual int good_batch() const = 0;           ///< images in one run that the hardware likes
  virtual std::string description() const = 0;  ///< "openvino 2026.4.1, cpu, float32, 2 streams"
};

}  // namespace skylift
