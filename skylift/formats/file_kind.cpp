#include "skylift/formats/file_kind.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/formats/onnx_metadata.h"
#include "skylift/formats/zip.h"

namespace skylift {
namespace {

constexpr size_t kLooked = 512;

std::string lower_head(std::string_view bytes) {
  std::string head(bytes.substr(0, kLooked));
  head.erase(0, head.find_first_not_of(" \t\r\n\xEF\xBB\xBF"));
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  return head;
}

bool is_picture(std::string_view bytes) {
  for (const std::string_view magic : {"\xFF\xD8\xFF", "\x89PNG", "GIF8"}) {
    if (bytes.starts_with(magic)) return true;
  }
  return false;
}

/// A length that the file can hold, then a JSON object.
bool is_safetensors(std::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() < 9) return false;
  std::memcpy(&length, bytes.data(), 8);
  return bytes[8] == '{' && length < (uint64_t{1} << 32);
}

/// Also one with a comment or a declaration of XML before it, and the XML in which stores of files tell their errors.
bool is_web_page(const std::string& head) {
  const auto has = [&](const char* tag) { return head.find(tag) != std::string::npos; };
  return head.starts_with("<!doctype html") || head.starts_with("<head") ||
         (head.starts_with('<') && (has("<html") || has("<error")));
}

/// What no command reads, by its first bytes: what it is, and what to do.
struct ForeignKind {
  size_t at;
  std::string_view magic;
  const char *description, *hint;
};

constexpr const char *kArchive = "an archive or a compressed file", *kUnpack = " (hint: unpack it first)";
constexpr ForeignKind kForeign[] = {{0, "\x1F\x8B", kArchive, kUnpack},
                                    {0, "BZh", kArchive, kUnpack},
                                    {0, "\3757zXZ", kArchive, kUnpack},
                                    {0, "\x28\xB5\x2F\xFD", kArchive, kUnpack},
                                    {0, "7z\xBC\xAF", kArchive, kUnpack},
                                    {0, "Rar!", kArchive, kUnpack},
                                    {257, "ustar", kArchive, kUnpack},
                                    {0, "\x89HDF", "an HDF5 file, as Keras writes them", ""},
                                    {4, "TFL3", "a model of TensorFlow Lite", ""},
                                    {0, "%PDF", "a PDF", ""},
                                    {0, "GGUF", "a GGUF file", ""}};

/// A zip whose directory, at its end, names no data.pkl is none of torch.save's.
bool is_other_zip(std::string_view bytes) {
  constexpr size_t searched = 1 << 20;
  const std::string_view end = bytes.substr(bytes.size() - std::min(bytes.size(), searched));
  return looks_like_zip(bytes) && end.find("PK\x01\x02") != std::string_view::npos &&
         end.find("data.pkl") == std::string_view::npos;
}

const ForeignKind* foreign_kind(std::string_view bytes) {
  static const ForeignKind zip{0, "PK", "a zip archive", kUnpack};
  if (is_other_zip(bytes)) return &zip;
  for (const auto& kind : kForeign) {
    if (bytes.size() >= kind.at && bytes.substr(kind.at).starts_with(kind.magic)) return &kind;
  }
  const std::string head = lower_head(bytes);
  static const ForeignKind openvino{0, "<?xml", "a model of OpenVINO", ""};
  return head.starts_with("<?xml") && head.find("<net ") != std::string::npos ? &openvino : nullptr;
}

bool is_text(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kLooked);
  return !head.empty() && std::none_of(head.begin(), head.end(),
                                       [](unsigned char c) { return c < ' ' && c != '\n' && c != '\r' && c != '\t'; });
}

const char* description(FileKind kind) {
  switch (kind) {
    case FileKind::safetensors:
      return "a safetensors file";
    case FileKind::pytorch:
      return "a PyTorch checkpoint";
    case FileKind::onnx:
      return "an ONNX file";
    case FileKind::web_page:
      return "a web page";
    case FileKind::lfs_pointer:
      return "a pointer of Git LFS, not the file itself";
    case FileKind::picture:
      return "a picture";
    case FileKind::text:
      return "a text";
    case FileKind::unknown:
      break;
  }
  return "of an unknown kind";
}

const char* hint(FileKind kind) {
  switch (kind) {
    case FileKind::pytorch:
      return " (hint: skylift import makes a model or a backbone of a PyTorch checkpoint)";
    case FileKind::onnx:
      return " (hint: skylift predict, eval, serve and info take ONNX files that skylift export wrote)";
    case FileKind::web_page:
      return " (hint: the download got a page in its place; does the address need a login?)";
    case FileKind::lfs_pointer:
      return " (hint: git lfs pull fetches the file)";
    case FileKind::safetensors:
      return " (hint: skylift export writes ONNX from a model)";
    default:
      return "";
  }
}

}  // namespace

FileKind kind_of(std::string_view bytes) {
  if (is_safetensors(bytes)) return FileKind::safetensors;  // first: its length may begin like anything
  const std::string head = lower_head(bytes);
  if (is_web_page(head)) return FileKind::web_page;
  if (head.starts_with("version https://git-lfs")) return FileKind::lfs_pointer;
  if (is_picture(bytes)) return FileKind::picture;
  if (looks_like_zip(bytes) || bytes.starts_with('\x80')) return FileKind::pytorch;
  if (looks_like_onnx(bytes)) return FileKind::onnx;
  return is_text(bytes) ? FileKind::text : FileKind::unknown;
}

FileKind expect_kind(const std::filesystem::path& path, std::initializer_list<FileKind> wanted,
                     std::string_view expected) {
  const MappedFile file(path);
  const FileKind kind = kind_of(file.bytes());
  if (file.bytes().empty()) throw Error("{}: is empty, expected {}", path.string(), expected);
  const ForeignKind* foreign = kind == FileKind::safetensors ? nullptr : foreign_kind(file.bytes());
  if (foreign != nullptr)
    throw Error("{}: is {}, expected {}{}", path.string(), foreign->description, expected, foreign->hint);
  if (kind == FileKind::unknown || std::find(wanted.begin(), wanted.end(), kind) != wanted.end()) return kind;
  throw Error("{}: is {}, expected {}{}", path.string(), description(kind), expected, hint(kind));
}

}  // namespace skylift
