#include "skylift/formats/tensorboard.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

#include "skylift/core/error.h"
#include "skylift/core/text.h"
#include "skylift/formats/protobuf.h"

namespace skylift {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

/// google.protobuf.Value
std::string value_message(const std::string& text) {
  ProtobufWriter value;
  if (const auto number = parse_number(text)) {
    value.fixed64(2, *number);
  } else if (text == "true" || text == "false") {
    value.varint(4, text == "true");
  } else {
    value.bytes(3, text);
  }
  return value.data();
}

template <class T>
void write_raw(std::ostream& stream, T value) {
  stream.write(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> built{};
    for (uint32_t i = 0; i < 256; ++i) {
      built[i] = i;
      for (int bit = 0; bit < 8; ++bit) built[i] = (built[i] >> 1) ^ (built[i] & 1 ? 0x82f63b78U : 0U);
    }
    return built;
  }();
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder)
    : path_(folder / ("events.out.tfevents." + std::to_string(static_cast<int64_t>(seconds_now())) + "." +
                      std::to_string(::getpid()))) {
  stream_.open(path_, std::ios::binary | std::ios::app);
  if (!stream_) throw Error("{}: cannot write", path_.string());
  ProtobufWriter event;
  event.fixed64(1, seconds_now());
  event.bytes(3, "brain.Event:2");
  record(event.data());
}

/// Event.session_log with SessionLog.START: what torch's SummaryWriter writes for its purge_step.
void TensorBoardWriter::goes_on_after(int64_t step) {
  ProtobufWriter session, event;
  session.varint(1, 1);
  event.fixed64(1, seconds_now());
  event.varint(2, static_cast<uint64_t>(step + 1));
  event.bytes(7, session.data());
  record(event.data());
}

void TensorBoardWriter::flush() {
  stream_.flush();
  if (!stream_) throw Error("{}: cannot write (is the disk full?)", path_.string());
}

void TensorBoardWriter::scalar(std::string_view tag, double value, int64_t step) {
  ProtobufWriter entry;
  entry.bytes(1, tag);
  entry.fixed32(2, static_cast<float>(value));
  summary(entry.data(), step);
}

void TensorBoardWriter::picture(std::string_view tag, std::string_view encoded, int width_px, int height_px,
                                int64_t step) {
  ProtobufWriter image, entry;
  image.varint(1, static_cast<uint64_t>(height_px));
  image.varint(2, static_cast<uint64_t>(width_px));
  image.varint(3, 3);  // channels: RGB
  image.bytes(4, encoded);
  entry.bytes(1, tag);
  entry.bytes(4, image.data());
  summary(entry.data(), step);
}

/// The messages of tensorboard/plugins/hparams/plugin_data.proto: HParamsPluginData.session_start_info.hparams, held by
/// the metadata of a value that is nothing else.
void TensorBoardWriter::hyper_parameters(const std::map<std::string, std::string>& options) {
  ProtobufWriter session;
  for (const auto& [key, text] : options) {
    ProtobufWriter pair;
    pair.bytes(1, key);
    pair.bytes(2, value_message(text));
    session.bytes(1, pair.data());
  }
  session.fixed64(5, seconds_now());
  ProtobufWriter content, plugin, metadata, entry;
  content.bytes(3, session.data());
  plugin.bytes(1, "hparams");
  plugin.bytes(2, content.data());
  metadata.bytes(1, plugin.data());
  entry.bytes(1, "_hparams_/session_start_info");
  entry.bytes(9, metadata.data());
  summary(entry.data(), 0);
}

void TensorBoardWriter::summary(std::string_view value, int64_t step) {
  ProtobufWriter summary, event;
  summary.bytes(1, value);
  event.fixed64(1, seconds_now());
  event.varint(2, static_cast<uint64_t>(step));
  event.bytes(5, summary.data());
  record(event.data());
}

void TensorBoardWriter::record(std::string_view data) {
  const auto length = static_cast<uint64_t>(data.size());
  write_raw(stream_, length);
  write_raw(stream_, masked(crc32c({reinterpret_cast<const char*>(&length), sizeof(length)})));
  stream_.write(data.data(), static_cast<std::streamsize>(data.size()));
  write_raw(stream_, masked(crc32c(data)));
}

}  // namespace skylift
