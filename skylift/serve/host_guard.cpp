#include "skylift/serve/host_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace skylift {
namespace {

/// Without ":PORT"; an IPv6 address keeps its brackets.
std::string_view name_of(std::string_view host) {
  const size_t colon = host.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return has_port ? host.substr(0, colon) : host;
}

bool is_address(std::string_view name) {
  std::array<unsigned char, 16> ignored{};
  if (name.starts_with('[') && name.ends_with(']'))
    return ::inet_pton(AF_INET6, std::string(name.substr(1, name.size() - 2)).c_str(), ignored.data()) == 1;
  return ::inet_pton(AF_INET, std::string(name).c_str(), ignored.data()) == 1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

}  // namespace

HostGuard::HostGuard(std::vector<std::string> names) : names_(std::move(names)) {
  names_.emplace_back("localhost");
  for (std::string& name : names_) name = lower(name);
}

bool HostGuard::admits(std::string_view host, std::string_view origin) const {
  const std::string name = lower(name_of(host));
  if (name.find('\0') != std::string::npos) return false;  // inet_pton would stop there
  if (!is_address(name) && std::find(names_.begin(), names_.end(), name) == names_.end()) return false;
  // https: a proxy before us may speak it.
  return origin.empty() || origin == "http://" + std::string(host) || origin == "https://" + std::string(host);
}

}  // namespace skylift
