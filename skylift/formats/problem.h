// How readers tell what is wrong in a file, and how they quote what they found there.
#pragma once

#include <string>
#include <string_view>

#include "skylift/formats/annotations.h"

namespace skylift {

/// Adds to `problems`; without a list throws Error("WHERE: WHAT").
void report(Problems* problems, std::string where, std::string what);

/// Text of a file as it may stand in one line of a message: control characters as '?', at most 60 characters.
std::string in_quotes(std::string_view text);

}  // namespace skylift
