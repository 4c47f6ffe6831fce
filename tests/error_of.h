// What a body throws, as text: for tests of messages.
#pragma once

#include <string>

#include "skylift/core/error.h"

namespace skylift {

template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace skylift
