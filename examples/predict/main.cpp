// predict MODEL IMAGE [TILE_PX]: prints what a model finds in an image. Built against an installed Skylift:
//   cmake --install build --prefix PREFIX
//   cmake -S examples/predict -B example -D CMAKE_PREFIX_PATH=PREFIX && cmake --build example
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "skylift/infer/predictor.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: predict MODEL IMAGE [TILE_PX]\n");
    return 2;
  }
  try {
    const skylift::Predictor predictor(argv[1]);
    skylift::DetectOptions options = predictor.detect_options();
    options.decode.score_threshold = 0.3;
    if (argc > 3) options.tiling.tile_px = std::atoi(argv[3]);
    for (const skylift::Detection& found : predictor.predict_file(argv[2], options)) {
      std::printf("%s %.3f  %.1f %.1f %.1f %.1f\n", predictor.classes()[found.class_index].c_str(), found.score,
                  found.box.x, found.box.y, found.box.w, found.box.h);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "predict: %s\n", error.what());
    return 1;
  }
}
