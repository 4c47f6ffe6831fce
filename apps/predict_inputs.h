// What `skylift predict` reads: images, folders, globs, videos, streams.
#pragma once

#include <string>
#include <vector>

#include "skylift/formats/image_header.h"

namespace skylift {

struct PredictInput {
  std::string source;  ///< a path, or a stream's address
  std::string file;    ///< as results name it: its path below the folder that was given, more where that is not unique
  std::string name;    ///< of what is written for it, "day1/photo": unique among all inputs
  bool video = false;
  ImageReading reading = {};
  bool stream = false;  ///< an address, a camera, a numbered sequence: no file of this name
  bool live = false;    ///< an address or a camera: nobody knows when it ends
};

/// "images end in .jpg .jpeg ...; videos in .mp4 ...", for messages.
std::string input_endings();

/// Folders by the images and videos in them and below in order of name, globs likewise. Links
/// that lead nowhere are among them, and cannot be read. Error: nothing there.
std::vector<PredictInput> find_inputs(const std::vector<std::string>& arguments, const ImageReading& reading = {});

}  // namespace skylift
