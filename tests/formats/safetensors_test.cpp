#include "skylift/formats/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>

#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

class SafetensorsTest : public ::testing::Test {
 protected:
  std::string error_reading(const std::string& bytes) {
    write_file(path, bytes);
    const std::string message = error_of([&] { SafetensorsFile file(path); });
    if (message != "no error") {
      EXPECT_THAT(message, HasSubstr(path.string()));
      EXPECT_THAT(message, Not(HasSubstr("\n")));
    }
    return message;
  }
  std::string error_reading_header(const std::string& header, const std::string& data = "") {
    return error_reading(file_of(header, data));
  }

  TempFolder folder;
  std::filesystem::path path = folder / "m.safetensors";
};

TEST_F(SafetensorsTest, RoundTripKeepsNamesOrderShapesBytesAndMetadata) {
  const std::string flags("\x01\x00\x01", 3), weights(24, 'w'), halves(4, 'h'), doubles(8, 'd');
  const std::vector<TensorView> tensors = {{"flags", DType::BOOL, {3}, flags},
                                           {"weight", DType::F32, {2, 3}, weights},
                                           {"empty", DType::I64, {0, 5}, {}},
                                           {"half \"x\"", DType::BF16, {2}, halves},
                                           {"scalar", DType::F64, {}, doubles}};
  write_safetensors(path, tensors, {{"classes", "car\nbus"}, {"format", "pt"}});

  SafetensorsFile opened(path);
  const SafetensorsFile file(std::move(opened));
  EXPECT_EQ(file.metadata(), (TextMap{{"classes", "car\nbus"}, {"format", "pt"}}));
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file.tensors()[i].name, tensors[i].name);
    EXPECT_EQ(file.tensors()[i].dtype, tensors[i].dtype);
    EXPECT_EQ(file.tensors()[i].shape, tensors[i].shape);
    EXPECT_EQ(file.tensors()[i].bytes, tensors[i].bytes);
  }
  EXPECT_EQ(file.tensor("weight").elements(), 6);
  EXPECT_EQ(file.tensor("scalar").elements(), 1);
  EXPECT_EQ(file.find("nothing"), nullptr);
  EXPECT_THAT(error_of([&] { file.tensor("weigth"); }), HasSubstr("did you mean 'weight'"));
}

TEST_F(SafetensorsTest, EveryTensorIsAlignedWhateverTheOrder) {
  const std::string one(1, 'a'), four(4, 'b'), eight(8, 'c'), two(2, 'd');
  const std::vector<TensorView> tensors = {{"a", DType::U8, {1}, one},
                                           {"b", DType::F32, {1}, four},
                                           {"c", DType::I64, {1}, eight},
                                           {"d", DType::F16, {1}, two}};
  write_safetensors(path, tensors);
  const std::string bytes = read_file(path);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  const SafetensorsFile file(path);
  for (const auto& tensor : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % dtype_bytes(tensor.dtype), 0u) << tensor.name;
  }
}

TEST_F(SafetensorsTest, NoTensorsAtAllIsAFile) {
  write_safetensors(path, {});
  EXPECT_TRUE(SafetensorsFile(path).tensors().empty());
}

TEST_F(SafetensorsTest, ReadsTheLayoutOfOtherWriters) {
  // Literal bytes, so that a mistake common to our reader and writer shows.
  const std::string data("\x00\x00\x80\x3f\x07", 5);
  ASSERT_EQ(error_reading_header(R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                 R"("n":{"dtype":"I8","shape":[1,1],"data_offsets":[4,5]}}  )",
                                 data),
            "no error");
  const SafetensorsFile file(path);
  float value = 0;
  std::memcpy(&value, file.tensor("w").bytes.data(), 4);
  EXPECT_EQ(value, 1.0f);
  EXPECT_EQ(file.tensor("n").bytes, "\x07");
  EXPECT_THAT(file.tensor("n").shape, ElementsAre(1, 1));
}

