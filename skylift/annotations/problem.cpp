#include "skylift/annotations/problem.h"

#include "skylift/core/error.h"

namespace skylift {

void report(Problems* problems, std::string where, std::string what) {
  if (!problems) throw Error("{}: {}", where, what);
  problems->push_back({std::move(where), std::move(what)});
}

}  // namespace skylift
