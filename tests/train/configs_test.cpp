// Every config that is shipped reads without an error and describes a detector that can be built.
#include <gtest/gtest.h>

#include <filesystem>

#include "skylift/core/file.h"
#include "skylift/models/detector.h"
#include "skylift/train/run_options.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;

TEST(Configs, EachShippedOneReadsAndBuilds) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(SKYLIFT_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".toml") continue;
    if (entry.path().parent_path().filename() == "study") continue;  // plans, see tests/cli/study_test.py
    SCOPED_TRACE(entry.path().string());
    RunOptions options;
    OptionTable table;
    bind(table.root(), options);
    ASSERT_NO_THROW(table.load_toml(entry.path()));
    options.model.backbone.weights.clear();  // what a user fetches first
    ASSERT_NO_THROW(Detector(options.model, 10));
    ++count;
  }
  EXPECT_GE(count, 11);
}

TEST(Configs, TheResolvedConfigReadsBackTheSame) {
  RunOptions options;
  OptionTable table;
  bind(table.root(), options);
  table.set("train.optimizer.lr=0.3");
  const fs::path file = fs::path(::testing::TempDir()) / "skylift-configs-test.toml";
  write_file(file, table.to_toml());
  RunOptions again;
  OptionTable read_back;
  bind(read_back.root(), again);
  read_back.load_toml(file);
  fs::remove(file);
  EXPECT_EQ(read_back.to_toml(), table.to_toml());
  EXPECT_EQ(again.train.optimizer.lr, 0.3);
}

}  // namespace
}  // namespace skylift
