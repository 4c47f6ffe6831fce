// export_driver FOLDER [MODEL...]: small detectors of every kind (and model files) as ONNX, each with images and what
// libtorch makes of them, for a comparison with other runtimes. FOLDER/NAME.onnx goes with FOLDER/NAME.safetensors:
// tensors "I/images", "I/cls_logits_S", "I/box_logits_S" for input number I. FOLDER/model/random.safetensors is a model
// file whose random weights find many boxes.
#include <torch/torch.h>

#include <filesystem>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/export/onnx_model.h"
#include "skylift/models/fold.h"
#include "skylift/models/tensor_file.h"
#include "tests/export/export_cases.h"

namespace {

using namespace skylift;

struct InputShape {
  int64_t batch, height, width;
};

void write_case(const std::filesystem::path& folder, const std::string& name, const Model& model,
                const OnnxOptions& options, const std::vector<InputShape>& shapes) {
  torch::NoGradGuard no_grad;
  model.detector->eval();
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto& [batch, height, width] = shapes[i];
    const at::Tensor images = torch::randn({batch, 3, height, width});
    const DenseOutput output = model.detector->forward(images);
    const std::string prefix = std::to_string(i) + "/";
    tensors.push_back({prefix + "images", images});
    for (size_t level = 0; level < output.levels.size(); ++level) {
      const std::string stride = std::to_string(output.strides[level]);
      tensors.push_back({prefix + "cls_logits_" + stride, output.levels[level].cls_logits});
      tensors.push_back({prefix + "box_logits_" + stride, output.levels[level].box_logits});
    }
  }
  write_tensors(folder / (name + ".safetensors"), tensors);
  write_file(folder / (name + ".onnx"), onnx_model(model, options));
}

void write_model(const std::filesystem::path& path) {
  ModelOptions options = tiny_options();
  options.neck.last_level = 7;
  options.head.lifting.enabled = true;
  Model model = random_model(options, 10);
  model.card.preprocess.long_side = model.card.preprocess.short_side = 512;
  save_model(path, *model.detector, model.card);
}

void write_all(const std::filesystem::path& folder, const std::vector<std::string>& files) {
  const std::vector<InputShape> free = {{1, 128, 192}, {3, 64, 96}, {1, 160, 32}};
  for (const auto& [name, options] : export_cases()) write_case(folder, name, random_model(options), {}, free);
  write_model(folder / "model" / "random.safetensors");
  const Model plain = random_model(tiny_options());
  write_case(folder, "fixed", plain, {.batch = 2, .height = 75, .width = 90, .nms = {}}, {{2, 75, 90}});
  write_case(folder, "fp16", plain, {.half = true, .nms = {}}, free);
  for (const std::string& file : files) {
    write_case(folder, "file_" + std::filesystem::path(file).stem().string(), load_model(file), {}, free);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fmt::print(stderr, "usage: export_driver FOLDER [MODEL...]\n"), 2;
  try {
    write_all(argv[1], {argv + 2, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "export_driver: {}\n", error.what());
    return 1;
  }
}
