// Which code this is.
#pragma once

#include <string>

namespace skylift {

/// "0.1.0 (b9a5feb0d1c2)", with "-dirty" behind the commit where files differed from it; without git the version alone.
std::string code_version();

}  // namespace skylift
