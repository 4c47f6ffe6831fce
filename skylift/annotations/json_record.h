// Many small JSON objects of one kind, each parsed by simdjson, in parallel, with the JSON path in every message.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skylift/annotations/annotations.h"
#include "skylift/annotations/json_split.h"
#include "skylift/annotations/problem.h"
#include "skylift/core/parallel.h"

namespace skylift {

/// A value of another kind than wanted; caught where the path is known.
struct JsonMismatch {
  std::string path;  ///< below the field: "", "[2]"
  std::string what;  ///< "got X, expected Y"
};

/// What a record is known by: a number, or a text in its place. "7" is the number 7; "007", and what no 64 bits hold, a
/// text.
struct JsonId {
  int64_t number = 0;
  std::string text;  ///< empty: a number
};

/// One "name": value of an object. A value can be taken once; the functions throw JsonMismatch.
class JsonField {
 public:
  JsonField(std::string_view key, simdjson::ondemand::value value) : key(key), value_(value) {}

  // Numbers may stand in quotes, as spreadsheets and web forms write them.
  int64_t integer();  ///< also as 7.0: tables with gaps make floats of whole numbers
  int integer(int low, int high);
  JsonId id();
  double number();
  bool flag();  ///< true, false, 0 or 1
  /// null, or Python's NaN: "absent" of pandas and many exporters. Records and members() pass such fields over.
  bool is_null();
  std::string text();
  BoxXywh box();                  ///< [x, y, width, height]
  bool box_if_any(BoxXywh& out);  ///< the same; false: the list is empty
  bool is(simdjson::ondemand::json_type type);
  /// Calls element(value, index) for each element of a list.
  void each(const std::function<void(JsonField&)>& element);

  /// Calls member(field) for each member of an object.
  void members(const std::function<void(JsonField&)>& member);

  std::string_view key;  ///< empty for an element of a list

 private:
  std::string_view unquoted();

  simdjson::ondemand::value value_;
};

/// Calls field(f) for each member of the object in `text`; returns what is wrong, or an empty text. `parser` is reused.
/// `path` gets the place of the mistake below the object: ".bbox[2]". `end` is the end of the memory that may be read.
std::string parse_record(simdjson::ondemand::parser& parser, std::string_view text, const char* end, std::string& path,
                         const std::function<void(JsonField&)>& field);

/// "FILE: $.annotations[3].bbox"; for a list without a key "FILE: $[3].bbox".
std::string json_position(const std::filesystem::path& path, const JsonMember& member, size_t index,
                          std::string_view below = {});

/// A field that a record must have: `seen` gets the bit when it is read.
struct RequiredField {
  unsigned bit;
  const char* name;
  const char* expected;
};

/// Records with `unsigned seen`, parallel to `list.elements`; those reported as bad have seen == 0.
template <class Record>
std::vector<Record> read_records(const std::filesystem::path& path, const JsonMember& list, const char* end,
                                 Problems* problems, const std::vector<RequiredField>& required,
                                 void (*take)(Record&, JsonField&)) {
  constexpr size_t chunk = 2048;
  std::vector<Record> records(list.elements.size());
  std::vector<Problems> found((records.size() + chunk - 1) / chunk);
  parallel_for(found.size(), 0, [&](size_t c) {
    simdjson::ondemand::parser parser;
    std::string below;
    for (size_t i = c * chunk; i < std::min(records.size(), (c + 1) * chunk); ++i) {
      Record& record = records[i];
      std::string wrong =
          parse_record(parser, list.elements[i], end, below, [&](JsonField& field) { take(record, field); });
      for (const auto& field : required) {
        if (!wrong.empty() || (record.seen & field.bit)) continue;
        below = std::string(".") + field.name;
        wrong = std::string("missing, expected ") + field.expected;
      }
      if (wrong.empty()) continue;
      record.seen = 0;
      found[c].push_back({json_position(path, list, i, below), std::move(wrong)});
    }
  });
  for (auto& part : found) {
    for (auto& problem : part) report(problems, std::move(problem.where), std::move(problem.what));
  }
  return records;
}

}  // namespace skylift
