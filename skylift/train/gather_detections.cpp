#include "skylift/train/gather_detections.h"

#include <csignal>
#include <cstring>
#include <type_traits>

#include "skylift/core/stop_signal.h"
#include "skylift/dist/processes.h"

namespace skylift {
namespace {

// Among the processes of one job numbers may travel as they lie in memory.
template <class Value>
void put(std::string& bytes, const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(Value));
}

template <class Value>
Value take(const std::string& bytes, size_t& place) {
  Value value;
  std::memcpy(&value, bytes.data() + place, sizeof(Value));
  place += sizeof(Value);
  return value;
}

std::string packed(const DetectedSet& share) {
  std::string bytes;
  for (size_t i = 0; i < share.detections.size(); ++i) {
    put(bytes, share.truth.images[i].width);
    put(bytes, share.truth.images[i].height);
    put(bytes, share.detections[i].size());
    for (const Detection& detection : share.detections[i]) put(bytes, detection);
  }
  return bytes;
}

void unpack(const std::string& bytes, DetectedSet& whole) {
  for (size_t place = 0; place < bytes.size();) {
    ImageRecord& image = whole.truth.images.at(whole.detections.size());
    image.width = take<int>(bytes, place);
    image.height = take<int>(bytes, place);
    std::vector<Detection> detections(take<size_t>(bytes, place));
    for (Detection& detection : detections) detection = take<Detection>(bytes, place);
    whole.detections.push_back(std::move(detections));
  }
}

}  // namespace

DetectedSet gathered(const DetectedSet& share, AnnotationSet truth) {
  DetectedSet whole{std::move(truth), {}};
  for (const std::string& bytes : texts_of_processes(packed(share))) unpack(bytes, whole);
  return whole;
}

void throw_if_any_stopped() {
  if (in_any_process(stop_signal() != 0)) throw StoppedBySignal(stop_signal() != 0 ? stop_signal() : SIGTERM);
}

}  // namespace skylift
