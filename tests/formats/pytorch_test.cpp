#include "skylift/formats/pytorch.h"

#include <gmock/gmock.h>

#include <fstream>

#include "pickle_writer.h"
#include "skylift/core/rng.h"
#include "skylift/formats/checkpoint.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string six = floats({1, 2, 3, 4, 5, 6});
const TensorSpec plain = {.shape = {2, 3}, .strides = {3, 1}, .elements = 6};

class PytorchTest : public ::testing::Test {
 protected:
  /// Without write_file's wait for the disk: some tests write thousands of files.
  void write(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

  StateDict read(const std::string& bytes, const std::string& key = "") {
    write(bytes);
    const PytorchFile file(path);
    StateDict state = read_state_dict(file, key);
    values.clear();
    for (auto& tensor : state.tensors) values.push_back(tensor.view.row_major());  // while the file is open
    return state;
  }

  /// One line that names the file.
  std::string error_reading(const std::string& bytes) {
    const std::string message = error_of([&] { read(bytes); });
    if (message != "no error") {
      EXPECT_THAT(message, AllOf(HasSubstr(path.string()), Not(HasSubstr("\n"))));
    }
    return message;
  }

  TempFolder folder;
  std::filesystem::path path = folder / "m.pth";
  std::vector<std::string> values;
};

TEST_F(PytorchTest, BothFormatsHoldTheSameTensor) {
  for (const std::string& bytes : {torch_zip(state_pickle(plain), {six}), torch_legacy(state_pickle(plain), six, 6)}) {
    const StateDict state = read(bytes);
    ASSERT_EQ(state.tensors.size(), 1u);
    EXPECT_EQ(state.tensors[0].name, "w");
    EXPECT_EQ(state.tensors[0].view.dtype, DType::F32);
    EXPECT_THAT(state.tensors[0].view.shape, ElementsAre(2, 3));
    EXPECT_EQ(values[0], six);
  }
}

TEST_F(PytorchTest, AnyStridesAndOffsetsBecomeRowMajor) {
  const auto values_of = [&](std::vector<int64_t> shape, std::vector<int64_t> strides, int64_t offset) {
    read(torch_zip(state_pickle({.shape = shape, .strides = strides, .offset = offset, .elements = 6}), {six}));
    return values.at(0);
  };
  EXPECT_EQ(values_of({3, 2}, {1, 3}, 0), floats({1, 4, 2, 5, 3, 6}));  // transposed
  EXPECT_EQ(values_of({2, 2}, {3, 1}, 1), floats({2, 3, 5, 6}));        // a slice
  EXPECT_EQ(values_of({3}, {2}, 1), floats({2, 4, 6}));
  EXPECT_EQ(values_of({2, 2}, {0, 1}, 4), floats({5, 6, 5, 6}));  // expanded
  EXPECT_EQ(values_of({}, {}, 3), floats({4}));
  EXPECT_EQ(values_of({2, 1, 3}, {3, 77, 1}, 0), six);  // the stride of a single element does not count
  EXPECT_EQ(values_of({0, 3}, {3, 1}, 0), "");
}

TEST_F(PytorchTest, EveryStorageTypeHasItsOwn) {
  const std::string bytes(16, '\x01');
  const std::vector<std::pair<std::string, DType>> types = {
      {"DoubleStorage", DType::F64},      {"HalfStorage", DType::F16}, {"BFloat16Storage", DType::BF16},
      {"LongStorage", DType::I64},        {"IntStorage", DType::I32},  {"ShortStorage", DType::I16},
      {"CharStorage", DType::I8},         {"ByteStorage", DType::U8},  {"BoolStorage", DType::BOOL},
      {"ComplexFloatStorage", DType::C64}};
  for (const auto& [storage, dtype] : types) {
    const auto elements = static_cast<int64_t>(16 / dtype_bytes(dtype));
    const TensorSpec spec = {.shape = {elements}, .strides = {1}, .elements = elements, .storage = storage};
    const StateDict state = read(torch_zip(state_pickle(spec), {bytes}));
    EXPECT_EQ(state.tensors.at(0).view.dtype, dtype) << storage;
    EXPECT_EQ(values.at(0), bytes) << storage;
  }
  const TensorSpec quantised = {.shape = {16}, .strides = {1}, .elements = 16, .storage = "QInt8Storage"};
  EXPECT_THAT(error_reading(torch_zip(state_pickle(quantised), {bytes})), AllOf(HasSubstr("'w'"), HasSubstr("qint8")));
}

TEST_F(PytorchTest, AViewThatLeavesItsStorageIsAnError) {
  const auto error_with = [&](TensorSpec spec) { return error_reading(torch_zip(state_pickle(spec), {six})); };
  EXPECT_THAT(error_with({.shape = {7}, .strides = {1}, .elements = 6}),
              HasSubstr("reaches element 6 of a storage of 6"));
  EXPECT_THAT(error_with({.shape = {2, 3}, .strides = {3, 1}, .offset = 1, .elements = 6}),
              HasSubstr("reaches element 6"));
  EXPECT_THAT(error_with({.shape = {2, 3}, .strides = {4, 1}, .elements = 6}), HasSubstr("'w'"));
  EXPECT_THAT(error_with({.shape = {2, 3}, .strides = {-3, 1}, .elements = 6}), HasSubstr("expected a storage"));
  EXPECT_THAT(error_with({.shape = {2, 3}, .strides = {3}, .elements = 6}), HasSubstr("expected a storage"));
  EXPECT_THAT(error_with({.shape = {6}, .strides = {1}, .offset = -1, .elements = 6}), HasSubstr("expected a storage"));
  EXPECT_THAT(error_with({.shape = {6}, .strides = {1}, .elements = 7}), HasSubstr("has 24 bytes"));
  EXPECT_THAT(error_with({.shape = {6}, .strides = {1}, .elements = 6, .key = "1"}), HasSubstr("has 0 bytes"));
}

TEST_F(PytorchTest, HugeShapesAreRefusedBeforeTheyTakeMemory) {
  const int64_t huge = 1'000'000'000'000'000'000;
  const auto error_with = [&](std::vector<int64_t> shape, std::vector<int64_t> strides) {
    return error_reading(torch_zip(state_pickle({.shape = shape, .strides = strides, .elements = 6}), {six}));
  };
  EXPECT_THAT(error_with({huge}, {1}), HasSubstr("'w'"));
  EXPECT_THAT(error_with({huge, huge}, {0, 0}), HasSubstr("overflows 63 bits"));
  EXPECT_THAT(error_with({huge / 100}, {0}), HasSubstr("much larger than the file"));
  EXPECT_THAT(error_with({2, 2}, {huge * 9, huge * 9}), HasSubstr("overflows 63 bits"));
}

TEST_F(PytorchTest, WhateverCallsSomethingElseIsRefusedByName) {
  const auto named = [](const char* module, const char* name) { return PickleWriter().global(module, name); };
  const std::vector<std::pair<std::string, std::string>> pickles = {
      {"\x80\x02(S'echo owned'\nios\nsystem\n.", "os.system"},
      {named("os", "system").text("echo owned").op("\x85R").end(), "os.system"},
      {named("posix", "system").text("echo owned").op("\x85R").end(), "posix.system"},
      {PickleWriter().text("posix").text("system").op("\x93").text("echo owned").op("\x85R").end(), "posix.system"},
      {PickleWriter().op("(").global("os", "system").text("echo owned").op("o").end(), "os.system"},
      {named("__builtin__", "eval").text("1").op("\x85R").end(), "__builtin__.eval"},
      {named("subprocess", "Popen").op(")\x81").end(), "subprocess.Popen"},
      {named("builtins", "__import__").end(), "builtins.__import__"},
      {named("functools", "partial").end(), "functools.partial"},
      {named("torch.hub", "load").end(), "torch.hub.load"}};
  for (const auto& [pickle, name] : pickles) {
    const auto refused = AllOf(HasSubstr("'" + name + "'"), HasSubstr("refused"));
    EXPECT_THAT(error_reading(torch_zip(pickle, {})), refused);
    EXPECT_THAT(error_reading(torch_legacy(pickle, "", 0)), refused);
    EXPECT_THAT(error_reading(pickle), refused);  // without PyTorch's frame
  }
  EXPECT_THAT(error_reading(torch_zip("cos\nsystem\n(S'echo owned'\ntR.", {})), HasSubstr("'os.system'"));
}

TEST_F(PytorchTest, ARefusedNameInNestedMetadataIsFoundToo) {
  PickleWriter pickle;
  pickle.op("}(").text("w");
  write_tensor(pickle, plain);
  pickle.text("meta").op("}(").text("hook").global("os", "system").text("echo owned").op("\x85Ruu");
  EXPECT_THAT(error_reading(torch_zip(pickle.end(), {six})), HasSubstr("'os.system'"));
}

TEST_F(PytorchTest, WhatAnAttributeWouldGiveIsNotCalledEither) {
  PickleWriter pickle;
  pickle.global("builtins", "getattr").global("mmengine.fileio", "io").text("get").op("\x86R").text("x").op("\x85R");
  EXPECT_THAT(error_reading(torch_zip(pickle.end(), {})), HasSubstr("a call of something that is no global"));
}

TEST_F(PytorchTest, MetadataOfTrainingToolsStaysUnread) {
  PickleWriter pickle;
  pickle.op("}(").text("meta").op("}(").text("CLASSES").op("(").text("car").text("bus").op("t");
  pickle.text("config").text("norm_cfg = dict(type='GN')");
  pickle.text("log")
      .global("mmengine.logging.history_buffer", "HistoryBuffer")
      .op(")\x81}(")
      .text("x")
      .integer(1)
      .op("ub");
  pickle.text("mean").global("__builtin__", "getattr").global("mmengine.logging.history_buffer", "HistoryBuffer");
  pickle.text("mean").op("\x86R");
  pickle.text("array").global("numpy.core.multiarray", "scalar").global("numpy", "dtype").text("f8").op("\x85R");
  pickle.text("12345678").op("\x86R").op("u");
  pickle.text("state_dict").global("collections", "OrderedDict").op(")R(").text("module.w");
  write_tensor(pickle, plain);
  pickle.text("module.steps").integer(7).op("uu");
  const StateDict state = read(torch_zip(pickle.end(), {six}));
  EXPECT_EQ(state.key, "state_dict");
  EXPECT_EQ(state.prefix, "module.");
  ASSERT_EQ(state.tensors.size(), 1u);
  EXPECT_EQ(state.tensors[0].name, "w");
  EXPECT_THAT(state.skipped, ElementsAre("module.steps"));
  const CheckpointMetadata metadata = read_metadata(PytorchFile(path));
  EXPECT_THAT(metadata.classes, ElementsAre("car", "bus"));
  EXPECT_THAT(metadata.config, HasSubstr("GN"));
}

/// {KEY: {"w": tensor}, ...}, nested where a key has a dot.
std::string with_keys(const std::vector<std::string>& keys) {
  PickleWriter pickle;
  pickle.op("}(");
  for (const auto& key : keys) {
    const size_t dot = key.find('.');
    pickle.text(key.substr(0, dot)).op("}(");
    if (dot != std::string::npos) pickle.text(key.substr(dot + 1)).op("}(");
    pickle.text("w");
    write_tensor(pickle, plain);
    pickle.op(dot != std::string::npos ? "uu" : "u");
  }
  return torch_zip(pickle.op("u").end(), {six});
}

TEST_F(PytorchTest, AveragedWeightsAreTakenBeforeOthers) {
  EXPECT_EQ(read(with_keys({"state_dict", "state_dict_ema"})).key, "state_dict_ema");
  EXPECT_EQ(read(with_keys({"model", "ema.module"})).key, "ema.module");
  EXPECT_EQ(read(with_keys({"model_state_dict", "optimizer"})).key, "model_state_dict");
  const StateDict mmengine = read(with_keys({"ema_state_dict", "state_dict"}));  // mmengine swaps the two on saving
  EXPECT_EQ(mmengine.key, "state_dict");
  EXPECT_THAT(mmengine.others, ElementsAre("ema_state_dict"));
  EXPECT_EQ(read(with_keys({"ema_state_dict", "state_dict"}), "ema_state_dict").key, "ema_state_dict");
  EXPECT_THAT(error_of([&] { read(with_keys({"model"}), "ema"); }), HasSubstr("no state dict 'ema'"));
  EXPECT_THAT(error_reading(with_keys({})), HasSubstr("no state dict"));
  EXPECT_EQ(read(with_keys({"model.backbone"})).tensors.at(0).name, "backbone.w");
}

TEST_F(PytorchTest, AnyKeyAndATensorBesideHideNothing) {
  const StateDict unusual = read(with_keys({"heads", "body.net"}));
  EXPECT_EQ(unusual.key, "");
  ASSERT_EQ(unusual.tensors.size(), 2u);
  EXPECT_EQ(unusual.tensors[0].name, "heads.w");
  EXPECT_EQ(unusual.tensors[1].name, "body.net.w");

  PickleWriter beside;
  beside.op("}(").text("mean");
  write_tensor(beside, plain);
  beside.text("state_dict").op("}(").text("w");
  write_tensor(beside, plain);
  EXPECT_EQ(read(torch_zip(beside.op("uu").end(), {six})).key, "state_dict");
}

TEST_F(PytorchTest, AKeyMayBeAPartOfTheNames) {
  const StateDict state = read(with_keys({"state_dict.teacher", "state_dict.student"}), "student");
  ASSERT_EQ(state.tensors.size(), 1u);
  EXPECT_EQ(state.prefix, "state_dict.student.");
  EXPECT_EQ(state.tensors[0].name, "w");
}

TEST_F(PytorchTest, ParametersAndSparseTensorsAreToldApart) {
  PickleWriter parameter;
  parameter.op("}(").text("w").global("torch._utils", "_rebuild_parameter").op("(");
  write_tensor(parameter, plain);
  parameter.op("\x88").global("collections", "OrderedDict").op(")RtRu");
  EXPECT_EQ(read(torch_zip(parameter.end(), {six})).tensors.size(), 1u);
  EXPECT_EQ(values.at(0), six);
  PickleWriter sparse;
  sparse.op("}(").text("w").global("torch._utils", "_rebuild_sparse_tensor").op(")Ru");
  EXPECT_THAT(error_reading(torch_zip(sparse.end(), {})), AllOf(HasSubstr("'w'"), HasSubstr("_rebuild_sparse_tensor")));
}

TEST_F(PytorchTest, ThingsThatContainThemselvesEnd) {
  PickleWriter dict;  // {"state_dict": d} where d["a"] is d and d["w"] a tensor
  dict.op("}(").text("state_dict").op("}q\x01(").text("w");
  write_tensor(dict, plain);
  dict.text("a").op("h\x01uu");
  EXPECT_THAT(error_reading(torch_zip(dict.end(), {six})), HasSubstr("deep"));
  PickleWriter doubling;  // dicts that hold the one before eight times, and a tensor each
  doubling.op("}(").text("w");
  write_tensor(doubling, plain);
  doubling.op("uq\x01");
  for (int level = 0; level < 8; ++level) {
    doubling.op("0}(").text("w");
    write_tensor(doubling, plain);
    for (int i = 0; i < 8; ++i) doubling.integer(i).op("h\x01");
    doubling.op("uq\x01");
  }
  EXPECT_THAT(error_reading(torch_zip(doubling.end(), {six})), HasSubstr("entries"));
  PickleWriter parameter;  // a parameter whose arguments hold it
  parameter.op("}(")
      .text("w")
      .global("torch._utils", "_rebuild_parameter")
      .op("]q\x01R")
      .op("q\x02")
      .op("h\x01h\x02"
          "a0u");
  EXPECT_THAT(error_reading(torch_zip(parameter.end(), {})), HasSubstr("m.pth"));
}

TEST_F(PytorchTest, OtherFilesAreNamed) {
  EXPECT_THAT(error_reading(""), HasSubstr("neither"));
  EXPECT_THAT(error_reading("hello"), HasSubstr("neither"));
  EXPECT_THAT(error_reading(PickleWriter().integer(3).end()), HasSubstr("neither"));
  EXPECT_THAT(error_reading(zip_of({{"m/other", "x"}})), HasSubstr("without data.pkl"));
  EXPECT_THAT(error_reading(zip_of({{"m/data.pkl", "x"}, {"m/constants.pkl", "x"}})), HasSubstr("TorchScript"));
  EXPECT_THAT(error_reading(zip_of({{"m/data.pkl", "x"}, {"m/byteorder", "big"}})), HasSubstr("'big'"));
  EXPECT_THAT(error_reading(torch_legacy(state_pickle(plain), six, 6, false)), HasSubstr("big-endian"));
}

TEST_F(PytorchTest, ArchivesThatUnpackToMoreThanTheyAreAreRefused) {
  EXPECT_THAT(error_reading(zip_of({{"m/data.pkl", state_pickle(plain)}, {"m/data/0", six, 8}})),
              AllOf(HasSubstr("'m/data/0' is compressed"), HasSubstr("method 8")));
  EXPECT_THAT(error_reading(zip_of({{"m/data.pkl", "x"}, {"m/data.pkl", "x"}})), HasSubstr("stands twice"));
}

TEST_F(PytorchTest, ArchiveEntriesMayNotOverlap) {
  // The second entry's content is a whole third entry, to which the directory then points.
  const std::string inner = zip_of({{"m/data/1", six}}).substr(0, 30 + 8 + six.size());
  std::string file = zip_of({{"m/data.pkl", state_pickle(plain)}, {"m/data/0", inner}, {"m/data/1", six}});
  const size_t name_in_directory = file.rfind("m/data/1");
  file.replace(name_in_directory - 4, 4, raw(static_cast<uint32_t>(file.find(inner))));
  EXPECT_THAT(error_reading(file), HasSubstr("entries 'm/data/0' and 'm/data/1' overlap"));
  file.replace(name_in_directory - 4, 4, raw(uint32_t{0}));
  EXPECT_THAT(error_reading(file), HasSubstr("'m/data/1' is not at 0"));
  file.replace(name_in_directory - 4, 4, raw(uint32_t{0xfffffff0}));
  EXPECT_THAT(error_reading(file), HasSubstr("cut off"));
}

TEST_F(PytorchTest, ACutOffFileIsAnErrorAtEveryLength) {
  for (const std::string& whole : {torch_zip(state_pickle(plain), {six}), torch_legacy(state_pickle(plain), six, 6)}) {
    ASSERT_EQ(error_reading(whole), "no error");
    for (size_t length = 0; length < whole.size(); ++length) {
      EXPECT_NE(error_reading(whole.substr(0, length)), "no error") << length;
    }
  }
}

TEST_F(PytorchTest, DamagedFilesNeverCrash) {
  Rng rng(11);
  for (const std::string& whole : {torch_zip(state_pickle(plain), {six}), torch_legacy(state_pickle(plain), six, 6),
                                   with_keys({"model.backbone", "ema"})}) {
    int refused = 0;
    for (int trial = 0; trial < 4000; ++trial) {
      std::string damaged = whole;
      for (int i = 0; i <= trial % 4; ++i) {
        damaged[static_cast<size_t>(rng.index(static_cast<int64_t>(whole.size())))] = static_cast<char>(rng.index(256));
      }
      write(damaged);
      try {
        const PytorchFile file(path);
        for (const auto& tensor : read_state_dict(file).tensors) tensor.view.row_major();
        read_metadata(file);
      } catch (const Error&) {
        ++refused;  // any other exception fails the test
      }
    }
    EXPECT_GT(refused, 400);
  }
}

}  // namespace
}  // namespace skylift
