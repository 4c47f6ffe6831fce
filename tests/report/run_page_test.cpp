#include "skylift/report/run_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skylift/core/error.h"
#include "skylift/core/file.h"

namespace skylift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class RunPageTest : public ::testing::Test {
 protected:
  RunPageTest() : folder(fs::path(::testing::TempDir()) / "skylift-run-page-test") {
    for (const char* name : {"plain", "distilled"}) {
      write_file(folder / name / "config.toml",
                 "[train]\nepochs = 2\nseed = " + std::string(name[0] == 'p' ? "1" : "2") + "\n");
      write_file(folder / name / "metrics.jsonl",
                 "{\"kind\":\"train\",\"step\":1,\"epoch\":0,\"loss\":2.5,\"kd_x<y\":1}\n"
                 "{\"kind\":\"eval\",\"step\":1,\"epoch\":0,\"AP\":0.1234,\"AP50\":0.25,\"AP_small\":-1}\n");
    }
  }
  ~RunPageTest() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(RunPageTest, OneRunShowsItsScoresAndAllItsOptions) {
  write_run_page(folder / "page.html", {folder / "plain"});
  const std::string page = read_file(folder / "page.html");
  EXPECT_THAT(page, HasSubstr("12.34"));
  EXPECT_THAT(page, HasSubstr("train.epochs"));
  EXPECT_THAT(page, HasSubstr("kd_x&lt;y"));
  EXPECT_THAT(page, Not(HasSubstr("kd_x<y")));
}

TEST_F(RunPageTest, SeveralRunsShowOnlyTheOptionsThatDiffer) {
  write_run_page(folder / "page.html", {folder / "plain", folder / "distilled/"});
  const std::string page = read_file(folder / "page.html");
  EXPECT_THAT(page, HasSubstr("distilled"));
  EXPECT_THAT(page, HasSubstr("train.seed"));
  EXPECT_THAT(page, Not(HasSubstr("train.epochs")));
}

TEST_F(RunPageTest, AFolderThatIsNoRunAndATornFileAreErrors) {
  EXPECT_THROW(write_run_page(folder / "page.html", {folder}), Error);
  write_file(folder / "plain/metrics.jsonl", "{\"kind\":\"tra");
  EXPECT_THROW(write_run_page(folder / "page.html", {folder / "plain"}), Error);
  EXPECT_FALSE(fs::exists(folder / "page.html"));
}

}  // namespace
}  // namespace skylift
