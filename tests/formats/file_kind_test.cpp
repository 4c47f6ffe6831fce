#include "skylift/formats/file_kind.h"

#include <gmock/gmock.h>

#include "skylift/formats/safetensors.h"
#include "tests/temp_folder.h"

namespace skylift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(FileKind, IsByTheFirstBytes) {
  EXPECT_EQ(kind_of("\xEF\xBB\xBF\n<!DOCTYPE html><html>"), FileKind::web_page);
  EXPECT_EQ(kind_of("<HTML><head>"), FileKind::web_page);
  EXPECT_EQ(kind_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), FileKind::lfs_pointer);
  EXPECT_EQ(kind_of("PK\x03\x04..."), FileKind::pytorch);
  EXPECT_EQ(kind_of("\x80\x02\x8a"), FileKind::pytorch);
  EXPECT_EQ(kind_of("\xFF\xD8\xFF\xE0"), FileKind::picture);
  EXPECT_EQ(kind_of("[train]\nepochs = 5\n"), FileKind::text);
  EXPECT_EQ(kind_of(std::string("\x08\x08\x3a\x01x", 5)), FileKind::onnx);
  EXPECT_EQ(kind_of(std::string("\x08\x08\x3a\x09x", 5)), FileKind::unknown);  // cut off
  EXPECT_EQ(kind_of(""), FileKind::unknown);
}

TEST(FileKind, TheMessageSaysWhatItIsAndWhatToDo) {
  const TempFolder folder;
  const auto message = [&](const std::string& bytes) {
    write_file(folder / "x.pth", bytes);
    return error_of([&] { expect_kind(folder / "x.pth", {FileKind::safetensors}, "a model"); });
  };
  EXPECT_THAT(message("<html>"), AllOf(HasSubstr("x.pth: is a web page, expected a model"), HasSubstr("login")));
  EXPECT_THAT(message("version https://git-lfs"), HasSubstr("git lfs pull"));
  EXPECT_THAT(message("PK\x03\x04"), HasSubstr("skylift import"));
  EXPECT_THAT(message(std::string("\x08\x08\x3a\x01x", 5)), HasSubstr("an ONNX file"));
  EXPECT_THAT(message(""), HasSubstr("x.pth: is empty, expected a model"));
  EXPECT_THAT(message("\x1F\x8B\x08"), AllOf(HasSubstr("a compressed file"), HasSubstr("unpack")));
  EXPECT_THAT(message(std::string(257, 'a') + "ustar"), HasSubstr("an archive"));
  EXPECT_THAT(message("PK\x03\x04 PK\x01\x02 best.pth"), HasSubstr("is a zip archive, expected a model (hint: unpack"));
  EXPECT_THAT(message("PK\x03\x04 PK\x01\x02 best/data.pkl"), HasSubstr("skylift import"));
  EXPECT_THAT(message("\x89HDF\r\n"), HasSubstr("HDF5"));
  EXPECT_THAT(message("<?xml version=\"1.0\"?>\n<net name=\"m\">"), HasSubstr("a model of OpenVINO"));
  EXPECT_THAT(message("<!-- saved from -->\n<html>"), HasSubstr("a web page"));
  EXPECT_THAT(message("<?xml version=\"1.0\"?><Error><Code>AccessDenied"), HasSubstr("a web page"));
  EXPECT_EQ(message("\x01\x02"), "no error");  // the reader says what is wrong
  write_safetensors(folder / "x.pth", {});
  EXPECT_EQ(expect_kind(folder / "x.pth", {FileKind::safetensors}, "a model"), FileKind::safetensors);
  for (const char* address : {"https://host/x.pth", "HTTPS://host/x.pth", "s3://bucket/x.pth", "gs://bucket/x.pth"})
    EXPECT_THAT(error_of([&] { expect_kind(address, {}, ""); }), HasSubstr("nothing is fetched")) << address;
  EXPECT_THAT(error_of([&] { expect_kind("file:///x.pth", {}, ""); }), HasSubstr("leave file:// away"));
}

}  // namespace
}  // namespace skylift
