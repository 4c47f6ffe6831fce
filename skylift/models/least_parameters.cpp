#include "skylift/models/least_parameters.h"

#include <map>
#include <string>

namespace skylift {
namespace {

/// Half of a backbone's parameters: nearly all of them grow with the square of the width, the rest is the other half's.
double backbone_parameters(const BackboneOptions& options) {
  static const std::map<std::string, double> at_width_one = {
      {"resnet18", 11.2e6},          {"resnet34", 21.3e6},          {"resnet50", 23.5e6},
      {"resnet101", 42.5e6},         {"efficientnet_lite0", 2.9e6}, {"efficientnet_lite1", 3.7e6},
      {"efficientnet_lite2", 4.3e6}, {"mobilenet_v2", 1.8e6}};
  const auto found = at_width_one.find(options.name);
  return found == at_width_one.end() ? 0 : 0.5 * found->second * options.width * options.width;
}

}  // namespace

int64_t least_parameters(const ModelOptions& options, int class_count) {
  constexpr int64_t kernel = 9;  // all of neck and head are 3x3 but the laterals
  const int64_t neck = options.neck.channels, head = options.head.channels;
  const int64_t levels = options.neck.last_level - options.neck.first_level + 1;
  const int64_t pyramid = levels * kernel * neck * neck;
  const int64_t towers = 2 * kernel * head * (neck + (options.head.depth - 1) * head);
  const int64_t predictors = kernel * head * (class_count + 4 * (int64_t{options.head.reg_max} + 1));
  return static_cast<int64_t>(backbone_parameters(options.backbone)) + pyramid + towers + predictors;
}

}  // namespace skylift
