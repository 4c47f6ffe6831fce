// What `skylift runs --where` asks for: "state=done", "train.seed>=1", "AP50>0.2", "name~visdrone".
#pragma once

#include <string>
#include <vector>

#include "skylift/runs/sqlite.h"

namespace skylift {

struct RunCondition {
  std::string key;    ///< a column of the store, an option, or a score
  std::string sign;   ///< =, !=, <, <=, >, >= or ~ (holds the text)
  std::string value;  ///< a number is compared as one, but with a column of texts (a run may be called 2)
};

/// Error: no sign, no key.
RunCondition parse_condition(const std::string& text);

/// Text as the store holds it: as a number where it is one.
SqlValue stored_value(const std::string& text);

/// A condition on the table `runs`; appends its parameters. Error: a key that no run has (names the nearest).
std::string sql_of(const RunCondition& condition, Database& database, std::vector<SqlValue>& parameters);

}  // namespace skylift
