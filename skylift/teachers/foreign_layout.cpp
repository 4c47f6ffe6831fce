#include "skylift/teachers/foreign_layout.h"

#include <fmt/ranges.h>

#include "skylift/core/path_query.h"

namespace skylift {

void bind(OptionSection section, ForeignLayout& layout) {
  const std::vector<std::string> yes_or_no = {"auto", "yes", "no"};
  section.add("kind", layout.kind, "what the outputs are", one_of({"auto", "rows", "levels", "detections"}));
  section.add("boxes", layout.boxes, "how boxes are written",
              one_of({"auto", "xywh", "xyxy", "offsets", "distances", "distances_px", "bins"}));
  section.add("scores", layout.scores, "what scores are", one_of({"auto", "probability", "logit", "softmax"}));
  section.add("objectness", layout.objectness, "a factor on the scores stands before them", one_of(yes_or_no));
  section.add("relative", layout.relative, "boxes are parts of the input's sides", one_of(yes_or_no));
  section.add("point", layout.point, "where distances start in a cell", one_of({"auto", "corner", "middle"}));
  section.add("anchors", layout.anchors, "rows a cell; 0: by their number", between(0, 16));
  section.add("classes", layout.classes, "names in the order of the outputs; [\"coco\"]: COCO's 80");
  section.add("strides", layout.strides, "px of the levels, rising", between(1, 1024));
  section.add("channels", layout.channels, "order of the input's channels", one_of({"auto", "rgb", "bgr"}));
  section.add("mean", layout.mean, "of each channel, 0..255", between(-1000, 1000));
  section.add("deviation", layout.deviation, "of each channel, 0..255", between(1e-6, 1000));
}

ForeignLayout read_layout(const std::filesystem::path& model) {
  ForeignLayout layout;
  const std::filesystem::path file = std::filesystem::path(model).replace_extension(".toml");
  if (!is_there(file)) return layout;
  OptionTable table;
  bind(table.root(), layout);
  table.load_toml(file);
  return layout;
}

std::string keys_text(ForeignLayout layout) {
  OptionTable table;
  bind(table.root(), layout);
  return table.to_toml();
}

std::string description(const ForeignLayout& layout) {
  std::string text = fmt::format("{}: boxes {}{}, {} classes ({} .. {}) as {}{}", layout.kind, layout.boxes,
                                 layout.relative == "yes" ? " in parts of the input" : "", layout.classes.size(),
                                 layout.classes.front(), layout.classes.back(), layout.scores,
                                 layout.objectness == "yes" ? " times objectness" : "");
  if (layout.kind != "detections") text += fmt::format(", strides {}", fmt::join(layout.strides, ", "));
  return text + fmt::format("; takes {}, mean {:g}, deviation {:g}", layout.channels, layout.mean.front(),
                            layout.deviation.front());
}

}  // namespace skylift
