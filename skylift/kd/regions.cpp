#include "skylift/kd/regions.h"

#include <ATen/Functions.h>

#include "skylift/boxes/boxes.h"
#include "skylift/boxes/in_float.h"
#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/kd/object_points.h"
#include "skylift/kd/vlr.h"

namespace skylift {
namespace {

/// Locations that all weigh 1.
Region evenly(const at::Tensor& image, const at::Tensor& point, const at::Tensor& object) {
  const at::Tensor ones = at::ones({image.size(0)}, image.options().dtype(at::kFloat));
  return {image, point, ones, ones, object};
}

Region of_no_object(const at::Tensor& image, const at::Tensor& point) {
  return evenly(image, point, at::full_like(image, -1));
}

Region all_region(const DistillInputs& inputs) {
  const at::Tensor where = inputs.assignment.weights.nonzero();  // [N,2]
  return of_no_object(where.select(1, 0), where.select(1, 1));
}

Region every_cell(const DistillInputs& inputs) {
  const int64_t images = inputs.assignment.weights.size(0), points = inputs.grid.count();
  const at::Tensor cell = at::arange(images * points, inputs.assignment.point.options());
  return of_no_object(cell.floor_divide(points), cell.remainder(points));
}

Region positives_region(const DistillInputs& inputs) {
  const Assignment& a = inputs.assignment;
  return evenly(a.image, a.point, a.object);
}

/// Of a location inside several boxes the smallest one's object is kept.
Region boxes_region(const DistillInputs& inputs) {
  const BatchObjects objects = batch_objects(inputs.batch.targets, inputs.grid.centres.device());
  const auto window = [](const BoxXyxy& box, const GridLevel&) {
    return HalfExtent{box.width() / 2, box.height() / 2};
  };
  const ObjectPoints pairs =
      points_near_objects(inputs.grid, objects, allowed_points(inputs.grid, inputs.batch), window);
  const at::Tensor sides = objects.boxes_xyxy.slice(1, 2, 4) - objects.boxes_xyxy.slice(1, 0, 2);
  const at::Tensor area = (sides.select(1, 0) * sides.select(1, 1)).index_select(0, pairs.object);
  const int64_t images = static_cast<int64_t>(inputs.batch.targets.size());
  const at::Tensor rows = best_pair_of_each_location(pairs, -area, inputs.grid, images).nonzero().squeeze(1);
  return evenly(pairs.image.index_select(0, rows), pairs.point.index_select(0, rows),
                objects.index_in_image.index_select(0, pairs.object.index_select(0, rows)));
}

Region build(const std::string& name, const DistillInputs& inputs, const RegionOptions& options,
             const AtssOptions& atss) {
  if (name == "all") return all_region(inputs);
  if (name == "positives") return positives_region(inputs);
  if (name == "vlr") return vlr_region(inputs, atss, options.vlr_iof);
  if (name == "boxes") return boxes_region(inputs);
  if (name == "cid") return cid_region(inputs, options.cid);
  if (name == "grid") return every_cell(inputs);
  throw Error("kd.region: no region '{}'{}", name, suggestion(name, region_names()));
}

}  // namespace

void bind(OptionSection section, RegionOptions& options) {
  section.add("vlr_iof", options.vlr_iof,
              "the valuable region measures intersection over anchor, as the LD repository does");
  bind(section.section("cid"), options.cid);
}

const std::vector<std::string>& region_names() {
  static const std::vector<std::string> names = {"all", "positives", "vlr", "boxes", "cid"};
  return names;
}

RegionSet::RegionSet(const DistillInputs& inputs, const RegionOptions& options, const AtssOptions& atss)
    : inputs_(inputs), options_(options), atss_(atss) {}

const Region& RegionSet::region(const std::string& name) {
  const auto found = regions_.find(name);
  if (found != regions_.end()) return found->second;
  Region region = inputs_.stored && name == "cid" ? stored().cid_region() : build(name, inputs_, options_, atss_);
  return regions_.emplace(name, std::move(region)).first->second;
}

const PointGather& RegionSet::gather(const std::string& name) {
  const auto found = gathers_.find(name);
  if (found != gathers_.end()) return found->second;
  const Region& where = region(name);
  return gathers_.emplace(name, PointGather(inputs_.grid, where.image, where.point)).first->second;
}

const StoredSignals& RegionSet::stored() {
  if (!stored_) stored_ = std::make_unique<StoredSignals>(*inputs_.stored, inputs_.grid, inputs_.teacher.reg_max);
  return *stored_;
}

namespace {

template <class Read>
const at::Tensor& read_once(std::map<std::string, at::Tensor>& known, const std::string& region, const Read& read) {
  const auto found = known.find(region);
  return found != known.end() ? found->second : known.emplace(region, read()).first->second;
}

}  // namespace

const at::Tensor& RegionSet::student_cls(const std::string& name) {
  return read_once(student_cls_, name, [&] { return gather_cls_logits(gather(name), inputs_.student); });
}

const at::Tensor& RegionSet::student_box(const std::string& name) {
  return read_once(student_box_, name, [&] { return gather_box_logits(gather(name), inputs_.student); });
}

const at::Tensor& RegionSet::teacher_cls(const std::string& name) {
  return read_once(teacher_cls_, name, [&] {
    if (inputs_.stored) return stored().cls_logits(region(name));
    return gather_cls_logits(gather(name), inputs_.teacher).detach();
  });
}

const at::Tensor& RegionSet::teacher_box(const std::string& name) {
  return read_once(teacher_box_, name, [&] {
    if (inputs_.stored) return stored().box_logits(region(name));
    return gather_box_logits(gather(name), inputs_.teacher).detach();
  });
}

at::Tensor RegionSet::student_distances(const std::string& name) {
  return gather_distances(gather(name), inputs_.student);
}

at::Tensor RegionSet::teacher_distances(const std::string& name) {
  if (inputs_.stored) return integral(teacher_box(name), inputs_.teacher.reg_max);
  return gather_distances(gather(name), inputs_.teacher).detach();
}

at::Tensor RegionSet::box_weights(const std::string& name) {
  const at::Tensor& weights = region(name).box_weights;
  if (inputs_.stored) return weights * stored().box_known(region(name));
  if (inputs_.teacher.levels.empty() || !inputs_.teacher.levels.front().box_known.defined()) return weights;
  std::vector<at::Tensor> maps;
  for (const LevelOutput& level : inputs_.teacher.levels) maps.push_back(level.box_known);
  return weights * gather(name)(maps).squeeze(1);
}

ClassMaps RegionSet::teacher_class_maps() {
  if (inputs_.stored) return stored().class_maps();
  ClassMaps maps;
  for (const LevelOutput& level : inputs_.teacher.levels) {
    const at::Tensor logits = level.cls_logits.detach();
    maps.logits.push_back(in_float(logits));
  }
  return maps;
}

}  // namespace skylift
