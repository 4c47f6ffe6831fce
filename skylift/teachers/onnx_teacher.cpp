#include "skylift/teachers/onnx_teacher.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/checksum.h"
#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/formats/onnx_metadata.h"
#include "skylift/infer/onnx_runner.h"
#include "skylift/models/onnx_card.h"
#include "skylift/teachers/class_map.h"
#include "skylift/teachers/foreign_decode.h"
#include "skylift/teachers/sparse_maps.h"

namespace skylift {
namespace {

constexpr int64_t kProbeSide = 320;   // px of the first run, where the input's size is free
constexpr double kGrey = 114;         // what Ultralytics and YOLOX fill up images with
constexpr double kLeastFound = 0.01;  // score of a finished box that says something

at::Tensor by_channel(const std::vector<double>& values) { return at::tensor(values, at::kFloat).view({1, 3, 1, 1}); }

at::Tensor by_channel(const std::array<float, 3>& values) {
  return by_channel(std::vector<double>(values.begin(), values.end()));
}

/// The bytes of a file, before OpenVINO is asked, which says more and less of a damaged one.
std::string whole_onnx(const std::filesystem::path& file) {
  std::string bytes = read_file(file);
  if (!looks_like_onnx(bytes)) throw Error("{}: damaged, or not an ONNX file", file.string());
  return bytes;
}

/// Of the file, and of those that hold its weights beside it.
uint64_t whole_checksum(const std::string& bytes, const std::filesystem::path& file) {
  uint64_t sum = skylift::checksum(bytes);
  for (const std::string& name : onnx_weight_files(bytes, file.string())) {
    const std::filesystem::path weights = file.parent_path() / name;
    if (stays_inside(name) && is_file(weights)) sum = skylift::checksum(MappedFile(weights).bytes(), sum);
  }
  return sum;
}

class OnnxTeacher : public TeacherNetwork {
 public:
  OnnxTeacher(const std::filesystem::path& file, const TeacherPlace& place)
      : name_(file.string()), bytes_(whole_onnx(file)), runner_(file), input_(place.input) {
    find_input();
    ForeignLayout given = read_layout(file);
    const auto metadata = onnx_metadata(bytes_, name_);
    if (metadata.contains(model_card_key)) use_card(given);
    layout_ = recognised(std::move(given), probe(metadata, place.train_set.classes()));
    log_info("teacher {}: {}", name_, description(layout_));
    if (!layout_.assumed.empty()) {
      log_warning("teacher {}: {} (hint: classes = [...], or [\"coco\"], in {})", name_, layout_.assumed,
                  std::filesystem::path(file).replace_extension(".toml").string());
    }
    map_ = make_class_map(layout_.classes, place.train_set.classes(), place.kd.teacher_classes, name_);
    shape_.classes = static_cast<int>(place.train_set.classes().size());
    const bool dense = layout_.kind != "detections";
    own_bins_ = own_ && layout_.reg_max == place.student.head.reg_max;
    shape_.bins = own_bins_;
    shape_.reg_max = place.student.head.reg_max;
    shape_.strides = dense ? layout_.strides : place.student.neck.strides();
    if (!dense) {  // in pixels of its own images
      for (int& stride : shape_.strides) stride *= place.kd.teacher_scale;
    }
    if (dense && !own_) multiple_ = layout_.strides.back();
    checksum_ = checksum_text(skylift::checksum(keys_text(layout_), whole_checksum(bytes_, file)));
    bytes_.clear();
  }

  const ModelShape& shape() const override { return shape_; }
  at::Tensor known_classes() const override { return skylift::known_classes(map_); }
  std::string checksum() const override { return checksum_; }
  /// Of what is padded as the student's images are.
  int largest_side() const override {
    const int64_t side = std::min(fixed_height_, fixed_width_), multiple = input_.pad_multiple;
    return static_cast<int>(side < multiple ? side : side / multiple * multiple);
  }

  DenseOutput forward(const Batch& batch) override {
    const at::NoGradGuard no_grad;
    const at::Tensor images = as_it_takes(batch.images.to(at::kCPU, at::kFloat));
    const int64_t step = fixed_batch_ > 0 ? fixed_batch_ : images.size(0);
    std::vector<DenseOutput> parts;
    for (int64_t begin = 0; begin < images.size(0); begin += step) {
      const int64_t count = std::min(step, images.size(0) - begin);
      at::Tensor part = images.narrow(0, begin, count);
      if (count < step) part = at::cat({part, part.slice(0, 0, 1).expand({step - count, -1, -1, -1})});
      parts.push_back(cut(dense(run(part.contiguous()), part, batch), count));
    }
    return joined(parts, batch.images.device());
  }

