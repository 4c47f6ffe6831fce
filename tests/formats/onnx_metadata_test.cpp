#include "skylift/formats/onnx_metadata.h"

#include <gmock/gmock.h>

#include "skylift/formats/protobuf.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

std::string model_with(const std::map<std::string, std::string>& metadata) {
  ProtobufWriter model;
  model.varint(1, 8);
  model.bytes(7, std::string(300, '\xff'));  // a graph, which is passed over
  for (const auto& [key, value] : metadata) {
    ProtobufWriter entry;
    entry.bytes(1, key);
    entry.bytes(2, value);
    model.bytes(14, entry.data());
  }
  return model.data();
}

TEST(OnnxMetadata, FindsKeysBehindTheGraph) {
  const std::map<std::string, std::string> metadata = {{"a", "1"}, {"empty", ""}, {"long", std::string(5000, 'y')}};
  EXPECT_EQ(onnx_metadata(model_with(metadata), "m.onnx"), metadata);
  EXPECT_TRUE(onnx_metadata("", "m.onnx").empty());
}

TEST(OnnxMetadata, EveryCutIsRefusedOrEndsBetweenFields) {
  const std::string whole = model_with({{"key", "value"}});
  const size_t last_field = whole.size() - 14;
  for (size_t length = last_field + 1; length < whole.size(); ++length) {
    EXPECT_THAT(error_of([&] { onnx_metadata(whole.substr(0, length), "m.onnx"); }), ::testing::HasSubstr("m.onnx"))
        << length;
  }
}

TEST(OnnxMetadata, InputsOutputsAndFilesOfWeightsAreTheGraphs) {
  ProtobufWriter input, output, key, place, constant, graph, model;
  input.bytes(1, "images");
  output.bytes(1, "boxes");
  key.bytes(1, "length");
  key.bytes(2, "8");
  place.bytes(1, "location");
  place.bytes(2, "model.onnx_data");
  constant.bytes(8, "weight");
  constant.bytes(13, place.data());
  constant.bytes(13, key.data());
  graph.bytes(1, "node");
  for (int i = 0; i < 2; ++i) graph.bytes(5, constant.data());
  graph.bytes(11, input.data());
  graph.bytes(12, output.data());
  model.varint(1, 8);
  model.bytes(7, graph.data());
  EXPECT_THAT(onnx_outputs(model.data(), "m.onnx"), testing::ElementsAre("boxes"));
  EXPECT_THAT(onnx_inputs(model.data(), "m.onnx"), testing::ElementsAre("images"));
  EXPECT_THAT(onnx_weight_files(model.data(), "m.onnx"), testing::ElementsAre("model.onnx_data"));
  EXPECT_TRUE(looks_like_onnx(model.data()));
  EXPECT_FALSE(looks_like_onnx(std::string_view(model.data()).substr(0, model.data().size() - 1)));
  EXPECT_FALSE(looks_like_onnx(""));
}

}  // namespace
}  // namespace skylift
