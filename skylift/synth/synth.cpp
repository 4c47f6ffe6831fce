#include "skylift/synth/synth.h"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <opencv2/core/utility.hpp>

#include "skylift/annotations/coco.h"
#include "skylift/annotations/visdrone.h"
#include "skylift/core/error.h"
#include "skylift/core/parallel.h"
#include "skylift/core/path_query.h"
#include "skylift/core/rng.h"
#include "skylift/image/codec.h"
#include "skylift/synth/scene.h"

namespace skylift {
namespace fs = std::filesystem;

const std::vector<std::string>& synth_classes() {
  static const std::vector<std::string> classes = {"pedestrian", "bicycle", "car", "van", "truck", "bus", "motor"};
  return classes;
}

SynthScene draw_scene(const SynthOptions& options, int64_t index) {
  if (std::min(options.width, options.height) < 64) {
    throw Error("scene size: got {}x{} px, expected at least 64x64", options.width, options.height);
  }
  Rng rng = Rng::of({options.seed, static_cast<uint64_t>(index), 0x5ce9e});
  const synth::Scene scene = synth::lay_out(options, rng);
  return synth::paint(scene, rng);
}

AnnotationSet write_scenes(const SynthOptions& options, int64_t count, const fs::path& folder,
                           const std::string& format, int64_t first, const ProgressCallback& progress) {
  if (format != "visdrone" && format != "coco") throw Error("format: got '{}', expected visdrone or coco", format);
  if (count < 1) throw Error("number of scenes: got {}, expected at least 1", count);
  AnnotationSet set;
  set.format = format;
  set.image_folder = folder / "images";
  for (const char* name : {"images", "annotations", "annotations.json"}) {
    if (is_there(folder / name) && !fs::is_empty(folder / name))
      throw Error("{}: already holds files of a set (hint: name a new folder)", (folder / name).string());
  }
  set.classes = synth_classes();
  for (size_t i = 0; i < set.classes.size(); ++i) set.class_ids.push_back(static_cast<int64_t>(i) + 1);
  set.images.resize(static_cast<size_t>(count));
  cv::setNumThreads(1);  // scenes are drawn side by side
  std::mutex progress_mutex;
  int64_t drawn = 0;
  parallel_for(set.images.size(), 0, [&](size_t i) {
    SynthScene scene = draw_scene(options, first + static_cast<int64_t>(i));
    scene.record.file = fmt::format("{:06}.jpg", first + static_cast<int64_t>(i));
    scene.record.id = static_cast<int64_t>(i) + 1;
    write_image(set.image_folder / scene.record.file, scene.rgb);
    set.images[i] = std::move(scene.record);
    if (!progress) return;
    const std::lock_guard lock(progress_mutex);
    progress({"synth", ++drawn, count, ""});
  });
  if (format == "visdrone") {
    write_visdrone(folder, set);
  } else {
    write_coco(folder / "annotations.json", set);
  }
  return set;
}

}  // namespace skylift
