// What a file is by its first bytes, whatever its name: people give a checkpoint as a model, an ONNX file as a
// checkpoint, and what a failed download left as either.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace skylift {

enum class FileKind { safetensors, pytorch, onnx, web_page, lfs_pointer, picture, text, unknown };

FileKind kind_of(std::string_view bytes);

/// The kind of a file that is about to be read as one of `wanted`; FileKind::unknown passes, since its reader says best
/// what is wrong in it. Error: cannot be opened, or another kind: says which, what it is good for, and `expected`.
FileKind expect_kind(const std::filesystem::path& path, std::initializer_list<FileKind> wanted,
                     std::string_view expected);

}  // namespace skylift
