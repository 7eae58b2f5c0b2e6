// libpq's pipeline mode, as a team would wrap it that writes its consumer by hand. Everything throws with the server's
// words. Thread-safety: one thread.
#pragma once

#include <libpq-fe.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hostler::bench {

// A parameter: text that ends in NUL, or bytes as they are.
struct PgParam {
  const char* data = nullptr;
  int size = 0;
  bool binary = false;
  PgParam(const std::string& text) : data(text.c_str()) {} // NOLINT(google-explicit-constructor)
  PgParam(const void* bytes, std::size_t length)
      : data(static_cast<const char*>(bytes)), size(static_cast<int>(length)), binary(true) {}
};

class PgPipeline {
 public:
  using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

  explicit PgPipeline(const std::string& url);

  // Before the pipeline is entered.
  void exec(const std::string& sql);
  void prepare(const char* name, const char* sql);
  void enter();

  // Within: what is sent gets exactly one result, in order.
  void send(const char* sql);
  void send_prepared(const char* name, std::initializer_list<PgParam> params);
  void flush(); // asks the server for the results so far
  void sync();  // ends the pipeline's unit; take_sync() answers it
  Result take();
  void take_sync();

 private:
  [[noreturn]] void fail(const char* what) const;

  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Finish> connection_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

} // namespace hostler::bench
