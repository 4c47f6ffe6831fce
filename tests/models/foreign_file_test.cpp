#include "skylift/models/foreign_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/models/golden_script.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

/// Names, types, shapes and every byte.
void expect_same(const fs::path& checkpoint, const fs::path& expected_path) {
  const PytorchFile file(checkpoint);
  const StateDict state = read_state_dict(file);
  const SafetensorsFile expected(expected_path);
  EXPECT_EQ(state.tensors.size(), expected.tensors().size()) << checkpoint;
  for (const auto& [name, view] : state.tensors) {
    const TensorView* wanted = expected.find(name);
    ASSERT_NE(wanted, nullptr) << checkpoint << " " << name;
    EXPECT_EQ(dtype_name(view.dtype), dtype_name(wanted->dtype)) << checkpoint << " " << name;
    EXPECT_EQ(view.shape, wanted->shape) << checkpoint << " " << name;
    EXPECT_TRUE(view.row_major() == wanted->bytes) << checkpoint << " " << name;
  }
}

TEST(ForeignFile, ReadsWhatPytorchWritesTensorForTensor) {
  const TempFolder folder;
  RUN_GOLDEN_SCRIPT("checkpoints.py", "make " + folder.path().string());
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() != ".pth") continue;
    expect_same(entry.path(), fs::path(entry.path()).replace_extension(".safetensors"));
    ++count;
  }
  EXPECT_EQ(count, 19);

  // As tensors they are contiguous and own their memory, also those that shared a storage.
  const ForeignFile file = read_foreign(folder / "views-legacy.pth");
  const at::Tensor *base = file.find("base"), *transposed = file.find("transposed");
  ASSERT_NE(base, nullptr);
  ASSERT_NE(transposed, nullptr);
  EXPECT_TRUE(transposed->equal(base->t()));
  EXPECT_TRUE(transposed->is_contiguous());
  EXPECT_FALSE(transposed->is_alias_of(*base));
  EXPECT_EQ(file.find("absent"), nullptr);
}

TEST(ForeignFile, RealCheckpointsLoadAsInPytorch) {
  const char* folder_name = std::getenv("SKYLIFT_CHECKPOINTS");
  if (folder_name == nullptr) GTEST_SKIP() << "SKYLIFT_CHECKPOINTS names no folder with .pth and .th files";
  const TempFolder folder;
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder_name)) {
    const fs::path extension = entry.path().extension();
    if (extension != ".pth" && extension != ".th") continue;
    const fs::path expected = folder / "expected.safetensors";
    RUN_GOLDEN_SCRIPT("checkpoints.py", fmt::format("load '{}' {}", entry.path().string(), expected.string()));
    expect_same(entry.path(), expected);
    ++count;
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace skylift
