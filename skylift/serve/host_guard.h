// Which pages of the user's browser may talk to the server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skylift {

/// A page of another site can make a browser call us: then Origin is that site, not our Host. If that site makes its
/// own name point to this machine (DNS rebinding), then Host is that name: only names that are ours, and addresses in
/// numbers, which nobody can point elsewhere, are answered.
class HostGuard {
 public:
  /// `names`: what the server is called besides localhost.
  explicit HostGuard(std::vector<std::string> names);

  /// The values of the headers Host and Origin; an empty origin: not a browser's cross-site request.
  bool admits(std::string_view host, std::string_view origin) const;

 private:
  std::vector<std::string> names_;
};

}  // namespace skylift
