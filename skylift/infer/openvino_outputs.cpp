#ifdef SKYLIFT_WITH_OPENVINO
#include "skylift/infer/openvino_outputs.h"

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {

std::map<int, LevelPorts> find_levels(const ov::Model& network, const std::string& name) {
  std::map<int, LevelPorts> levels;
  size_t found = 0;
  for (size_t i = 0; i < network.outputs().size(); ++i) {
    for (const std::string& output : network.output(i).get_names()) {
      const size_t at = output.find("_logits_");
      if (at == std::string::npos) continue;
      const auto stride = parse_integer(output.substr(at + 8));
      if (!stride || *stride < 1 || *stride > 1 << 10) continue;
      (output.starts_with("cls") ? levels[static_cast<int>(*stride)].cls : levels[static_cast<int>(*stride)].box) = i;
      ++found;
    }
  }
  if (found == 0 || found != 2 * levels.size()) {
    throw Error(
        "{}: expected the outputs cls_logits_S and box_logits_S of every level (hint: export without --decoded)", name);
  }
  return levels;
}

void check_maps(const std::string& name, const ModelCard& card, int stride, const ov::PartialShape& cls,
                const ov::PartialShape& box) {
  const auto classes = static_cast<int64_t>(card.classes.size()), bins = int64_t{4} * (card.options.head.reg_max + 1);
  const bool fits = cls.rank() == 4 && box.rank() == 4 && cls[1] == classes && box[1] == bins &&
                    cls[0].compatible(box[0]) && cls[2].compatible(box[2]) && cls[3].compatible(box[3]);
  if (!fits)
    throw Error("{}: the maps of stride {} are {} and {}, but its card says {} classes and {} box channels", name,
                stride, cls.to_string(), box.to_string(), classes, bins);
}

void check_network(const std::string& name, const ModelCard& card, const ov::Model& network,
                   const std::map<int, LevelPorts>& levels) {
  constexpr int64_t most_images = 1024, longest_side = 1 << 14;
  const ov::PartialShape input =
      network.inputs().size() == 1 ? network.input(0).get_partial_shape() : ov::PartialShape{};
  const auto within = [&](size_t axis, int64_t most) {
    return input[axis].is_dynamic() || input[axis].get_length() <= most;
  };
  const bool takes_images = input.rank() == 4 && input[1] == 3 && within(0, most_images) && within(2, longest_side) &&
                            within(3, longest_side) && input[2].is_static() == input[3].is_static();
  if (!takes_images)
    throw Error("{}: its input is not one batch of images [B,3,H,W] of up to {} px a side", name, longest_side);
  const NeckOptions& neck = card.options.neck;
  for (int level = neck.first_level; level <= neck.last_level; ++level) {
    if (!levels.contains(1 << level) || levels.size() != static_cast<size_t>(neck.last_level - neck.first_level + 1))
      throw Error("{}: its outputs are not those of the levels {}..{} that its card names", name, neck.first_level,
                  neck.last_level);
  }
  for (const auto& [stride, ports] : levels) {
    for (const size_t port : {ports.cls, ports.box}) {
      if (network.output(port).get_element_type() != ov::element::f32)
        throw Error("{}: its output {} is not float32", name, network.output(port).get_any_name());
    }
    check_maps(name, card, stride, network.output(ports.cls).get_partial_shape(),
               network.output(ports.box).get_partial_shape());
  }
}

}  // namespace skylift
#endif
