// Images and videos as numpy arrays.
#include "python/bindings/pixels.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <opencv2/imgproc.hpp>

#include "python/bindings/arrays.h"
#include "python/bindings/parts.h"
#include "skylift/image/codec.h"
#include "skylift/image/video.h"

namespace skylift::python {

nb::object to_numpy(const cv::Mat& pixels) {
  auto* owned = new cv::Mat(pixels.isContinuous() ? pixels : pixels.clone());
  const nb::capsule owner(owned, [](void* data) noexcept { delete static_cast<cv::Mat*>(data); });
  const size_t shape[] = {static_cast<size_t>(owned->rows), static_cast<size_t>(owned->cols), 3};
  return nb::cast(nb::ndarray<nb::numpy, uint8_t>(owned->data, 3, shape, owner));
}

namespace {

nb::object read_image(const std::filesystem::path& path) {
  cv::Mat rgb;
  {
    const nb::gil_scoped_release release;
    rgb = decode_rgb(path);
  }
  return to_numpy(rgb);
}

nb::object read_frame(VideoReader& video) {
  cv::Mat rgb;
  {
    const nb::gil_scoped_release release;
    cv::Mat bgr;
    if (video.read(bgr)) cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  }
  return rgb.empty() ? nb::none() : to_numpy(rgb);
}

}  // namespace

void add_pixels(nb::module_& module) {
  module.def("read_image", read_image, nb::arg("path"),
             nb::sig("def read_image(path: str | os.PathLike) -> numpy.typing.NDArray[numpy.uint8]"));
  nb::class_<VideoReader>(module, "Video")
      .def(nb::init<const std::string&>(), nb::arg("source"))
      .def("read", read_frame, nb::sig("def read(self) -> numpy.typing.NDArray[numpy.uint8] | None"));
}

}  // namespace skylift::python
