#include "skylift/runs/run_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "skylift/core/error.h"
#include "skylift/core/text.h"

namespace skylift {
namespace {

std::vector<std::string> first_column(const std::vector<std::vector<SqlValue>>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(std::get<std::string>(row.front()));
  return texts;
}

bool holds(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// "value = ?3"; the parameter is appended.
std::string comparison(const RunCondition& condition, const std::string& operand, bool as_text,
                       std::vector<SqlValue>& parameters) {
  parameters.push_back(as_text || condition.sign == "~" ? SqlValue(condition.value) : stored_value(condition.value));
  return condition.sign == "~" ? fmt::format("instr({}, ?{}) > 0", operand, parameters.size())
                               : fmt::format("{} {} ?{}", operand, condition.sign, parameters.size());
}

}  // namespace

RunCondition parse_condition(const std::string& text) {
  const size_t at = text.find_first_of("=!<>~");
  // The longer signs first: <= is not < with the value "=...".
  for (const char* sign : {"<=", ">=", "!=", "=", "<", ">", "~"}) {
    if (at == 0 || at == std::string::npos || text.compare(at, std::string_view(sign).size(), sign) != 0) continue;
    return {.key = std::string(trim(text.substr(0, at))),
            .sign = sign,
            .value = std::string(trim(text.substr(at + std::string_view(sign).size())))};
  }
  throw Error("--where {}: expected KEY=VALUE, or !=, <, <=, >, >=, ~ (holds the text) instead of =", text);
}

SqlValue stored_value(const std::string& text) {
  const auto number = parse_number(text);
  return number ? SqlValue(*number) : SqlValue(text);
}

std::string sql_of(const RunCondition& condition, Database& database, std::vector<SqlValue>& parameters) {
  const auto select = [&](const std::string& which) {
    return first_column(database.run("SELECT name FROM pragma_table_info('runs') WHERE " + which));
  };
  const auto columns = select("name NOT IN ('stamp', 'record')");
  if (holds(columns, condition.key))  // SQLite would make a number '2.0' to compare it with a text
    return comparison(condition, condition.key, holds(select("type = 'TEXT'"), condition.key), parameters);
  std::vector<std::string> known = columns;
  for (const char* table : {"options", "scores"}) {
    const auto keys = first_column(database.run(fmt::format("SELECT DISTINCT key FROM {}", table)));
    if (holds(keys, condition.key)) {
      parameters.emplace_back(condition.key);
      const size_t key = parameters.size();
      return fmt::format("EXISTS (SELECT 1 FROM {0} v WHERE v.run = runs.name AND v.key = ?{1} AND {2})", table, key,
                         comparison(condition, "v.value", /*as_text=*/false, parameters));
    }
    known.insert(known.end(), keys.begin(), keys.end());
  }
  const auto near = nearest_word(condition.key, known);
  throw Error("--where {}: no run has this{}", condition.key,
              near ? fmt::format(" (did you mean '{}'?)", *near)
                   : fmt::format("; expected an option, a score such as AP50, or one of {}", fmt::join(columns, ", ")));
}

}  // namespace skylift
