// numpy arrays in and out.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "skylift/annotations/detections.h"

namespace skylift::python {

namespace nb = nanobind;

/// [N] of one type, without gaps.
template <class T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// [N,4] x, y, width, height in px.
using BoxColumn = nb::ndarray<const double, nb::shape<-1, 4>, nb::c_contig, nb::device::cpu>;

/// [H,W,3] RGB or BGR; rows may have gaps.
using PixelArray = nb::ndarray<const uint8_t, nb::shape<-1, -1, 3>, nb::device::cpu>;

template <class T>
std::span<const T> span_of(const Column<T>& column) {
  return {column.data(), column.shape(0)};
}

static_assert(sizeof(BoxXywh) == 4 * sizeof(double));
inline std::span<const BoxXywh> span_of(const BoxColumn& boxes) {
  return {reinterpret_cast<const BoxXywh*>(boxes.data()), boxes.shape(0)};
}

/// A numpy array that owns `values`.
template <class T>
nb::object to_numpy(std::vector<T> values, std::initializer_list<size_t> shape) {
  auto* owned = new std::vector<T>(std::move(values));
  const nb::capsule owner(owned, [](void* data) noexcept { delete static_cast<std::vector<T>*>(data); });
  return nb::cast(nb::ndarray<nb::numpy, T>(owned->data(), shape.size(), shape.begin(), owner));
}

template <class T>
nb::object to_numpy(std::vector<T> values) {
  const size_t count = values.size();
  return to_numpy(std::move(values), {count});
}

/// (xyxy [N,4] px, scores [N], labels [N]).
nb::tuple to_tuple(const std::vector<Detection>& found);

}  // namespace skylift::python