 private:
  void find_input() {
    std::vector<std::string> texts;
    for (const OnnxInput& input : runner_.inputs()) {
      texts.push_back(input.text);
      const bool channels_last = input.sizes.size() == 4 && input.sizes[3] == 3;
      if (input.integers || input.sizes.size() != 4 || (input.sizes[1] != 3 && (input.sizes[1] >= 0 || channels_last)))
        continue;
      if ((input.sizes[2] > 0) != (input.sizes[3] > 0))
        throw Error("{}: takes {}, expected both sides free or both fixed", name_, input.text);
      image_input_ = input.name;
      fixed_batch_ = std::max<int64_t>(0, input.sizes[0]);
      fixed_height_ = std::max<int64_t>(0, input.sizes[2]);
      fixed_width_ = std::max<int64_t>(0, input.sizes[3]);
      return;
    }
    throw Error("{}: takes {}, expected a batch of images [B,3,H,W] as float32 or float16", name_,
                fmt::join(texts, ", "));
  }

  /// An export of ours says all in its card.
  void use_card(ForeignLayout& layout) {
    const ModelCard card = onnx_card(bytes_, name_);
    own_ = true;
    layout.classes = card.classes;
    layout.channels = "rgb";
    layout.scores = "logit";
    layout.point = "corner";
    layout.mean.assign(card.preprocess.mean.begin(), card.preprocess.mean.end());
    layout.deviation.assign(card.preprocess.deviation.begin(), card.preprocess.deviation.end());
    layout.strides = card.options.neck.strides();
  }

  ForeignSight probe(const std::map<std::string, std::string>& metadata,
                     const std::vector<std::string>& classes) const {
    ForeignSight sight;
    sight.height = fixed_height_ > 0 ? fixed_height_ : kProbeSide;
    sight.width = fixed_width_ > 0 ? fixed_width_ : kProbeSide;
    sight.metadata = metadata;
    sight.data_classes = classes;
    sight.name = name_;
    sight.outputs = run(at::full({std::max<int64_t>(1, fixed_batch_), 3, sight.height, sight.width}, 0.5, at::kFloat));
    return sight;
  }

  /// [B,3,H,W] as the student sees them -> in the teacher's numbers, channels and, where that is fixed, size.
  at::Tensor as_it_takes(const at::Tensor& images) const {
    at::Tensor pixels = images * by_channel(input_.deviation) + by_channel(input_.mean);
    if (layout_.channels == "bgr") pixels = pixels.flip({1});
    const int64_t height = pixels.size(2), width = pixels.size(3);
    if (fixed_height_ > 0) {
      if (height > fixed_height_ || width > fixed_width_) {
        throw Error(
            "{}: takes images of {}x{} px, got {}x{} (hint: export it with a free size, or data.augment.crop_px = {})",
            name_, fixed_width_, fixed_height_, width, height, largest_side());
      }
      pixels = at::constant_pad_nd(pixels, {0, fixed_width_ - width, 0, fixed_height_ - height}, kGrey);
    } else if (height % multiple_ != 0 || width % multiple_ != 0) {  // for a level of stride 64 that joins the others
      const auto lacking = [&](int64_t side) { return (multiple_ - side % multiple_) % multiple_; };
      pixels = at::constant_pad_nd(pixels, {0, lacking(width), 0, lacking(height)}, kGrey);
    }
    return (pixels - by_channel(layout_.mean)) / by_channel(layout_.deviation);
  }

  std::vector<NamedTensor> run(const at::Tensor& images) const {
    std::map<std::string, at::Tensor> inputs = {{image_input_, images}};
    for (const OnnxInput& input : runner_.inputs()) {
      if (input.name == image_input_) continue;
      inputs[input.name] = further_input(input, images, name_);
    }
    return runner_.run(inputs);
  }

