#include "skylift/models/import_mmdet.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "skylift/core/error.h"
#include "skylift/models/backbone_origin.h"
#include "skylift/models/fold.h"
#include "skylift/models/mmdet_config.h"

namespace skylift {
namespace {

struct Renaming {
  const char *from, *to;
};

/// Beginnings and ends of names; those with a level's or convolution's number are in renamed().
constexpr Renaming predictors[] = {{"bbox_head.gfl_cls.", "head.cls_predictor."},
                                   {"bbox_head.gfl_reg.", "head.box_predictor."}};
constexpr Renaming towers[] = {{"bbox_head.cls_convs.", "head.cls_tower."},
                               {"bbox_head.reg_convs.", "head.reg_tower."}};
constexpr Renaming pyramids[] = {{"neck.lateral_convs.", "neck.lateral"}, {"neck.fpn_convs.", "neck.output"}};
const std::string scale_prefix = "bbox_head.scales.", projection = "bbox_head.integral.project";

using State = std::map<std::string, at::Tensor>;

/// "3.conv.weight" -> 3 and "conv.weight".
struct Numbered {
  int number;
  std::string rest;
};

std::optional<Numbered> numbered(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == 0 || dot == std::string::npos || dot > 3 || text.find_first_not_of("0123456789") != dot)
    return std::nullopt;
  return Numbered{std::stoi(text.substr(0, dot)), text.substr(dot + 1)};
}

/// "conv.weight" -> "weight" where the text begins with `prefix`.
std::optional<std::string> after(const std::string& text, const std::string& prefix) {
  return text.starts_with(prefix) ? std::optional(text.substr(prefix.size())) : std::nullopt;
}

/// Our name of one of mmdetection's tensors; nothing for tensors without a counterpart.
std::optional<std::string> renamed(const std::string& name, int first_level) {
  if (name.starts_with("backbone.")) return name;
  for (const auto& [from, to] : predictors) {
    if (const auto rest = after(name, from)) return to + *rest;
  }
  for (const auto& [from, to] : pyramids) {
    const auto part = after(name, from) ? numbered(*after(name, from)) : std::nullopt;
    if (!part) continue;
    if (const auto rest = after(part->rest, "conv."))
      return fmt::format("{}{}.{}", to, first_level + part->number, *rest);
  }
  for (const auto& [from, to] : towers) {
    const auto part = after(name, from) ? numbered(*after(name, from)) : std::nullopt;
    if (!part) continue;
    if (const auto rest = after(part->rest, "gn.")) return fmt::format("{}{}.norm.{}", to, part->number, *rest);
    return fmt::format("{}{}.{}", to, part->number, part->rest);
  }
  return std::nullopt;
}

/// Tensors that change nothing when left out.
std::optional<std::string> harmless(const std::string& name) {
  if (name.ends_with("num_batches_tracked")) return "step counter";
  if (name == projection) return "the bins' numbers, which are known";
  if (name.starts_with("ema_")) return "averaged weights of mmcv's hook beside the network's own";
  for (const char* part : {"backbone.", "neck.", "bbox_head."}) {
    if (name.starts_with(part)) return std::nullopt;
  }
  return "not a part of the detector";
}

class Importer {
 public:
  Importer(const ForeignFile& file, const std::vector<std::string>& classes)
      : file_(file), where_(file.path.string()), config_(read_mmdet_config(file.metadata.config, where_)) {
    read_options();
    choose_classes(classes);
  }

  ImportedModel run() {
    std::vector<NamedTensor> tensors = rename_all();
    add_level_scales(tensors);
    if (config_.bgr) turn_to_rgb(tensors);
    check_projection();
    ImportedModel imported;
    imported.model.detector = make_detector({options_, tensors}, class_count_, where_);
    imported.model.card = {options_, classes_, config_.preprocess,
                           "# imported from a checkpoint of mmdetection: " + file_.path.filename().string() + "\n", ""};
    imported.report = std::move(report_);
    return imported;
  }

 private:
  const at::Tensor& need(const std::string& name, int64_t dimensions) const {
    const at::Tensor* tensor = file_.find(name);
    if (tensor == nullptr) {
      throw Error("{}: no tensor '{}' among {}, expected a GFL detector of mmdetection", where_, name,
                  file_.tensors.size());
    }
    if (tensor->dim() != dimensions) {
      throw Error("{}: tensor '{}' has shape [{}], expected {} dimensions", where_, name,
                  fmt::join(tensor->sizes(), ","), dimensions);
    }
    return *tensor;
  }

  int count(const std::string& prefix, const std::string& suffix) const {
    int found = 0;
    while (file_.find(prefix + std::to_string(found) + suffix) != nullptr) ++found;
    return found;
  }

