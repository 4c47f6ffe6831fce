// teacher_driver FOLDER CLASS[,CLASS...] NAME...: opens FOLDER/NAME.onnx as a teacher of these classes, shows it the
// tensor "images" of FOLDER/NAME.safetensors ([B,3,H,W], RGB, 0..255), and writes what it says, decoded, into
// FOLDER/NAME.out.safetensors: "scores_S" [B,C,H,W] and "boxes_S" [B,4,H,W] of each stride.
#include <fmt/core.h>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/models/tensor_file.h"
#include "skylift/teachers/dense_maps.h"
#include "skylift/teachers/open_teacher.h"

namespace {

using namespace skylift;

Dataset one_image(const std::vector<std::string>& classes) {
  AnnotationSet set;
  set.classes = classes;
  set.images.emplace_back();
  return {set, {.classes = classes, .keep_empty = true}};
}

void decode_one(const std::filesystem::path& folder, const std::string& name, const Dataset& data) {
  const DistillOptions kd;
  const ModelOptions student;
  const Preprocess pixels{.mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  const ComputeDevice cpu;
  const TeacherPtr teacher = open_teacher({folder / (name + ".onnx")}, {kd, student, pixels, data, cpu});
  Batch batch;
  batch.images = read_tensors(folder / (name + ".safetensors")).tensors.front().tensor;
  const DecodedMaps maps = decoded(teacher->forward(batch));
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < maps.strides.size(); ++i) {
    tensors.push_back({fmt::format("scores_{}", maps.strides[i]), maps.scores[i].contiguous()});
    tensors.push_back({fmt::format("boxes_{}", maps.strides[i]), maps.boxes[i].contiguous()});
  }
  write_tensors(folder / (name + ".out.safetensors"), tensors);
}

}  // namespace

int main(int count, char** arguments) try {
  std::vector<std::string> classes;
  for (const std::string_view name : split(arguments[2], ',')) classes.emplace_back(name);
  const Dataset data = one_image(classes);
  for (int i = 3; i < count; ++i) decode_one(arguments[1], arguments[i], data);
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "teacher_driver: {}\n", error.what());
  return 2;
}
