#include "skylift/dist/place.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (!value)
    throw Error("{}: is not set, but WORLD_SIZE is (hint: torchrun sets all that several processes need)", name);
  return value;
}

int number(const char* name, int64_t least, int64_t most) {
  const std::string text = variable(name);
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    throw Error("{}: got '{}', expected a number from {} to {}", name, text, least, most);
  return static_cast<int>(*value);
}

}  // namespace

ProcessPlace process_place() {
  ProcessPlace place;
  if (!std::getenv("WORLD_SIZE")) return place;
  place.count = number("WORLD_SIZE", 1, 1 << 16);
  place.rank = number("RANK", 0, place.count - 1);
  place.local_rank = number("LOCAL_RANK", 0, place.count - 1);
  if (std::getenv("TORCHELASTIC_RESTART_COUNT")) place.restarts = number("TORCHELASTIC_RESTART_COUNT", 0, 1 << 30);
  if (place.count == 1) return place;
  place.host = variable("MASTER_ADDR");
  place.port = number("MASTER_PORT", 1, 65535);
  const char* agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  place.agent_has_store = agent && std::string_view(agent) == "True";
  return place;
}

}  // namespace skylift
