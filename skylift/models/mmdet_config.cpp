#include "skylift/models/mmdet_config.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

struct Refused {
  const char* text;
  const char* reason;
};

constexpr Refused refused[] = {
    {"style='caffe'", "has its strides in the first 1x1 convolution of a block (style='caffe')"},
    {"add_extra_convs='on_input'", "makes its extra pyramid levels from the backbone (add_extra_convs='on_input')"},
    {"add_extra_convs='on_lateral'", "makes its extra pyramid levels from the laterals (add_extra_convs='on_lateral')"},
    {"add_extra_convs=True", "makes its extra pyramid levels from the backbone (add_extra_convs=True)"},
    {"relu_before_extra_convs=True", "has ReLUs between its extra pyramid levels (relu_before_extra_convs=True)"},
};

/// Numbers of the last "KEY(1, 2)" or "KEY[1, 2]" in the text, KEY ending in its bracket; empty: none, or not numbers.
std::vector<double> numbers_after(std::string_view text, std::string_view key) {
  const size_t begin = text.rfind(key);
  if (begin == std::string_view::npos) return {};
  const size_t first = begin + key.size(), end = text.find_first_of(")]", first);
  if (end == std::string_view::npos) return {};
  std::vector<double> numbers;
  for (const auto piece : split(text.substr(first, end - first), ',')) {
    if (piece.empty()) continue;
    const auto number = parse_number(piece);
    if (!number) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<int> integer_after(std::string_view text, std::string_view key) {
  const size_t begin = text.rfind(key);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t first = begin + key.size(), end = text.find_first_not_of("0123456789", first);
  const auto number = parse_integer(text.substr(first, end == std::string_view::npos ? end : end - first));
  return number && *number > 0 && *number < 4096 ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

void take_three(std::string_view text, std::string_view key, bool bgr, std::array<float, 3>& target) {
  const auto numbers = numbers_after(text, key);
  if (numbers.size() != 3) return;
  for (size_t i = 0; i < 3; ++i) target[bgr ? 2 - i : i] = static_cast<float>(numbers[i]);
}

}  // namespace

MmdetConfig read_mmdet_config(const std::string& text, const std::string& where) {
  for (const auto& [setting, reason] : refused) {
    if (text.find(setting) != std::string::npos) {
      throw Error("{}: its config says that the network {}, which the detectors here do not", where, reason);
    }
  }
  MmdetConfig config;
  Preprocess& preprocess = config.preprocess;
  const auto has = [&](const char* what) { return text.find(what) != std::string::npos; };
  config.bgr = has("to_rgb=False") || (has("DetDataPreprocessor") && !has("bgr_to_rgb="));  // its default there
  for (const std::string bracket : {"[", "("}) {
    take_three(text, "mean=" + bracket, config.bgr, preprocess.mean);
    take_three(text, "std=" + bracket, config.bgr, preprocess.deviation);
  }
  if (const auto scale = numbers_after(text, "scale=("); scale.size() == 2 && scale[0] >= 32 && scale[1] >= 32) {
    preprocess.long_side = static_cast<int>(std::max(scale[0], scale[1]));
    preprocess.short_side = static_cast<int>(std::min(scale[0], scale[1]));
  }
  if (const auto multiple = integer_after(text, "size_divisor=")) preprocess.pad_multiple = *multiple;
  config.norm_groups = integer_after(text, "num_groups=");
  return config;
}

}  // namespace skylift
