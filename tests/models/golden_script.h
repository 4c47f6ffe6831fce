// Golden values made by a script of tests/golden with the Python that has PyTorch: .venv's, which setup.sh makes.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace skylift {

/// Empty where the script ran; else why the test is to be skipped. Other failures of the script fail the test.
inline std::string run_golden_script(const std::string& script, const std::string& arguments) {
  const std::filesystem::path root = SKYLIFT_SOURCE_DIR, python = root / ".venv/bin/python";
  if (!std::filesystem::exists(python)) return "no .venv with PyTorch's Python part (scripts/setup.sh makes it)";
  const std::string command =
      fmt::format("'{}' -W ignore '{}' {}", python.string(), (root / "tests/golden" / script).string(), arguments);
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return script + " says that something it needs is absent";
  EXPECT_EQ(status, 0) << command;
  return "";
}

}  // namespace skylift

#define RUN_GOLDEN_SCRIPT(script, arguments)                                                       \
  if (const std::string reason = skylift::run_golden_script(script, arguments); !reason.empty()) { \
    GTEST_SKIP() << reason;                                                                        \
  }
