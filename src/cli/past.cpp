// clone, query and restore-table: what the daemon does for us with a state of the past.
#include <fmt/format.h>

#include <fstream>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/instant.h"
#include "cli/result_table.h"

namespace howdah::cli {
namespace {

/// Adds the instant to a request. "" = the newest state.
Result<void> put_instant(nlohmann::json& request, const std::string& at) {
  if (at.empty()) return {};
  const auto instant = parse_instant(at);
  if (!instant) return tl::unexpected(instant.error());
  request["At"] = instant->time_since_epoch().count();
  return {};
}

Result<std::string> password_from(const std::string& path) {
  if (path.empty()) return random_password();
  std::ifstream file(path);
  std::string out;
  if (!file || !std::getline(file, out) || out.empty()) return fail("there is no password in " + path);
  return out;
}

}  // namespace

int clone(const Config& config, const CloneRequest& in) {
  nlohmann::json request{{"Source", in.source}, {"Target", in.target}};
  if (auto r = put_instant(request, in.at); !r) return complain(r.error());
  const auto password = password_from(in.password_file);
  if (!password) return complain(password.error());
  request["MasterUserPassword"] = *password;
  const auto begun = call(config, "CloneInstance", request);
  if (!begun) return complain(begun.error());
  fmt::print(stderr, "cloning {}\n", begun->value("Of", ""));
  const auto rests = await_rest(config, in.target);
  if (!rests) return complain(rests.error());
  const std::string status = rests->value("Status", ""), reason = rests->value("Reason", "");
  if (status != "available") return complain({fmt::format("{} is {}: {}", in.target, status, reason)});
  fmt::print("{} is {} at {} port {}: {}\n", in.target, rests->value("ResourceId", ""), rests->value("Endpoint", ""),
             rests->value("Port", 0), status);
  if (in.password_file.empty()) fmt::print("master password, shown only now: {}\n", *password);
  return 0;
}

int query(const Config& config, const QueryRequest& in) {
  nlohmann::json request{{"Source", in.source}, {"Statement", in.statement}, {"TimeoutSeconds", in.timeout_seconds}};
  if (!in.database.empty()) request["Database"] = in.database;
  if (auto r = put_instant(request, in.at); !r) return complain(r.error());
  const auto answer = call(config, "GetPast", request);
  if (!answer) return complain(answer.error());
  fmt::print(stderr, "{}\n", answer->value("Of", ""));
  const auto result = try_parse_json(answer->value("Result", ""));
  if (!result.is_object()) return complain({"the daemon's answer holds no result"});
  fmt::print("{}", in.format == "csv" ? as_csv(result) : in.format == "json" ? as_json_rows(result) : as_table(result));
  return 0;
}

int restore_table(const Config& config, const RestoreTableRequest& in) {
  const size_t dot = in.into.find('.');
  nlohmann::json request{{"Source", in.source}, {"Table", in.table}, {"Into", in.into.substr(0, dot)}};
  if (dot != in.into.npos) request["Database"] = in.into.substr(dot + 1);
  if (!in.as.empty()) request["As"] = in.as;
  request["Replace"] = in.replace;
  if (auto r = put_instant(request, in.at); !r) return complain(r.error());
  const auto answer = call(config, "RestoreTable", request);
  if (!answer) return complain(answer.error());
  for (const auto& warning : answer->value("Warnings", nlohmann::json::array())) {
    fmt::print(stderr, "note: {}\n", warning.get<std::string>());
  }
  if (const auto aside = answer->value("Aside", ""); !aside.empty()) {
    fmt::print(stderr, "note: the table that was there is {} now\n", aside);
  }
  fmt::print("{} rows of {} from {} are {} in {}\n", answer->value("Rows", int64_t{0}), in.table,
             answer->value("Of", ""), answer->value("Table", ""), in.into);
  return 0;
}

}  // namespace howdah::cli