TEST_F(SafetensorsTest, LengthsAreChecked) {
  EXPECT_THAT(error_reading(""), HasSubstr("not a safetensors file"));
  EXPECT_THAT(error_reading("1234567"), HasSubstr("7 bytes, expected at least 8"));
  EXPECT_THAT(error_reading(std::string(16, '\xff')), HasSubstr("cut off"));
  EXPECT_THAT(error_reading(file_of("{}", "").substr(0, 9)), HasSubstr("cut off"));
  EXPECT_THAT(error_of([&] { SafetensorsFile file(folder / "absent"); }), HasSubstr("cannot open"));
}

TEST_F(SafetensorsTest, GarbageHeadersAreErrors) {
  EXPECT_THAT(error_reading_header("{]"), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header(""), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header("{} {}"), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header("{\"a\xff\": 1}"), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header(std::string(100'000, '[')), HasSubstr("no JSON object"));
  EXPECT_THAT(error_reading_header(R"({"w": 3})"), HasSubstr("tensor 'w': not an object"));
  EXPECT_THAT(error_reading_header(R"({"__metadata__": {"a": 1}})"), HasSubstr("value of 'a' is not a text"));
  EXPECT_THAT(error_reading_header(R"({"__metadata__": {"a": "1", "a": "2"}})"), HasSubstr("'a' stands twice"));
  EXPECT_THAT(error_reading_header(R"({"a\nb": 3})"), HasSubstr("tensor 'a?b'"));
}

struct BadTensor {
  const char* text;
  const char* expected;
};

TEST_F(SafetensorsTest, EveryFieldOfATensorIsChecked) {
  const std::vector<BadTensor> cases = {
      {R"({"dtype":"F33","shape":[1],"data_offsets":[0,4]})", "got dtype 'F33'"},
      {R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})", "no 'dtype'"},
      {R"({"shape":[1],"data_offsets":[0,4]})", "once each"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})", "unknown key 'x'"},
      {R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})", "once each"},
      {R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", "'shape'[0] is not an integer"},
      {R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", "'shape'[0] is not an integer"},
      {R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]})", "'shape'[0] is not an integer"},
      {R"({"dtype":"F32","shape":[1000000000000000000,1000000000000000000],"data_offsets":[0,4]})", "overflows"},
      {R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})", "overflows"},
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", "got 4 bytes, expected 8 for F32 [2]"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", "begin <= end"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,5]})", "expected begin <= end <= 4"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", "expected begin <= end <= 4"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", "got 1 data_offsets"},
      {R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", "no 'shape'"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(error_reading_header(std::string("{\"w\":") + bad.text + "}", "1234"),
                AllOf(HasSubstr("'w'"), HasSubstr(bad.expected)));
  }
}

TEST_F(SafetensorsTest, OverlapsGapsAndTwinsAreErrors) {
  const std::string w = R"("w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  EXPECT_THAT(error_reading_header("{" + w + "," + w + "}", "1234"), HasSubstr("tensor 'w' stands twice"));
  EXPECT_THAT(error_reading_header("{" + w + R"(,"v":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})", "1234567"),
              HasSubstr("overlap"));
  EXPECT_THAT(error_reading_header("{" + w + R"(,"v":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}})", "1234567"),
              HasSubstr("tensor 'v': 1 bytes before it belong to no tensor"));
  EXPECT_THAT(error_reading_header("{" + w + "}", "12345"), HasSubstr("1 bytes at the end belong to no tensor"));
}

TEST_F(SafetensorsTest, WriterRefusesWhatItCouldNotReadBack) {
  const std::string four(4, 'b');
  const auto write = [&](std::vector<TensorView> tensors) {
    return error_of([&] { write_safetensors(path, tensors); });
  };
  EXPECT_THAT(write({{"a", DType::U8, {4}, four}, {"a", DType::U8, {4}, four}}),
              HasSubstr("two tensors are named 'a'"));
  EXPECT_THAT(write({{"__metadata__", DType::U8, {4}, four}}), HasSubstr("two tensors are named"));
  EXPECT_THAT(write({{"a", DType::F32, {2}, four}}), HasSubstr("do not fit F32 [2]"));
  EXPECT_THAT(write({{"a\xff", DType::F32, {1}, four}}), HasSubstr("not UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace skylift
