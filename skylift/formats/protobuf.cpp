#include "skylift/formats/protobuf.h"

#include <cstring>

namespace skylift {
namespace {

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <class T>
void append_raw(std::string& data, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));  // the wire format is little-endian, as every machine we build for
  data.append(raw, sizeof(T));
}

}  // namespace

void ProtobufWriter::raw_varint(uint64_t value) {
  while (value >= 0x80) {
    data_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  data_.push_back(static_cast<char>(value));
}

void ProtobufWriter::key(int field, int wire_type) {
  raw_varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}

void ProtobufWriter::varint(int field, uint64_t value) {
  key(field, kVarint);
  raw_varint(value);
}

void ProtobufWriter::fixed32(int field, float value) {
  key(field, kFixed32);
  append_raw(data_, value);
}

void ProtobufWriter::fixed64(int field, double value) {
  key(field, kFixed64);
  append_raw(data_, value);
}

void ProtobufWriter::bytes(int field, std::string_view value) {
  key(field, kBytes);
  raw_varint(value.size());
  data_.append(value);
}

}  // namespace skylift
