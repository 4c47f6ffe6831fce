#include "skylift/formats/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "skylift/core/file.h"
#include "skylift/formats/protobuf.h"

namespace skylift {
namespace {

TEST(Protobuf, WritesTheWireFormat) {
  ProtobufWriter writer;
  writer.varint(1, 150);  // the example of protobuf's own documentation
  EXPECT_EQ(writer.data(), std::string("\x08\x96\x01", 3));
  ProtobufWriter text;
  text.bytes(2, "testing");
  EXPECT_EQ(text.data(), std::string("\x12\x07testing"));
  ProtobufWriter number;
  number.fixed32(3, 1.0F);
  EXPECT_EQ(number.data(), std::string("\x1d\x00\x00\x80\x3f", 5));
}

TEST(TensorBoard, Crc32cMatchesTheStandardCheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(TensorBoard, RecordsAreFramedByLengthAndChecksums) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "skylift-tensorboard-test";
  make_folder(folder);
  {
    TensorBoardWriter writer(folder);
    writer.goes_on_after(41);
    writer.scalar("train/loss", 1.5, 7);
  }
  const auto path = std::filesystem::directory_iterator(folder)->path();
  const std::string bytes = read_file(path);
  std::filesystem::remove_all(folder);
  size_t position = 0;
  int records = 0;
  while (position < bytes.size()) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + position, 8);
    uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + position + 12 + length, 4);
    const uint32_t crc = crc32c({bytes.data() + position + 12, length});
    EXPECT_EQ(stored, ((crc >> 15) | (crc << 17)) + 0xa282ead8U);
    position += 16 + length;
    ++records;
  }
  EXPECT_EQ(records, 3);  // the version, the restart, the scalar
  // Event {step: 42, session_log {status: START}}: from here TensorBoard forgets what earlier files have of step 42 on.
  EXPECT_NE(bytes.find("\x10\x2a\x3a\x02\x08\x01"), std::string::npos);
  EXPECT_NE(bytes.find("train/loss"), std::string::npos);
}

}  // namespace
}  // namespace skylift
