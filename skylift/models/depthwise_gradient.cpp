#include "skylift/models/depthwise_gradient.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "skylift/core/parallel.h"

namespace skylift {
namespace {

/// sums[c] += inputs[w * step + c] * gradients[w * channels + c], over w.
inline __attribute__((always_inline)) void add_products(float* sums, const float* inputs, const float* gradients,
                                                        int64_t width, int64_t step, int64_t channels) {
  constexpr int64_t block = 32;  // stays in registers while w runs
  int64_t c = 0;
  for (; c + block <= channels; c += block) {
    float own[block];
    std::copy_n(sums + c, block, own);
    for (int64_t w = 0; w < width; ++w) {
      const float *a = inputs + w * step + c, *b = gradients + w * channels + c;
      for (int64_t i = 0; i < block; ++i) own[i] += a[i] * b[i];
    }
    std::copy_n(own, block, sums + c);
  }
  for (int64_t w = 0; w < width && c < channels; ++w) {
    const float *a = inputs + w * step, *b = gradients + w * channels;
    for (int64_t i = c; i < channels; ++i) sums[i] += a[i] * b[i];
  }
}

using AddProducts = void (*)(float*, const float*, const float*, int64_t, int64_t, int64_t);

void add_products_plain(float* sums, const float* inputs, const float* gradients, int64_t width, int64_t step,
                        int64_t channels) {
  add_products(sums, inputs, gradients, width, step, channels);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void add_products_avx2(float* sums, const float* inputs, const float* gradients,
                                                           int64_t width, int64_t step, int64_t channels) {
  add_products(sums, inputs, gradients, width, step, channels);
}

__attribute__((target("avx512f"))) void add_products_avx512(float* sums, const float* inputs, const float* gradients,
                                                            int64_t width, int64_t step, int64_t channels) {
  add_products(sums, inputs, gradients, width, step, channels);
}
#endif

AddProducts fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return add_products_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return add_products_avx2;
#endif
  return add_products_plain;
}

struct Shape {
  int64_t channels, height, width, out_height, out_width, kernel, stride, padding;
};

/// What one row of the gradient adds. `sums`: [K,K,C].
void add_row(const Shape& s, const float* image, const float* row, int64_t y, std::vector<float>& sums,
             AddProducts add) {
  for (int64_t ky = 0; ky < s.kernel; ++ky) {
    const int64_t in_y = y * s.stride - s.padding + ky;
    if (in_y < 0 || in_y >= s.height) continue;
    for (int64_t kx = 0; kx < s.kernel; ++kx) {
      const int64_t shift = kx - s.padding;  // column x reads x * stride + shift
      const int64_t first = shift < 0 ? (-shift + s.stride - 1) / s.stride : 0;
      const int64_t end = std::min(s.out_width, (s.width - 1 - shift) / s.stride + 1);
      if (shift >= s.width || first >= end) continue;
      const float* inputs = image + (in_y * s.width + first * s.stride + shift) * s.channels;
      add(sums.data() + (ky * s.kernel + kx) * s.channels, inputs, row + first * s.channels, end - first,
          s.stride * s.channels, s.channels);
    }
  }
}

}  // namespace

at::Tensor depthwise_weight_gradient(const at::Tensor& input, const at::Tensor& gradient, int64_t kernel,
                                     int64_t stride, int64_t padding) {
  const at::Tensor in = input.contiguous(c10::MemoryFormat::ChannelsLast);
  const at::Tensor out = gradient.contiguous(c10::MemoryFormat::ChannelsLast);
  const Shape shape{in.size(1), in.size(2), in.size(3), out.size(2), out.size(3), kernel, stride, padding};
  const AddProducts add = fastest();
  const auto *inputs = in.const_data_ptr<float>(), *gradients = out.const_data_ptr<float>();
  // As many parts whatever the number of threads, added in their order: so the sum is always the same. (at::parallel_for
  // is a plain loop in what is compiled without OpenMP, as all of this is.)
  constexpr int64_t parts = 8;
  const int64_t rows = in.size(0) * shape.out_height, size = kernel * kernel * shape.channels;
  std::vector<std::vector<float>> sums(parts, std::vector<float>(static_cast<size_t>(size), 0.F));
  parallel_for(parts, at::get_num_threads(), [&](size_t part) {
    const int64_t first = static_cast<int64_t>(part) * rows / parts,
                  end = static_cast<int64_t>(part + 1) * rows / parts;
    for (int64_t i = first; i < end; ++i) {
      const int64_t image = i / shape.out_height, y = i % shape.out_height;
      add_row(shape, inputs + image * shape.height * shape.width * shape.channels,
              gradients + i * shape.out_width * shape.channels, y, sums[part], add);
    }
  });
  const at::Tensor total = at::zeros({kernel, kernel, shape.channels}, at::kFloat);
  for (std::vector<float>& part : sums)
    total.add_(at::from_blob(part.data(), {kernel, kernel, shape.channels}, at::kFloat));
  return total.permute({2, 0, 1}).unsqueeze(1).contiguous();
}

}  // namespace skylift
