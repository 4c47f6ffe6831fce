#include "apps/region_maps.h"

#include <exception>

#include "skylift/core/log.h"
#include "skylift/core/path_query.h"
#include "skylift/doctor/doctor.h"
#include "skylift/image/codec.h"

namespace skylift {

void draw_regions(TrainRequest request) try {
  const std::filesystem::path file = request.folder / "regions.jpg";
  if (request.teachers.empty() || is_there(file)) return;
  request.options.kd.teacher_check_images = 0;
  const DoctorReport report = examine(request, {.images = 3, .gradient_batches = 0, .pictures = 3});
  if (!report.picture.empty()) write_image(file, report.picture, 90);
} catch (const std::exception& error) {  // no memory for the teacher beside what is left of the training, a signal
  log_warning("{}: the regions are not drawn: {}", request.folder.string(), error.what());
}

}  // namespace skylift
