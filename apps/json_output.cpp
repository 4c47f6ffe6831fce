#include "apps/json_output.h"

#include <cstdio>

#include "skylift/core/file.h"

namespace skylift {

bool write_json(const std::string& where, std::string_view json) {
  if (where.empty()) return false;
  if (where != "-") return write_file(where, json), false;
  std::fwrite(json.data(), 1, json.size(), stdout);
  return true;
}

}  // namespace skylift
