// A SQLite file as this process owns it: nobody else may write it, and within the process writers queue instead of polling SQLite's lock.
// Everything in the process that opens the same file shares one owner. Private to store/. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace hostler::store {

class SqliteFile {
 public:
  // Takes `path`.owner, a lock that ends with the process whatever kills it. Error: another process has it (with its pid), or the folder does not
  // allow it.
  static core::Result<std::shared_ptr<SqliteFile>> own(const std::string& path);
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // First come, first served. Every enter is followed by one leave, from whatever thread.
  void enter_writing();
  // False, and nothing is entered: somebody has the turn.
  [[nodiscard]] bool try_enter_writing();
  void leave_writing();

 private:
  struct State;
  SqliteFile(std::string path, std::string key, State* state);

  const std::string path_, key_;
  State* const state_;
};

}  // namespace hostler::store
