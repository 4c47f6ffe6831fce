#include "skylift/annotations/open_data.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "skylift/annotations/data_format.h"
#include "skylift/core/error.h"

namespace skylift {
namespace fs = std::filesystem;
namespace {

/// A SPEC cut at its last colon, unless the whole of it is a path.
struct Place {
  fs::path path;
  std::string suffix;
};

Place place_of(std::string_view spec) {
  const size_t colon = spec.rfind(':');
  if (fs::exists(spec) || colon == std::string_view::npos) return {fs::path(spec), ""};
  return {fs::path(spec.substr(0, colon)), std::string(spec.substr(colon + 1))};
}

const DataFormat& find_format(std::string_view spec, const Place& place) {
  std::string looked_for;
  for (const auto& format : data_format_table()) {
    if (format.recognise(place.path)) return format;
    looked_for += fmt::format("{}{} ({})", looked_for.empty() ? "" : "; ", format.looks_like, format.name);
  }
  throw Error("{}: no data set of a known format; looked for {}", spec, looked_for);
}

}  // namespace

AnnotationSet open_data(std::string_view spec, Problems* problems) {
  std::string_view rest = spec, forced;
  if (rest.starts_with("format=")) {
    const size_t comma = rest.find(',');
    if (comma == std::string_view::npos)
      throw Error("{}: got no comma after the format's name, expected format=NAME,PATH", spec);
    forced = rest.substr(7, comma - 7);
    rest.remove_prefix(comma + 1);
  }
  const Place place = place_of(rest);
  if (!fs::exists(place.path)) throw Error("{}: no such file or folder", place.path.string());
  const DataFormat& format = forced.empty() ? find_format(spec, place) : data_format(forced);
  if (!place.suffix.empty() && !std::strchr(format.looks_like, ':')) {
    throw Error("{}: got ':{}' after a {} data set, which has no parts to choose from", spec, place.suffix,
                format.name);
  }
  return format.read(place.path, place.suffix, problems);
}

}  // namespace skylift
