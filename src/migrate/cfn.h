#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "util/result.h"

/// A CloudFormation custom resource that is the state of a database's migrations.
namespace howdah::migrate {

struct CfnEvent {
  std::string type, request_id, stack_id, logical_id, response_url;
  std::string physical_id;           ///< "migrations:<host>/<database>/<project>"; that of the event, where it has one
  std::string url;                   ///< of the database, "" = the handler's own
  std::string target = "latest";     ///< as of `migrate to`
  std::string on_delete = "retain";  ///< or "down", "drop-database"
  bool down_on_rollback = false;
  int service_timeout = 3600;  ///< seconds
  std::string refusal;         ///< why its properties are not understood, "" = they are
};

/// An error is about what is no event at all: nobody can be answered. `default_url` is the handler's own database.
Result<CfnEvent> parse_cfn_event(const std::string& json, const std::string& default_url);

struct CfnOutcome {
  bool ok = true;
  std::string reason;
  std::map<std::string, std::string> data;
};

struct Ran {
  int code = 0;      ///< migrate::Exit
  std::string json;  ///< what --json printed
};
/// Runs howdah with these arguments on the event's database.
using RunHowdah = std::function<Ran(const std::vector<std::string>&)>;

/// Does what the event asks for. Safe to be repeated, as Lambda does. Never goes down, unless asked: an Update to an
/// older target, which a stack's rollback sends, leaves the database as it is. A Delete succeeds without the database.
CfnOutcome handle_cfn(const CfnEvent& event, const RunHowdah& run);

/// The answer's JSON, at most 4096 bytes: a long reason is cut.
std::string cfn_response(const CfnEvent& event, const CfnOutcome& outcome);

}  // namespace howdah::migrate
