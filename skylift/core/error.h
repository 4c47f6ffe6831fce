// The one exception of the library: something the user can mend. The program prints its message as one line and exits
// with 2; any other exception is a fault of ours or of the machine and ends in exit status 1.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace skylift {

/// A mistake in what the user gave: a file, an option, data. The message says where, what was got, what was expected,
/// and a hint:
///   throw Error("{}:{}: got {} fields, expected 8 (x,y,w,h,score,category,truncation,occlusion)", path, line, count);
class Error : public std::runtime_error {
 public:
  template <class... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

}  // namespace skylift
