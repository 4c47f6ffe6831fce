// skylift synth: synthetic aerial scenes as a data set.
#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands.h"
#include "apps/progress_bar.h"
#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/core/text.h"
#include "skylift/synth/synth.h"

namespace skylift {
namespace {

struct SynthArguments {
  std::string out, size = "960x540", format = "visdrone";
  int64_t images = 0, first = 0;
  SynthOptions options;
};

void synthesise(SynthArguments& arguments) {
  const WidthHeight size = parse_width_height(arguments.size, "--size", 16, 16384);
  arguments.options.width = size.width;
  arguments.options.height = size.height;
  if (arguments.options.car_px_min > arguments.options.car_px_max) {
    throw Error("--car-px: got {} to {}, expected the smaller first", arguments.options.car_px_min,
                arguments.options.car_px_max);
  }
  AnnotationSet set;
  {
    ProgressBar bar;
    set = write_scenes(arguments.options, arguments.images, arguments.out, arguments.format, arguments.first,
                       bar.callback());
  }
  size_t objects = 0, regions = 0;
  for (const auto& image : set.images) {
    objects += image.objects.size();
    regions += image.ignored_regions.size();
  }
  log_info("{} scenes with {} objects and {} ignored regions, written to {}", set.images.size(), objects, regions,
           arguments.out);
}

}  // namespace

void add_synth_command(CLI::App& app) {
  auto arguments = std::make_shared<SynthArguments>();
  auto& options = arguments->options;
  CLI::App* command = app.add_subcommand("synth", "Draw synthetic aerial scenes: a data set to try things on");
  command->add_option("--out", arguments->out, "folder to write, without images or annotations in it yet")
      ->required()
      ->type_name("DIR");
  command->add_option("--images", arguments->images, "how many scenes")->required()->check(CLI::Range(1, 1000000));
  command->add_option("--seed", options.seed, "of everything random")->capture_default_str();
  command
      ->add_option("--first", arguments->first,
                   "number of the first scene: other numbers are other scenes of the same seed")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--size", arguments->size, "WIDTHxHEIGHT in px")->capture_default_str();
  command->add_option("--format", arguments->format, "visdrone (a folder) or coco (annotations.json)")
      ->check(CLI::IsMember({"visdrone", "coco"}))
      ->capture_default_str();
  command->add_option("--car-px-min", options.car_px_min, "length of a car in the middle of the picture, px, smallest")
      ->check(CLI::Range(4.0, 500.0))
      ->capture_default_str();
  command->add_option("--car-px-max", options.car_px_max, "the same, largest")
      ->check(CLI::Range(4.0, 500.0))
      ->capture_default_str();
  command->add_option("--density", options.density, "factor on traffic, parking and people")
      ->check(CLI::Range(0.0, 3.0))
      ->capture_default_str();
  command->footer("Example: skylift synth --out scenes/train --images 200 --seed 1");
  command->callback([arguments] { synthesise(*arguments); });
}

}  // namespace skylift
