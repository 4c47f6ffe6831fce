#include "skylift/study/plan.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "skylift/core/error.h"
#include "skylift/core/file.h"
#include "skylift/core/path_query.h"
#include "skylift/core/text.h"
#include "skylift/core/toml.h"
#include "skylift/eval/evaluation.h"

namespace skylift {
namespace {

/// One table of the plan, with messages that say where.
class TableReader {
 public:
  TableReader(const std::filesystem::path& file, const toml::table& table, std::vector<std::string> keys)
      : file_(file), table_(table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (std::find(keys.begin(), keys.end(), name) == keys.end())
        throw Error("{}: unknown key '{}'{}", where(node), name, suggestion(name, keys));
    }
  }

  std::string text(const char* key) const {
    const toml::node* node = table_.get(key);
    if (!node) return {};
    if (!node->is_string()) throw Error("{}: {}: expected a text", where(*node), key);
    return node->as_string()->get();
  }

  template <class T>
  std::vector<T> list(const char* key, std::vector<T> otherwise = {}) const {
    const toml::node* node = table_.get(key);
    if (!node) return otherwise;
    constexpr const char* kind = std::is_same_v<T, int> ? "integers" : "texts";
    std::vector<T> values;
    const toml::array* array = node->as_array();
    if (!array) throw Error("{}: {}: expected a list of {}", where(*node), key, kind);
    for (const toml::node& item : *array) {
      const auto value = item.value_exact<std::conditional_t<std::is_same_v<T, int>, int64_t, std::string>>();
      if (!value) throw Error("{}: {}: expected a list of {}", where(item), key, kind);
      values.push_back(static_cast<T>(*value));
    }
    return values;
  }

  std::string where() const { return where(table_); }

 private:
  std::string where(const toml::node& node) const {
    return fmt::format("{}:{}", file_.string(), node.source().begin.line);
  }
  const std::filesystem::path& file_;
  const toml::table& table_;
};

void check_order(const StudyPlan& plan, const PlannedRun& run, const std::string& where) {
  std::vector<std::string> names;
  for (const PlannedRun& earlier : plan.runs) names.push_back(earlier.name);
  const auto known = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (run.name.empty() || run.config.empty()) throw Error("{}: a run needs a name and a config", where);
  if (known(run.name)) throw Error("{}: two runs are called '{}'", where, run.name);
  if (run.name.find('/') != std::string::npos)
    throw Error("{}: '{}': a name is a folder's, without /", where, run.name);
  if (run.seeds.empty()) throw Error("{}: '{}': no seeds; the study or the run names them", where, run.name);
  if (!run.teacher.empty() && !known(run.teacher) && !is_there(run.teacher))
    throw Error("{}: teacher '{}' is no earlier run and no file", where, run.teacher);
  for (const std::string& name : run.against) {
    if (!known(name))
      throw Error("{}: against '{}': no earlier run of this name{}", where, name, suggestion(name, names));
  }
}

/// A plan's paths begin in its folder or, as those on the command line, in the working folder; a name stays one.
std::string path_in(const std::filesystem::path& folder, const std::string& text,
                    bool (*is_one)(const std::filesystem::path&)) {
  return !text.empty() && is_one(folder / text) ? (folder / text).string() : text;
}

PlannedRun read_run(const TableReader& table, const std::filesystem::path& folder, const TableReader& study) {
  PlannedRun run{.name = table.text("name"),
                 .config = path_in(folder, table.text("config"), is_file),
                 .teacher = table.text("teacher"),
                 .assignments = study.list<std::string>("set"),
                 .against = table.list<std::string>("against"),
                 .seeds = table.list<int>("seeds", study.list<int>("seeds"))};
  for (const std::string& assignment : table.list<std::string>("set")) run.assignments.push_back(assignment);
  return run;
}

}  // namespace

StudyPlan read_study_plan(const std::filesystem::path& file) {
  const toml::table root = parse_toml(read_file(file), file.string());
  const TableReader study(file, root, {"seeds", "protocols", "set", "run"});
  StudyPlan plan;
  plan.protocols = study.list<std::string>("protocols", plan.protocols);
  if (plan.protocols.empty()) throw Error("{}: protocols: expected at least one", file.string());
  for (const std::string& protocol : plan.protocols) {
    if (std::ranges::find(protocol_names(), protocol) == protocol_names().end())
      throw Error("{}: protocols: got '{}', expected of {}{}", file.string(), protocol,
                  fmt::join(protocol_names(), ", "), suggestion(protocol, protocol_names()));
  }
  const toml::array* runs = root["run"].as_array();
  if (!runs || runs->empty()) throw Error("{}: no [[run]]", file.string());
  for (const toml::node& node : *runs) {
    if (!node.is_table()) throw Error("{}: run: expected tables, [[run]]", file.string());
    const TableReader table(file, *node.as_table(), {"name", "config", "teacher", "set", "against", "seeds"});
    PlannedRun run = read_run(table, file.parent_path(), study);
    const auto is_teacher = [&](const PlannedRun& earlier) { return earlier.name == run.teacher; };
    if (std::ranges::none_of(plan.runs, is_teacher)) run.teacher = path_in(file.parent_path(), run.teacher, is_there);
    check_order(plan, run, table.where());
    plan.runs.push_back(std::move(run));
  }
  return plan;
}

}  // namespace skylift
