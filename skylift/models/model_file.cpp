#include "skylift/models/model_file.h"

#include "skylift/core/error.h"
#include "skylift/models/card_text.h"
#include "skylift/models/fold.h"
#include "skylift/models/least_parameters.h"
#include "skylift/models/tensor_file.h"

namespace skylift {
namespace {

ModelCard read_card(const TextMap& metadata, const std::filesystem::path& path) {
  const auto found = metadata.find(model_card_key);
  if (found == metadata.end()) {
    throw Error(
        "{}: a safetensors file without '{}' in its metadata, expected a model that skylift wrote; a backbone's "
        "weights go into model.backbone.weights",
        path.string(), model_card_key);
  }
  return card_from_text(found->second, path.string());
}

/// Before the network is built: a few bytes of card can name one that fills the memory. Half of what it takes will do:
/// load_state() names what is missing.
void check_size(const TensorFile& file, const ModelCard& card, const std::filesystem::path& path) {
  int64_t values = 0;
  for (const NamedTensor& named : file.tensors) values += named.tensor.numel();
  const int64_t least = least_parameters(card.options, static_cast<int>(card.classes.size()));
  if (values < least / 2) {
    throw Error("{}: its card describes a network of at least {} parameters, but the file holds {} values",
                path.string(), least, values);
  }
}

}  // namespace

void save_model(const std::filesystem::path& path, const Detector& detector, ModelCard card, bool keep_lifting) {
  if (static_cast<int>(card.classes.size()) != detector.class_count()) {
    throw Error("{}: got {} class names for a detector of {} classes", path.string(), card.classes.size(),
                detector.class_count());
  }
  DetectorState state = keep_lifting ? plain_state(detector) : folded_state(detector);
  card.options = state.options;
  card.options.backbone.weights.clear();  // the file has them; the recipe says where they came from
  write_tensors(path, state.tensors, {{model_card_key, card_text(card)}, {"format", "pt"}});
}

Model load_model(const std::filesystem::path& path) {
  const TensorFile file = read_tensors(path);
  Model model;
  model.card = read_card(file.metadata, path);
  check_size(file, model.card, path);
  model.detector =
      make_detector({model.card.options, file.tensors}, static_cast<int>(model.card.classes.size()), path.string());
  return model;
}

}  // namespace skylift
