#include "skylift/kd/fgd.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

#include "skylift/dist/processes.h"
#include "skylift/kd/context_block.h"
#include "skylift/kd/features.h"

namespace skylift {
namespace {

constexpr double kReferenceObjects = 7;  // an image of COCO

/// An image's boxes in px of the batch. The authors' map them to cells by the size of the image without its padding,
/// which moves them right and down on padded images.
std::vector<BoxXyxy> mask_boxes(const DistillInputs& inputs, size_t image, bool authors_form) {
  std::vector<BoxXyxy> boxes = to_boxes(inputs.batch.targets[image].boxes_xyxy);
  if (!authors_form) return boxes;
  const GridLevel& finest = inputs.grid.levels.front();
  const ImageGeometry& geometry = inputs.batch.geometries[image];
  const float x = static_cast<float>(finest.width * finest.stride) / static_cast<float>(geometry.content_width),
              y = static_cast<float>(finest.height * finest.stride) / static_cast<float>(geometry.content_height);
  for (BoxXyxy& box : boxes) box = {box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y};
  return boxes;
}

/// One [B,1,H,W] foreground mask a level.
std::vector<at::Tensor> foreground_masks(DistillStep& step) {
  const DistillInputs& inputs = step.inputs;
  const size_t images = inputs.batch.targets.size();
  if (!step.default_region())
    return region_maps(step.regions.region(step.region), inputs.grid, static_cast<int64_t>(images));
  std::vector<std::vector<BoxXyxy>> boxes;
  for (size_t image = 0; image < images; ++image) boxes.push_back(mask_boxes(inputs, image, step.authors_form()));
  std::vector<at::Tensor> masks;
  for (const GridLevel& level : inputs.grid.levels) {
    std::vector<at::Tensor> level_masks;
    for (const auto& of_image : boxes) level_masks.push_back(fgd_foreground(level, of_image).unsqueeze(0));
    masks.push_back(at::stack(level_masks).to(inputs.grid.centres.device()));
  }
  return masks;
}

/// 1 / (number of cells outside the foreground) there, 0 elsewhere. [B,1,H,W]
at::Tensor background_mask(const at::Tensor& foreground) {
  const at::Tensor outside = foreground.eq(0).to(foreground.scalar_type());
  return outside / outside.sum({1, 2, 3}, /*keepdim=*/true).clamp_min(1);
}

/// What the levels add up, before the weights; sums over everything.
struct Sums {
  at::Tensor foreground, background, attention, relation;
  double cells = 0;               // of one image, over the levels
  at::Tensor foreground_weights;  // sum of the masks
};

class Fgd final : public DistillMethod {
 public:
  explicit Fgd(const MethodContext& context) {
    const size_t levels = context.student.strides.size();
    adapters_ = register_module("adapters", pyramid_adapters("fgd", context));
    student_context_ =
        register_module("student_context", std::make_shared<ContextBlocks>(context.teacher.channels, levels));
    teacher_context_ =
        register_module("teacher_context", std::make_shared<ContextBlocks>(context.teacher.channels, levels));
  }

  void add_terms(DistillStep& step) override {
    const FgdOptions& options = step.options.of<FgdOptions>();
    if (options.foreground_weight + options.background_weight + options.attention_weight + options.relation_weight == 0)
      return;
    const std::vector<at::Tensor> student = adapted_features(step, *adapters_),
                                  teacher = pyramid_features(step.inputs.teacher);
    const Sums sums = add_up(step, student, teacher);
    const double images = step.image_count(), channels = static_cast<double>(teacher.front().size(1));
    // Factors that turn sums over a batch into the published sums of a reference image.
    const double per_channel = step.authors_form() ? 1 : reference_channels / channels;
    const double per_cell = step.authors_form() ? 1 : reference_locations / sums.cells;
    const at::Tensor per_object =
        step.authors_form() ? at::ones_like(sums.foreground_weights) / images
                            : kReferenceObjects / sum_over_processes(sums.foreground_weights).clamp_min(1e-12);
    step.add("kd_fgd_foreground", options.foreground_weight,
             [&] { return sums.foreground * per_object * per_channel; });
    step.add("kd_fgd_background", options.background_weight, [&] { return sums.background * (per_channel / images); });
    step.add("kd_fgd_attention", options.attention_weight, [&] { return sums.attention * (per_cell / images); });
    step.add("kd_fgd_relation", options.relation_weight,
             [&] { return sums.relation * (per_channel * per_cell / images); });
  }

