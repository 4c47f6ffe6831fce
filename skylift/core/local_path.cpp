#include "skylift/core/local_path.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {

void check_local(std::string_view path) {
  std::string scheme(path.substr(0, std::min(path.find("://"), path.size())));
  if (scheme.size() == path.size()) return;
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (scheme == "file") throw Error("{}: got an address, expected a path (hint: leave file:// away)", path);
  for (const char* remote : {"http", "https", "ftp", "s3", "gs", "hf"}) {
    if (scheme == remote)
      throw Error("{}: nothing is fetched from the network (hint: download it and give the file)",
                  without_password(path));
  }
}

}  // namespace skylift
