#include "skylift/runs/code_version.h"

#include "code_version_text.h"  // generated at every build, see cmake/CodeVersion.cmake

namespace skylift {

std::string code_version() { return SKYLIFT_CODE_VERSION; }

}  // namespace skylift
