// The protobuf wire format, writing side: enough for TensorBoard events and ONNX, without libprotobuf (which clashes
// with the one inside libtorch). A message is a string of fields; a nested message is written as the bytes of its own
// writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skylift {

class ProtobufWriter {
 public:
  void varint(int field, uint64_t value);
  void fixed32(int field, float value);
  void fixed64(int field, double value);
  void bytes(int field, std::string_view value);

  const std::string& data() const { return data_; }

 private:
  void key(int field, int wire_type);
  void raw_varint(uint64_t value);
  std::string data_;
};

}  // namespace skylift
