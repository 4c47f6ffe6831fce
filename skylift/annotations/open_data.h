// A data set named on the command line, in a config or in a run: SPEC.
#pragma once

#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Opens a SPEC and finds its format:
///   a COCO file FILE.json[:IMAGE_DIR], an Ultralytics data.yaml[:SPLIT], a VisDrone folder (images/ and annotations/),
///   a VOC folder (JPEGImages/, Annotations/)[:SPLIT], or a UAVDT root[:train|test]. A folder that holds
///   annotations.json or data.yaml stands for that file. A leading "format=NAME," forces one: "format=coco,FILE".
/// Reads annotations only; images are opened when they are needed (sizes that a format does not hold stay 0).
/// Error: nothing there, no known format (lists what was looked for), or malformed content unless `problems` is given.
AnnotationSet open_data(std::string_view spec, Problems* problems = nullptr);

}  // namespace skylift
