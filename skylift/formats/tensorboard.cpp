#include "skylift/formats/tensorboard.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

#include "skylift/core/error.h"
#include "skylift/formats/protobuf.h"

namespace skylift {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

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

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder) {
  const auto path = folder / ("events.out.tfevents." + std::to_string(static_cast<int64_t>(seconds_now())) + "." +
                              std::to_string(::getpid()));
  stream_.open(path, std::ios::binary | std::ios::app);
  if (!stream_) throw Error("{}: cannot write", path.string());
  ProtobufWriter event;
  event.fixed64(1, seconds_now());
  event.bytes(3, "brain.Event:2");
  record(event.data());
}

void TensorBoardWriter::scalar(std::string_view tag, double value, int64_t step) {
  ProtobufWriter entry, summary, event;
  entry.bytes(1, tag);
  entry.fixed32(2, static_cast<float>(value));
  summary.bytes(1, entry.data());
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
