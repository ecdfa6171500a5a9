#pragma once
#include <functional>
#include <string>

#include "domain/config.h"

/// The `howdah` command: parses arguments, runs one command family a file.
namespace howdah::cli {

/// Returns the exit code. `serve` is the daemon, which this folder must not know.
int run(int argc, char** argv, const std::function<int(const Config&)>& serve);

int print_env(const Config& config);
int doctor(const Config& config);
int list_engines(const Config& config);
/// Exchanges the names and endpoints of two instances; `sessions`: cut or keep. Waits until both are back.
int drill(const Config& config, const std::string& instance);   ///< one now; prints how it went, fails when it does
int drills(const Config& config, const std::string& instance);  ///< the last ones; "" = of every instance
int swap(const Config& config, const std::string& first, const std::string& second, const std::string& sessions);
/// `at`: what parse_instant() reads; "" = the newest state. `source`: an instance, or a snapshot (then no instant).
struct CloneRequest {
  std::string source, target, at, password_file;  ///< without a file: a random password, printed once
};
struct QueryRequest {
  std::string source, statement, at, database, format = "table";  ///< table, csv or json
  int timeout_seconds = 600;
};
struct RestoreTableRequest {
  std::string source, at, table, into, as;  ///< into: INSTANCE or INSTANCE.DATABASE
  bool replace = false;
};
int clone(const Config& config, const CloneRequest& request);
int query(const Config& config, const QueryRequest& request);
int restore_table(const Config& config, const RestoreTableRequest& request);
int run_keeper(const std::string& spec_text);
int run_sync_guard(const std::string& root);

}  // namespace howdah::cli
