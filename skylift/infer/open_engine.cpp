#include "skylift/infer/open_engine.h"

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/formats/file_kind.h"
#include "skylift/infer/bind_options.h"
#include "skylift/infer/openvino_engine.h"
#include "skylift/infer/predictor.h"
#include "skylift/infer/torch_engine.h"

namespace skylift {
namespace {

std::unique_ptr<Engine> open_torch(const std::filesystem::path& model, const EngineOptions& options) {
  if (is_onnx_file(model))
    throw Error("{}: ONNX files run on OpenVINO, got --engine torch (hint: give the .safetensors model)",
                model.string());
  const DeviceOptions device{.device = options.device, .precision = options.precision, .threads = options.threads};
  return make_torch_engine(load_model(model), open_device(device));
}

}  // namespace

bool is_onnx_file(const std::filesystem::path& model) {
  const FileKind kind = kind_of(MappedFile(model).bytes());
  return kind == FileKind::onnx || (kind == FileKind::unknown && model.extension() == ".onnx");
}

std::unique_ptr<Engine> open_engine(const std::filesystem::path& model, const EngineOptions& options) {
  check(options);
  if (options.engine == "torch") return open_torch(model, options);
  if (options.engine == "openvino" || is_onnx_file(model)) return make_openvino_engine(model, options);
  if (options.device != "cpu" || !openvino_built_in()) return open_torch(model, options);
  try {
    return make_openvino_engine(model, options);
  } catch (const NotConvertible& error) {
    log_info("{}; it runs on libtorch", error.what());
    return open_torch(model, options);
  }
}

}  // namespace skylift
