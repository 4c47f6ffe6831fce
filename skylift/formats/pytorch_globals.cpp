#include "skylift/formats/pytorch_globals.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace skylift {
namespace {

struct TypeRow {
  std::string_view storage;  ///< class name without "Storage"; empty: none
  std::string_view name;
  std::optional<DType> dtype;
  size_t bytes;
};

constexpr std::array<TypeRow, 24> types = {{{"Double", "float64", DType::F64, 8},
                                            {"Float", "float32", DType::F32, 4},
                                            {"Half", "float16", DType::F16, 2},
                                            {"BFloat16", "bfloat16", DType::BF16, 2},
                                            {"Long", "int64", DType::I64, 8},
                                            {"Int", "int32", DType::I32, 4},
                                            {"Short", "int16", DType::I16, 2},
                                            {"Char", "int8", DType::I8, 1},
                                            {"Byte", "uint8", DType::U8, 1},
                                            {"Bool", "bool", DType::BOOL, 1},
                                            {"ComplexFloat", "complex64", DType::C64, 8},
                                            {"ComplexDouble", "complex128", std::nullopt, 16},
                                            {"QInt8", "qint8", std::nullopt, 1},
                                            {"QUInt8", "quint8", std::nullopt, 1},
                                            {"QInt32", "qint32", std::nullopt, 4},
                                            {"QUInt4x2", "quint4x2", std::nullopt, 1},
                                            {"QUInt2x4", "quint2x4", std::nullopt, 1},
                                            {"Untyped", "untyped bytes", DType::U8, 1},
                                            {"", "uint16", DType::U16, 2},
                                            {"", "uint32", DType::U32, 4},
                                            {"", "uint64", DType::U64, 8},
                                            {"", "float8_e5m2", DType::F8_E5M2, 1},
                                            {"", "float8_e4m3fn", DType::F8_E4M3, 1},
                                            {"", "complex32", std::nullopt, 4}}};

ElementType element_type(const TypeRow& row) { return {std::string(row.name), row.dtype, row.bytes}; }

/// The part of `text` between two texts, or nothing.
std::optional<std::string_view> between(std::string_view text, std::string_view first, std::string_view last) {
  if (!text.starts_with(first) || !text.ends_with(last) || text.size() < first.size() + last.size())
    return std::nullopt;
  return text.substr(first.size(), text.size() - first.size() - last.size());
}

bool is_tensor_name(const std::string& global) {
  static const std::set<std::string_view> names = {"collections.OrderedDict",
                                                   "torch.Size",
                                                   "torch.Tensor",
                                                   "torch.device",
                                                   "torch.storage.UntypedStorage",
                                                   "torch.nn.parameter.Parameter",
                                                   "torch.nn.parameter.Buffer",
                                                   "torch._tensor._rebuild_from_type_v2",
                                                   "torch.serialization._get_layout",
                                                   "torch._C._Generator",
                                                   "torch.Generator"};
  return names.contains(global) || global.starts_with("torch._utils._rebuild_") || storage_type(global) ||
         torch_type(global);
}

/// Metadata that stays unread: plain types of Python, and classes of which training tools leave objects.
bool is_metadata_name(const std::string& global) {
  static const std::set<std::string_view> names = {"_codecs.encode",
                                                   "copyreg._reconstructor",
                                                   "copy_reg._reconstructor",
                                                   "argparse.Namespace",
                                                   "addict.addict.Dict",
                                                   "easydict.EasyDict",
                                                   "yacs.config.CfgNode",
                                                   "fvcore.common.config.CfgNode",
                                                   "uuid.UUID",
                                                   "decimal.Decimal",
                                                   "pathlib.Path",
                                                   "pathlib.PosixPath",
                                                   "pathlib.PurePosixPath",
                                                   "pathlib.WindowsPath",
                                                   "pathlib.PureWindowsPath",
                                                   "pathlib._local.PosixPath",
                                                   "pathlib._local.WindowsPath",
                                                   "datetime.datetime",
                                                   "datetime.date",
                                                   "datetime.timedelta",
                                                   "datetime.timezone",
                                                   "collections.defaultdict",
                                                   "collections.Counter",
                                                   "collections.deque"};
  // getattr is how older protocols name a method: mmengine's message hub keeps HistoryBuffer.mean and the like.
  static const std::set<std::string_view> types = {"object", "bool",      "int",       "float",   "complex", "str",
                                                   "bytes",  "bytearray", "list",      "tuple",   "dict",    "set",
                                                   "slice",  "range",     "frozenset", "unicode", "long",    "getattr"};
  for (const char* module : {"builtins.", "__builtin__."}) {
    if (const auto name = between(global, module, "")) return types.contains(*name);
  }
  constexpr const char* modules[] = {
      "mmengine.",     "mmcv.",       "mmdet.", "numpy.core.multiarray.", "numpy._core.multiarray.",
      "numpy.dtypes.", "torch.optim."};
  return names.contains(global) || global == "numpy.ndarray" || global == "numpy.dtype" ||
         std::any_of(std::begin(modules), std::end(modules),
                     [&](const char* module) { return global.starts_with(module); });
}

}  // namespace

bool checkpoint_may_name(const std::string& global) { return is_tensor_name(global) || is_metadata_name(global); }

std::optional<ElementType> storage_type(const std::string& global) {
  if (global == "torch.storage.UntypedStorage") return storage_type("torch.UntypedStorage");
  const auto name = between(global, "torch.", "Storage");
  if (!name || name->empty()) return std::nullopt;
  for (const auto& row : types) {
    if (row.storage == *name) return element_type(row);
  }
  return std::nullopt;
}

std::optional<ElementType> torch_type(const std::string& global) {
  const auto name = between(global, "torch.", "");
  for (const auto& row : types) {
    if (name && row.name == *name) return element_type(row);
  }
  return std::nullopt;
}

}  // namespace skylift
