// What a checkpoint of hostile making must not multiply: memory and time beyond its own size.
#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "pickle_writer.h"
#include "skylift/formats/checkpoint.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string six = floats({1, 2, 3, 4, 5, 6});
const TensorSpec plain = {.shape = {2, 3}, .strides = {3, 1}, .elements = 6};

class PytorchLimitsTest : public ::testing::Test {
 protected:
  StateDict read(const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    const PytorchFile file(path);
    StateDict state = read_state_dict(file);
    values.clear();
    for (auto& tensor : state.tensors) values.push_back(tensor.view.row_major());  // while the file is open
    return state;
  }
  std::string error_reading(const std::string& bytes) {
    return error_of([&] { read(bytes); });
  }

  TempFolder folder;
  std::filesystem::path path = folder / "m.pth";
  std::vector<std::string> values;
};

TEST_F(PytorchLimitsTest, NamesThatARepeatedTextMultipliesAreRefused) {
  PickleWriter pickle;
  pickle.op("}(").text(std::string(2000, 'n')).op("N").op("u");
  EXPECT_THAT(error_reading(torch_zip(pickle.end(), {})), HasSubstr("no state dict"));
  // One text of 500 bytes in the memo, as key of 200,000 entries: 100 MB of names from 1 MB of file.
  PickleWriter many;
  many.op("}(").text("w");
  write_tensor(many, plain);
  many.op("X").op(raw(uint32_t{500})).op(std::string(500, 'n')).op("q").op(std::string(1, '\0')).op("N");
  for (int i = 0; i < 200'000; ++i) many.op(std::string("h\0N", 3));
  EXPECT_THAT(error_reading(torch_zip(many.op("u").end(), {six})), HasSubstr("names of more than"));
  PickleWriter one;
  one.op("}(").text("w");
  write_tensor(one, plain);
  one.text(std::string(2'000'000, 'n')).op("Nu");
  EXPECT_THAT(error_reading(torch_zip(one.end(), {six})), HasSubstr("a name of 2000000 bytes"));
}

TEST_F(PytorchLimitsTest, DimensionsAreLimited) {
  const std::vector<int64_t> ones(65, 1);
  EXPECT_THAT(error_reading(torch_zip(state_pickle({.shape = ones, .strides = ones, .elements = 6}), {six})),
              HasSubstr("expected a storage, an offset, a shape"));
  const std::vector<int64_t> fewer(64, 1);
  EXPECT_EQ(read(torch_zip(state_pickle({.shape = fewer, .strides = fewer, .elements = 6}), {six})).tensors.size(), 1U);
}

/// The step along an axis of one element is never taken; whatever stands there must not overflow either.
TEST_F(PytorchLimitsTest, StridesThatNobodyStepsAlongMayBeAnything) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const TensorSpec spec = {.shape = {2, 1, 3}, .strides = {3, most, 1}, .elements = 6};
  EXPECT_EQ(read(torch_zip(state_pickle(spec), {six})).tensors.size(), 1U);
  EXPECT_EQ(values.at(0), six);
}

/// Each looked for among all others, they would not be through within the test's time limit.
TEST_F(PytorchLimitsTest, ManyLegacyStoragesAreReadInOnePass) {
  constexpr int count = 450'000;
  const auto memo = [](char place) { return std::string("q") + place; };
  PickleWriter pickle, keys;
  pickle.op("}(").text("w");
  write_tensor(pickle, plain);
  pickle.text("storages").op("](").text("storage").op(memo(1)).global("torch", "FloatStorage").op(memo(2));
  keys.op("](").text("0");
  std::string storages;
  for (int i = 1; i <= count; ++i) {
    pickle.op("(h\1h\2").text(std::to_string(i)).op("tQ");
    keys.text(std::to_string(i));
    storages += raw(int64_t{1}) + floats({1});
  }
  const std::string whole = torch_legacy(pickle.op("eu").end(), "", 0);
  const std::string tail = PickleWriter().op("](").text("0").op("e").end() + raw(int64_t{0});
  ASSERT_TRUE(whole.ends_with(tail));
  const std::string head = whole.substr(0, whole.size() - tail.size());
  const StateDict state = read(head + keys.op("e").end() + raw(int64_t{6}) + six + storages);
  EXPECT_EQ(state.tensors.size(), 1U);
  EXPECT_THAT(state.skipped, ElementsAre("storages"));
}

}  // namespace
}  // namespace skylift
