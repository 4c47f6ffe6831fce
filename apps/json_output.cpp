#include "apps/json_output.h"

#include <cstdio>

#include "skylift/core/file.h"

namespace skylift {

void write_json(const std::string& where, std::string_view json) {
  if (where == "-") {
    std::fwrite(json.data(), 1, json.size(), stdout);
  } else if (!where.empty()) {
    write_file(where, json);
  }
}

}  // namespace skylift
