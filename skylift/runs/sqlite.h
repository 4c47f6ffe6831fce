// SQLite as far as the store needs it: a database, prepared statements, transactions. Failures are Errors that name the
// file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "skylift/core/error.h"

struct sqlite3;

namespace skylift {

using SqlValue = std::variant<std::monostate, int64_t, double, std::string>;

/// The file is no database, or a damaged one.
struct DamagedDatabase : Error {
  using Error::Error;
};

class Database {
 public:
  /// Opens or makes it, in WAL mode: one process writes while others read, and writers wait for each other.
  explicit Database(const std::filesystem::path& path);

  /// One statement; its parameters are ?1, ?2, ... Returns the rows.
  std::vector<std::vector<SqlValue>> run(const std::string& sql, const std::vector<SqlValue>& parameters = {});

  /// `work` as a whole or not at all, alone among all writers.
  template <class Work>
  void transaction(const Work& work) {
    run("BEGIN IMMEDIATE");
    try {
      work();
      run("COMMIT");
    } catch (...) {
      roll_back();
      throw;
    }
  }

 private:
  void roll_back() noexcept;
  void turn_wal_on();
  [[noreturn]] void fail() const;

  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace skylift