  DenseOutput dense(const std::vector<NamedTensor>& outputs, const at::Tensor& images, const Batch& batch) const {
    const int64_t height = images.size(2), width = images.size(3);
    const int64_t own_height = batch.images.size(2), own_width = batch.images.size(3);
    DenseOutput output;
    if (layout_.kind == "detections") {
      const DecodedMaps maps = sparse_maps(found(decode_finished(outputs, layout_, height, width, name_)),
                                           shape_.strides, own_height, own_width, shape_.classes);
      output = dense_output(maps, own_height, own_width, shape_.reg_max);
    } else {
      const std::vector<ForeignLevel> levels = foreign_levels(outputs, layout_, height, width, name_);
      DecodedMaps maps = decode_dense(levels, layout_, height, width);
      for (at::Tensor& scores : maps.scores) scores = mapped_scores(scores, map_);
      output = dense_output(maps, own_height, own_width, shape_.reg_max);
      if (own_bins_) keep_bins(output, levels);
    }
    output.known_classes = known_classes();
    return output;
  }

  /// Our own export has the distributions themselves.
  static void keep_bins(DenseOutput& output, const std::vector<ForeignLevel>& levels) {
    for (size_t i = 0; i < levels.size(); ++i) {
      const at::Tensor& map = output.levels[i].box_logits;
      output.levels[i].box_logits = levels[i].box.slice(2, 0, map.size(2)).slice(3, 0, map.size(3)).contiguous();
    }
  }

  std::vector<std::vector<SparseBox>> found(const std::vector<FoundBoxes>& images) const {
    std::vector<std::vector<SparseBox>> all;
    for (const FoundBoxes& image : images) {
      std::vector<SparseBox> boxes;
      const at::Tensor corners = image.boxes_xyxy.contiguous(), labels = image.labels.contiguous();
      const at::Tensor scores = image.scores.contiguous();
      for (int64_t k = 0; k < scores.size(0); ++k) {
        const float* box = corners.const_data_ptr<float>() + 4 * k;
        const double score = scores.const_data_ptr<float>()[k];
        if (!(score >= kLeastFound)) continue;
        if (score > kMostScore) throw Error("{}: found a score of {:g}, expected at most 1", name_, score);
        check_label(labels.const_data_ptr<int64_t>()[k]);
        for (size_t c = 0; c < map_.sources.size(); ++c) {
          if (std::ranges::find(map_.sources[c], labels.const_data_ptr<int64_t>()[k]) != map_.sources[c].end())
            boxes.push_back({{box[0], box[1], box[2], box[3]}, std::min(score, 1.0), static_cast<int64_t>(c)});
        }
      }
      all.push_back(std::move(boxes));
    }
    return all;
  }

  /// A number that the data's classes do not have is another table's.
  void check_label(int64_t label) const {
    if (!layout_.numbered_classes || label < static_cast<int64_t>(layout_.classes.size())) return;
    throw Error(
        "{}: found label {}, but names no classes, and the data's are {} (hint: write classes = [...], or [\"coco\"], "
        "into the "
        ".toml file beside it)",
        name_, label, layout_.classes.size());
  }

  static DenseOutput cut(DenseOutput output, int64_t count) {
    for (LevelOutput& level : output.levels) {
      for (at::Tensor* map : {&level.cls_logits, &level.box_logits, &level.box_known})
        if (map->defined()) *map = map->slice(0, 0, count);
    }
    return output;
  }

  static DenseOutput joined(const std::vector<DenseOutput>& parts, c10::Device device) {
    DenseOutput all = parts.front();
    for (size_t i = 0; i < all.levels.size(); ++i) {
      for (at::Tensor LevelOutput::*map :
           {&LevelOutput::cls_logits, &LevelOutput::box_logits, &LevelOutput::box_known}) {
        std::vector<at::Tensor> maps;
        for (const DenseOutput& part : parts) maps.push_back(part.levels[i].*map);
        if (maps.front().defined()) all.levels[i].*map = at::cat(maps).to(device);
      }
    }
    return all;
  }

  std::string name_, bytes_;
  OnnxRunner runner_;
  Preprocess input_;
  std::string image_input_;
  int64_t fixed_batch_ = 0, fixed_height_ = 0, fixed_width_ = 0;  // 0: free
  int64_t multiple_ = 1;                                          // of free sides, px
  bool own_ = false, own_bins_ = false;
  ForeignLayout layout_;
  ClassMap map_;
  ModelShape shape_;
  std::string checksum_;
};

}  // namespace

TeacherPtr open_onnx_teacher(const std::filesystem::path& file, const TeacherPlace& place) {
  return std::make_unique<OnnxTeacher>(file, place);
}

}  // namespace skylift