 private:
  Sums add_up(DistillStep& step, const std::vector<at::Tensor>& student, const std::vector<at::Tensor>& teacher) {
    const at::Tensor zero = at::zeros({}, student.front().options());
    Sums sums{zero, zero, zero, zero, 0, zero};
    const std::vector<at::Tensor> masks = foreground_masks(step);
    const double temperature = step.options.of<FgdOptions>().temperature;
    for (size_t i = 0; i < student.size(); ++i) {
      const at::Tensor t = teacher[i].detach();
      const FgdAttention s_attention = fgd_attention(student[i], temperature),
                         t_attention = fgd_attention(t, temperature);
      const at::Tensor error =
          ((student[i] - t).square() * t_attention.channels).sum(1, true) * t_attention.cells;  // [B,1,H,W]
      sums.foreground = sums.foreground + (error * masks[i]).sum();
      sums.background = sums.background + (error * background_mask(masks[i])).sum();
      sums.attention = sums.attention + (s_attention.cells - t_attention.cells).abs().sum() +
                       (s_attention.channels - t_attention.channels).abs().sum();
      if (step.options.of<FgdOptions>().relation_weight > 0) {
        sums.relation = sums.relation + ((*student_context_)(i, student[i]) - (*teacher_context_)(i, t)).square().sum();
      }
      sums.cells += static_cast<double>(t.size(2) * t.size(3));
      sums.foreground_weights = sums.foreground_weights + masks[i].sum() / static_cast<double>(student.size());
    }
    return sums;
  }

  std::shared_ptr<ChannelAdapters> adapters_;
  std::shared_ptr<ContextBlocks> student_context_, teacher_context_;
};

}  // namespace

FgdAttention fgd_attention(const at::Tensor& map, double temperature) {
  const at::Tensor size = map.abs();
  const double cells = static_cast<double>(map.size(2) * map.size(3)), channels = static_cast<double>(map.size(1));
  const at::Tensor of_cells = (size.mean(1).flatten(1) / temperature).softmax(1) * cells;
  const at::Tensor of_channels = (size.mean({2, 3}) / temperature).softmax(1) * channels;
  return {of_cells.view({map.size(0), 1, map.size(2), map.size(3)}), of_channels.unsqueeze(2).unsqueeze(3)};
}

at::Tensor fgd_foreground(const GridLevel& level, const std::vector<BoxXyxy>& boxes) {
  at::Tensor mask = at::zeros({level.height, level.width}, at::kFloat);
  auto value = mask.accessor<float, 2>();
  for (const BoxXyxy& box : boxes) {
    const auto first = [&](float low) {
      return static_cast<int64_t>(std::floor(low / static_cast<float>(level.stride)));
    };
    const auto last = [&](float high) {
      return static_cast<int64_t>(std::ceil(high / static_cast<float>(level.stride)));
    };
    const int64_t row1 = first(box.y1), row2 = last(box.y2), column1 = first(box.x1), column2 = last(box.x2);
    const float share = 1.0F / static_cast<float>((row2 - row1 + 1) * (column2 - column1 + 1));
    for (int64_t row = std::max<int64_t>(row1, 0); row <= std::min(row2, level.height - 1); ++row) {
      for (int64_t column = std::max<int64_t>(column1, 0); column <= std::min(column2, level.width - 1); ++column) {
        value[row][column] = std::max(value[row][column], share);
      }
    }
  }
  return mask;
}

void bind(OptionSection section, FgdOptions& options) {
  section.add("temperature", options.temperature, "of the attention maps", between(0.01, 100));
  section.add("foreground_weight", options.foreground_weight, "weight of the features inside objects", at_least(0));
  section.add("background_weight", options.background_weight, "weight of the features outside", at_least(0));
  section.add("attention_weight", options.attention_weight, "weight of the attention maps", at_least(0));
  section.add("relation_weight", options.relation_weight, "weight of the global relations", at_least(0));
}

MethodPtr make_fgd(const MethodContext& context) { return std::make_shared<Fgd>(context); }

}  // namespace skylift