  void read_options() {
    const at::Tensor &cls = need("bbox_head.gfl_cls.weight", 4), &reg = need("bbox_head.gfl_reg.weight", 4);
    class_count_ = static_cast<int>(cls.size(0));
    options_.head.channels = static_cast<int>(cls.size(1));
    options_.head.reg_max = static_cast<int>(reg.size(0) / 4 - 1);
    options_.head.depth = count("bbox_head.cls_convs.", ".conv.weight");
    options_.head.norm_groups = config_.norm_groups.value_or(options_.head.norm_groups);
    options_.backbone.name = backbone_in(file_.tensors, "backbone.", where_);
    options_.neck.channels = static_cast<int>(need("neck.fpn_convs.0.conv.weight", 4).size(0));
    const auto channels = make_backbone(options_.backbone)->out_channels();
    const int64_t finest = need("neck.lateral_convs.0.conv.weight", 4).size(1);
    const auto level = std::find(channels.begin(), channels.end(), finest);
    if (level == channels.end()) {
      throw Error("{}: the pyramid's first lateral reads {} channels, expected one of {} of {}", where_, finest,
                  fmt::join(channels, ", "), options_.backbone.name);
    }
    options_.neck.first_level = 2 + static_cast<int>(level - channels.begin());
    options_.neck.last_level = options_.neck.first_level + count("neck.fpn_convs.", ".conv.weight") - 1;
    check(options_);
  }

  void choose_classes(const std::vector<std::string>& given) {
    classes_ = given.empty() ? file_.metadata.classes : given;
    if (classes_.empty()) {
      for (int i = 0; i < class_count_; ++i) classes_.push_back("class " + std::to_string(i));
      report_.notes.push_back("the checkpoint does not name its classes; they are numbered (--classes names them)");
    }
    if (static_cast<int>(classes_.size()) != class_count_) {
      throw Error("{}: got {} class names for a network of {} classes", where_, classes_.size(), class_count_);
    }
    if (file_.metadata.config.empty()) {
      report_.notes.push_back("the checkpoint has no config; assumed: RGB, ImageNet's mean and deviation, 1333x800");
    }
  }

  std::vector<NamedTensor> rename_all() {
    const Detector blank = blank_detector();
    State state;
    for (const auto& [name, tensor] : named_state(blank)) state[name] = tensor;
    std::vector<NamedTensor> tensors;
    for (const std::string& name : file_.beside) report_.passed_over.push_back({name, "beside the detector"});
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.starts_with(scale_prefix)) continue;
      if (const auto reason = harmless(name)) {
        report_.passed_over.push_back({name, *reason});
        continue;
      }
      const auto ours = renamed(name, options_.neck.first_level);
      if (!ours || !state.contains(*ours)) {
        throw Error("{}: tensor '{}' has no place in a GFL detector with {}", where_, name, options_.backbone.name);
      }
      if (tensor.sizes() != state.at(*ours).sizes()) {
        throw Error("{}: tensor '{}' has shape [{}], expected [{}]", where_, name, fmt::join(tensor.sizes(), ","),
                    fmt::join(state.at(*ours).sizes(), ","));
      }
      check_finite({name, tensor}, where_);
      tensors.push_back({*ours, tensor});
      report_.matched.push_back({name, *ours});
    }
    return tensors;
  }

  Detector blank_detector() const { return Detector(options_, class_count_); }

  /// One scalar a level there, one vector here.
  void add_level_scales(std::vector<NamedTensor>& tensors) {
    const int levels = options_.neck.last_level - options_.neck.first_level + 1;
    if (file_.find(fmt::format("{}{}.scale", scale_prefix, levels)))
      throw Error(
          "{}: its head has more levels than its pyramid's {} convolutions: the others are made by max pooling, which "
          "the detectors here do not",
          where_, levels);
    at::Tensor scales = at::empty({levels}, at::kFloat);
    for (int level = 0; level < levels; ++level) {
      const std::string name = fmt::format("{}{}.scale", scale_prefix, level);
      const at::Tensor* scale = file_.find(name);
      if (scale == nullptr || scale->numel() != 1)
        throw Error("{}: tensor '{}' of one number is missing", where_, name);
      scales[level].copy_(scale->reshape({}));
      report_.matched.push_back({name, fmt::format("head.level_scales[{}]", level)});
    }
    tensors.push_back({"head.level_scales", scales});
  }

  /// The network reads blue first; its first convolution's inputs change places instead of the image's channels.
  void turn_to_rgb(std::vector<NamedTensor>& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (name == "backbone.conv1.weight") tensor = tensor.flip({1}).contiguous();
    }
    report_.notes.push_back("the network reads BGR; the inputs of its first convolution were exchanged, for RGB");
  }

  void check_projection() const {
    const at::Tensor* bins = file_.find(projection);
    if (bins == nullptr) return;
    const at::Tensor expected = at::arange(options_.head.reg_max + 1, at::kFloat);
    if (bins->sizes() != expected.sizes() || !bins->to(at::kFloat).allclose(expected, 0, 1e-4)) {
      throw Error("{}: '{}' is not 0..{}, expected bins one stride apart", where_, projection, options_.head.reg_max);
    }
  }

  const ForeignFile& file_;
  std::string where_;
  MmdetConfig config_;
  ModelOptions options_;
  std::vector<std::string> classes_;
  int class_count_ = 0;
  ImportReport report_;
};

}  // namespace

std::vector<std::string> detector_prefixes(const std::vector<NamedTensor>& tensors) {
  return prefixes_of(tensors, "bbox_head.gfl_cls.weight");
}

ImportedModel import_mmdet(const ForeignFile& file, const std::vector<std::string>& classes) {
  return Importer(file, classes).run();
}

}  // namespace skylift
