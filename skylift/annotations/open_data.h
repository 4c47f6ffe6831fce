// A data set named on the command line, in a config or in a run: SPEC.
#pragma once

#include <string>
#include <string_view>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Opens a SPEC and finds its format by data_format.h's table:
///   a COCO file FILE.json[:IMAGE_DIR], an Ultralytics data.yaml[:SPLIT], a VisDrone folder (images/ and annotations/),
///   a VOC folder (JPEGImages/, Annotations/)[:SPLIT], or a UAVDT root[:train|test]; docs/data.md lists the layouts.
/// Prefixes: "format=NAME," forces a format ("format=coco,FILE"); "orientation=stored," leaves images as the files have
/// them, for labels made on that frame; "depth=type," scales 16 bits by their type's range (image_header.h).
/// Reads annotations only; images are opened when they are needed (sizes that a format does not hold stay 0). What was
/// assumed or passed over is in the set's notes, and logged where no `problems` are asked for.
/// Error: nothing there, no known format (lists what was looked for), or malformed content unless `problems` is given.
AnnotationSet open_data(std::string_view spec, Problems* problems = nullptr);

}  // namespace skylift
