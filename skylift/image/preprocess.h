// How an image becomes the network's input: shared by training, evaluation, prediction and export; travels in the model
// file.
#pragma once

#include <array>

namespace skylift {

struct Preprocess {
  int long_side =
      1333;  ///< px; the image is scaled, aspect kept, by min(long_side / its long side, short_side / its short side)
  int short_side = 800;   ///< px
  int pad_multiple = 32;  ///< right and bottom are padded with 0 (after normalising) to a multiple of this
  std::array<float, 3> mean = {123.675F, 116.28F, 103.53F};     ///< RGB, 0..255
  std::array<float, 3> deviation = {58.395F, 57.12F, 57.375F};  ///< RGB, 0..255
};

}  // namespace skylift
