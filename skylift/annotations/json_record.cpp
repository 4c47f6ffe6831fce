#include "skylift/annotations/json_record.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "skylift/core/text.h"

namespace skylift {
namespace {

namespace ondemand = simdjson::ondemand;

[[noreturn]] void mismatch(ondemand::value value, const char* expected) {
  std::string_view got;
  ondemand::json_type type;
  if (!value.type().get(type)) {
    if (type == ondemand::json_type::array) got = "a list";
    if (type == ondemand::json_type::object) got = "an object";
  }
  throw JsonMismatch{
      "", fmt::format("got {}, expected {}", got.empty() ? in_quotes(trim(value.raw_json_token())) : std::string(got),
                      expected)};
}

}  // namespace

std::string_view JsonField::unquoted() {
  std::string_view token = trim(value_.raw_json_token());
  const bool quoted = token.size() >= 2 && token.front() == '"' && token.back() == '"';
  return quoted ? token.substr(1, token.size() - 2) : token;
}

int64_t JsonField::integer() {
  int64_t out = 0;
  if (!value_.get_int64().get(out)) return out;
  if (const auto whole = parse_integer(unquoted())) return *whole;
  constexpr double exact = 1LL << 53;
  const auto whole = parse_number(unquoted());
  if (!whole || *whole != std::floor(*whole) || std::abs(*whole) > exact) mismatch(value_, "an integer");
  return static_cast<int64_t>(*whole);
}

JsonId JsonField::id() {
  if (!is(ondemand::json_type::string)) {
    const std::string_view token = unquoted();
    const bool too_long =
        !token.empty() && token.find_first_not_of("-0123456789") == std::string_view::npos && !parse_integer(token);
    return too_long ? JsonId{0, std::string(token)} : JsonId{integer(), {}};
  }
  std::string name = text();
  const bool digits = name.find_first_not_of("0123456789") == std::string::npos && name.size() < 19;
  if (name.empty() || (digits && (name[0] != '0' || name == "0"))) return {integer(), {}};
  return {0, std::move(name)};
}

int JsonField::integer(int low, int high) {
  const int64_t out = integer();
  if (out < low || out > high)
    throw JsonMismatch{"", fmt::format("got {}, expected an integer from {} to {}", out, low, high)};
  return static_cast<int>(out);
}

double JsonField::number() {
  double out = 0;
  if (!value_.get_double().get(out)) return out;
  const auto quoted = is(ondemand::json_type::string) ? parse_number(unquoted()) : std::nullopt;
  if (!quoted) mismatch(value_, "a number");
  return *quoted;
}

bool JsonField::flag() {
  bool yes = false;
  if (!value_.get_bool().get(yes)) return yes;
  const auto out = parse_number(unquoted());
  if (!out || (*out != 0 && *out != 1)) mismatch(value_, "0, 1, true or false");
  return *out == 1;
}

bool JsonField::is_null() {
  bool yes = false;
  return (!value_.is_null().get(yes) && yes) || trim(value_.raw_json_token()) == "NaN";
}

bool JsonField::is(ondemand::json_type type) {
  ondemand::json_type found;
  return !value_.type().get(found) && found == type;
}

std::string JsonField::text() {
  std::string_view out;
  if (value_.get_string().get(out)) mismatch(value_, "a text in quotes");
  return std::string(out);
}

BoxXywh JsonField::box() {
  BoxXywh out;
  if (!box_if_any(out)) throw JsonMismatch{"", "got 0 numbers, expected 4: [x, y, width, height]"};
  return out;
}

bool JsonField::box_if_any(BoxXywh& out) {
  std::array<double, 4> side{};
  size_t count = 0;
  each([&](JsonField& element) {
    const double value = element.number();
    if (count < 4) side[count] = value;
    ++count;
  });
  if (count != 0 && count != 4)
    throw JsonMismatch{"", fmt::format("got {} numbers, expected 4: [x, y, width, height]", count)};
  out = {side[0], side[1], side[2], side[3]};
  return count == 4;
}

void JsonField::each(const std::function<void(JsonField&)>& element) {
  ondemand::array list;
  if (value_.get_array().get(list)) mismatch(value_, "a list");
  size_t index = 0;
  for (auto item : list) {
    JsonField field("", item.value());
    try {
      element(field);
    } catch (JsonMismatch& wrong) {
      wrong.path = fmt::format("[{}]{}", index, wrong.path);
      throw;
    }
    ++index;
  }
}

void JsonField::members(const std::function<void(JsonField&)>& member) {
  ondemand::object object;
  if (value_.get_object().get(object)) mismatch(value_, "an object");
  for (auto item : object) {
    const std::string name(std::string_view(item.unescaped_key()));
    JsonField field(name, item.value());
    if (field.is_null()) continue;
    try {
      member(field);
    } catch (JsonMismatch& wrong) {
      wrong.path = fmt::format(".{}{}", name, wrong.path);
      throw;
    }
  }
}

std::string parse_record(ondemand::parser& parser, std::string_view text, const char* end, std::string& path,
                         const std::function<void(JsonField&)>& field) {
  // simdjson reads a little past the object: what follows in the file serves, only the last object of a file needs a
  // copy.
  simdjson::padded_string copy;
  simdjson::padded_string_view padded(text, text.size() + simdjson::SIMDJSON_PADDING);
  if (static_cast<size_t>(end - (text.data() + text.size())) < simdjson::SIMDJSON_PADDING) {
    copy = simdjson::padded_string(text);
    padded = copy;
  }
  path.clear();
  try {
    ondemand::document document = parser.iterate(padded);
    for (auto member : document.get_object()) {
      const std::string_view key = member.unescaped_key();
      path = key;  // a copy: messages need the key, and parsing of the value may overwrite simdjson's buffer
      JsonField entry(path, member.value());
      if (!entry.is_null()) field(entry);
    }
  } catch (const JsonMismatch& wrong) {
    path = fmt::format(".{}{}", path, wrong.path);
    return wrong.what;
  } catch (const simdjson::simdjson_error& error) {
    if (!path.empty()) path = fmt::format(".{}", path);
    return fmt::format("got {}, expected a JSON object: {}", in_quotes(text), error.what());
  }
  return {};
}

std::string json_position(const std::filesystem::path& path, const JsonMember& member, size_t index,
                          std::string_view below) {
  return fmt::format("{}: ${}{}[{}]{}", path.string(), member.key.empty() ? "" : ".", member.key, index, below);
}

}  // namespace skylift
