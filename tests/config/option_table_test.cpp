#include "skylift/config/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "tests/error_of.h"

namespace skylift {
namespace {

using ::testing::HasSubstr;

struct Options {
  std::string name = "sgd";
  double lr = 0.01;
  int epochs = 12;
  bool resume = false;
  std::vector<int> steps = {8, 11};
  std::vector<std::string> methods;
};

class OptionTableTest : public ::testing::Test {
 protected:
  OptionTableTest() {
    auto section = table.root().section("train");
    section.add("name", options.name, "update rule", one_of({"sgd", "adamw"}));
    section.add("lr", options.lr, "learning rate", between(0, 10));
    section.add("epochs", options.epochs, "passes over the data", at_least(1));
    section.add("resume", options.resume, "go on");
    section.add("steps", options.steps, "epochs after which lr falls");
    section.add("methods", options.methods, "what is distilled");
    path = std::filesystem::path(::testing::TempDir()) / "option_table_test.toml";
  }
  ~OptionTableTest() override { std::filesystem::remove(path); }

  std::string error_of(const std::string& toml) {
    write_file(path, toml);
    return skylift::error_of([&] { table.load_toml(path); });
  }

  Options options;
  OptionTable table;
  std::filesystem::path path;
};

TEST_F(OptionTableTest, ReadsEveryType) {
  EXPECT_EQ(
      error_of("[train]\nname = 'adamw'\nlr = 1\nepochs = 3\nresume = true\nsteps = [1, 2]\nmethods = ['ld', 'cid']\n"),
      "no error");
  EXPECT_EQ(options.name, "adamw");
  EXPECT_EQ(options.lr, 1.0);
  EXPECT_EQ(options.epochs, 3);
  EXPECT_TRUE(options.resume);
  EXPECT_EQ(options.steps, (std::vector<int>{1, 2}));
  EXPECT_EQ(options.methods, (std::vector<std::string>{"ld", "cid"}));
}

TEST_F(OptionTableTest, UnknownKeyNamesFileLineAndTheNearestKey) {
  const std::string message = error_of("[train]\nlr = 0.1\nepoch = 3\n");
  EXPECT_THAT(message, HasSubstr("option_table_test.toml:3"));
  EXPECT_THAT(message, HasSubstr("did you mean 'train.epochs'"));
}

TEST_F(OptionTableTest, WrongTypeRangeAndChoiceAreErrors) {
  EXPECT_THAT(error_of("train.epochs = 1.5\n"), HasSubstr("got 1.5, expected an integer of at least 1"));
  EXPECT_THAT(error_of("train.epochs = 4294967296\n"), HasSubstr("got 4294967296, expected an integer within"));
  EXPECT_THAT(error_of("train.lr = -1\n"), HasSubstr("expected a number from 0 to 10"));
  EXPECT_THAT(error_of("train.name = 'adam'\n"), HasSubstr("did you mean 'adamw'"));
  EXPECT_THAT(error_of("train = [\n"), HasSubstr("not TOML"));
}

TEST_F(OptionTableTest, SetTakesTomlAndBareWords) {
  table.set("train.name=adamw");
  table.set("train.steps=[5]");
  table.set("train.methods=ld,cid");
  table.set("train.lr = 3e-2");
  EXPECT_EQ(options.name, "adamw");
  EXPECT_EQ(options.steps, std::vector<int>{5});
  EXPECT_EQ(options.methods, (std::vector<std::string>{"ld", "cid"}));
  EXPECT_EQ(options.lr, 0.03);
  table.set("train.methods=ld");
  EXPECT_EQ(options.methods, std::vector<std::string>{"ld"});
  EXPECT_THROW(table.set("train.lr"), Error);
  EXPECT_THROW(table.set("train.lr=fast"), Error);
}

TEST_F(OptionTableTest, PrintedTomlReadsBackTheSame) {
  options.lr = 0.1 + 0.2;
  options.methods = {"a \"quoted\" one"};
  const std::string text = table.to_toml(true);
  options = Options{};
  EXPECT_EQ(error_of(text), "no error");
  EXPECT_EQ(options.lr, 0.1 + 0.2);
  EXPECT_EQ(options.methods, std::vector<std::string>{"a \"quoted\" one"});
}

/// 64 KB of them took 1.4 GB, and more of them the stack.
TEST_F(OptionTableTest, KeysOfManyPartsAreRefusedBeforeTheyTakeMemory) {
  std::string parts;
  for (int i = 0; i < 1'000'000; ++i) parts += "a.";
  EXPECT_THAT(error_of("[train]\n" + parts + "a = 1\n"), HasSubstr("option_table_test.toml:2: more than 64 dots"));
  EXPECT_THAT(error_of("[" + parts + "a]\n"), HasSubstr("more than 64 dots"));
  EXPECT_THROW(table.set("train.steps={" + parts + "a = 1}"), Error);
  EXPECT_EQ(error_of("# " + std::string(100, '.') + "\n[train]\nlr = 1\n"), "no error");
}

/// toml++ asserts that a key begins after '[', so a build with assertions ended here.
TEST_F(OptionTableTest, ControlCharactersAreRefused) {
  EXPECT_THAT(error_of("[\x16train]\n"), HasSubstr("not TOML"));
  EXPECT_THAT(error_of("train\xEF\xBB\xBD"), HasSubstr("not TOML"));  // undefined in toml++'s table of blanks
}

/// Its magnitude is no int64, and cut to an int it is 0.
TEST_F(OptionTableTest, TheLeastIntegerIsOutOfRange) {
  EXPECT_THROW(table.set("train.steps=[-9223372036854775808]"), Error);
  EXPECT_EQ(options.steps, (std::vector<int>{8, 11}));
}

}  // namespace
}  // namespace skylift
