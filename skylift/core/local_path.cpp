#include "skylift/core/local_path.h"

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {

void check_local(std::string_view path) {
  if (path.starts_with("http://") || path.starts_with("https://"))
    throw Error("{}: nothing is fetched from the network (hint: download it and give the file)",
                without_password(path));
}

}  // namespace skylift
