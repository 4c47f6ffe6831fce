#include "skylift/runs/sqlite.h"

#include <sqlite3.h>

#include <memory>

namespace skylift {
namespace {

constexpr int kWaitMs = 20000;  // for other writers; each of ours takes milliseconds

void bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(statement, index, *integer);
  } else if (const auto* number = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, index, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text(statement, index, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_null(statement, index);
  }
}

SqlValue column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(statement, index)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, index);
    case SQLITE_NULL:
      return {};
    default:
      return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, index)),
                         static_cast<size_t>(sqlite3_column_bytes(statement, index)));
  }
}

}  // namespace

Database::Database(const std::filesystem::path& path) : path_(path) {
  sqlite3* opened = nullptr;
  const int status = sqlite3_open(path.c_str(), &opened);
  handle_.reset(opened);  // to be closed even where it could not be opened
  if (status != SQLITE_OK) throw Error("{}: cannot open: {}", path.string(), sqlite3_errstr(status));
  sqlite3_busy_timeout(opened, kWaitMs);
  run("PRAGMA foreign_keys = ON");
  turn_wal_on();
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

/// Where the disk is full SQLite has already done it, and says so.
void Database::roll_back() noexcept { sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr); }

/// SQLite does not wait here as it does elsewhere: while another process has just made the file, it is busy at once.
void Database::turn_wal_on() {
  for (int waited = 0;; waited += 20) {
    const int status = sqlite3_exec(handle_.get(), "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (status == SQLITE_OK) return;
    if ((status != SQLITE_BUSY && status != SQLITE_LOCKED) || waited > kWaitMs) fail();
    sqlite3_sleep(20);
  }
}

void Database::fail() const {
  const int code = sqlite3_errcode(handle_.get());
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    throw DamagedDatabase("{}: {} (hint: `skylift runs rebuild` makes it anew from the folders)", path_.string(),
                          sqlite3_errmsg(handle_.get()));
  }
  throw Error("{}: {}", path_.string(), sqlite3_errmsg(handle_.get()));
}

std::vector<std::vector<SqlValue>> Database::run(const std::string& sql, const std::vector<SqlValue>& parameters) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) fail();
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, &sqlite3_finalize);
  for (size_t i = 0; i < parameters.size(); ++i) bind(prepared, static_cast<int>(i) + 1, parameters[i]);
  std::vector<std::vector<SqlValue>> rows;
  int status = 0;
  while ((status = sqlite3_step(prepared)) == SQLITE_ROW) {
    std::vector<SqlValue>& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(prepared); ++i) row.push_back(column(prepared, i));
  }
  if (status != SQLITE_DONE) fail();
  return rows;
}

}  // namespace skylift
