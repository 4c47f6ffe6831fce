// Paths of this machine, where people also give addresses.
#pragma once

#include <string_view>

namespace skylift {

/// Error: the address of something in the network where a file or folder is expected; nothing here fetches it.
void check_local(std::string_view path);

}  // namespace skylift
