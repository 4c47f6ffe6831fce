// How readers tell what is wrong in a file.
#pragma once

#include <string>

#include "skylift/annotations/annotations.h"

namespace skylift {

/// Adds to `problems`; without a list throws Error("WHERE: WHAT").
void report(Problems* problems, std::string where, std::string what);

}  // namespace skylift
