#include "migrate/cfn.h"

#include <fmt/format.h>

#include "migrate/report.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kLongestAnswer = 4096, kLongestProject = 200;

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || !it->is_string() ? "" : it->get<std::string>();
}

/// CloudFormation sends every scalar as a string; other senders may not.
std::string scalar(const Json& value) { return value.is_string() ? value.get<std::string>() : json_text(value); }

bool take_flag(const std::string& text, bool& flag) {
  flag = text == "true";
  return flag || text == "false";
}

/// One property; false when its value is not understood.
bool take_property(CfnEvent& e, std::string& project, const std::string& name, const std::string& value) {
  if (name == "Target") return !(e.target = value).empty();
  if (name == "Url") return !(e.url = value).empty();
  if (name == "Project") return !(project = value).empty() && value.size() <= kLongestProject;
  if (name == "DownOnRollback") return take_flag(value, e.down_on_rollback);
  if (name == "OnDelete") {
    e.on_delete = value;
    return value == "retain" || value == "down" || value == "drop-database";
  }
  if (name == "ServiceTimeout") return (e.service_timeout = std::atoi(value.c_str())) > 0 && e.service_timeout <= 3600;
  return true;
}

void take_properties(CfnEvent& e, const Json& properties, const std::string& default_url) {
  static const char* const kKnown[] = {"ServiceToken", "ServiceTimeout", "Target",   "Url",
                                       "Project",      "DownOnRollback", "OnDelete", "Revision"};
  std::string project = "default";
  for (const auto& [name, value] : properties.items()) {
    const bool known = std::any_of(std::begin(kKnown), std::end(kKnown), [&](const char* k) { return name == k; });
    if (!known)
      e.refusal = fmt::format("there is no property {}; Revision may hold anything, to have an Update sent", name);
    else if (!take_property(e, project, name, scalar(value)))
      e.refusal =
          name == "Url" ? "the property Url is empty" : fmt::format("{} = {} is not understood", name, scalar(value));
  }
  if (e.url.empty()) e.url = default_url;
  const auto target = parse_url(e.url);
  if (e.url.empty()) e.refusal = "which database? Set the property Url, or DATABASE_URL of the handler";
  if (!e.url.empty() && !target) e.refusal = target.error().message;
  if (!e.physical_id.empty()) return;
  const bool known = target && target->options.contains("host");
  e.physical_id = fmt::format("migrations:{}/{}/{}", known ? target->options.at("host").substr(0, 300) : "local",
                              target ? target->database().substr(0, 200) : "", project.substr(0, kLongestProject));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What the first problem of a command says, in one line.
CfnOutcome failure(const Ran& ran) {
  const Json out = try_parse_ordered_json(ran.json);
  if (!out.is_object() || !out.contains("problems") || out["problems"].empty())
    return {false, fmt::format("howdah migrate ended with code {}; its log says more", ran.code), {}};
  const Json& p = out["problems"][0];
  std::string reason;
  const auto add = [&](const std::string& before, const std::string& text, const std::string& after) {
    if (!text.empty()) reason += before + first_line(text) + after;
  };
  add("", text_of(p, "where"), ": ");
  add("", text_of(p, "version"), ": ");
  add("", text_of(p, "message"), "");
  add(" (SQLSTATE ", text_of(p, "sqlstate"), ")");
  add("; ", text_of(p, "detail"), "");
  add("; ", text_of(p, "hint"), "");
  return {false, reason, {}};
}

CfnOutcome success(const Ran& ran, std::string reason) {
  const Json out = try_parse_ordered_json(ran.json);
  CfnOutcome done{true, std::move(reason), {}};
  if (!out.is_object()) return done;
  done.data["Database"] = text_of(out, "database");
  done.data["Migrations"] = std::to_string(out.contains("migrations") ? out["migrations"].size() : 0);
  return done;
}

struct Standing {
  bool ahead = false;  ///< the history has migrations that the files have not, and nothing else is wrong
  bool older = false;  ///< the target was passed already
};

Standing standing(const Ran& status, const std::string& target) {
  const Json out = try_parse_ordered_json(status.json);
  Standing s;
  if (!out.is_object()) return s;
  const auto& problems = out["problems"];
  s.ahead = !problems.empty() && std::all_of(problems.begin(), problems.end(),
                                             [](const Json& p) { return text_of(p, "code") == "missing-file"; });
  bool seen = target == "none";
  for (const auto& m : out["migrations"]) {
    if (text_of(m, "status") != "applied") continue;
    s.older = seen;
    const std::string name = text_of(m, "name");
    seen = seen || text_of(m, "version") == target || name == target ||
           (name.size() > target.size() && name.ends_with("_" + target));
    if (s.older) break;
  }
  if (target == "latest") s.older = false;
  return s;
}

CfnOutcome bring(const CfnEvent& event, const RunHowdah& run) {
  const Ran status = run({"migrate", "--json", "status"});
  if (status.code != kOk && status.code != kInconsistent) return failure(status);
  const Standing s = standing(status, event.target);
  if ((s.ahead || s.older) && !event.down_on_rollback)
    return success(status, "the database is ahead of the target and stays so; DownOnRollback=true would go back");
  const Ran done =
      s.ahead ? run({"migrate", "--json", "down", "--missing"}) : run({"migrate", "--json", "to", event.target});
  return done.code == kOk ? success(done, "") : failure(done);
}

CfnOutcome remove(const CfnEvent& event, const RunHowdah& run) {
  if (event.on_delete == "retain") return {true, "the database stays as it is", {}};
  if (!event.refusal.empty() || !event.physical_id.starts_with("migrations:"))
    return {true, "it was never created: nothing was changed", {}};
  const Ran done = event.on_delete == "down" ? run({"migrate", "--json", "to", "none"})
                                             : run({"db", "--json", "drop", "--if-exists", "--force"});
  if (done.code == kOk)
    return {true, event.on_delete == "down" ? "every migration was reverted" : "the database was dropped", {}};
  CfnOutcome failed = failure(done);
  if (done.code != kNoConnection) return failed;
  return {true, "the database could not be reached, nothing was changed: " + failed.reason, {}};
}

/// Not in the middle of a character.
void cut(std::string& text, size_t size) {
  if (text.size() <= size) return;
  while (size > 0 && (text[size] & 0xC0) == 0x80) size--;
  text.resize(size);
}

}  // namespace

Result<CfnEvent> parse_cfn_event(const std::string& json, const std::string& default_url) {
  Json in = try_parse_ordered_json(json);
  if (in.is_object() && in.contains("Message") && in["Message"].is_string() && !in.contains("RequestType"))
    in = try_parse_ordered_json(in["Message"].get<std::string>());  // in a notification of SNS
  if (!in.is_object()) return fail("this is not a JSON object");
  CfnEvent e{.type = text_of(in, "RequestType"),
             .request_id = text_of(in, "RequestId"),
             .stack_id = text_of(in, "StackId"),
             .logical_id = text_of(in, "LogicalResourceId"),
             .response_url = text_of(in, "ResponseURL"),
             .physical_id = text_of(in, "PhysicalResourceId")};
  if (e.type != "Create" && e.type != "Update" && e.type != "Delete")
    return fail("RequestType is not Create, Update or Delete: this is not an event of CloudFormation");
  const auto properties = in.find("ResourceProperties");
  take_properties(e, properties != in.end() && properties->is_object() ? *properties : Json::object(), default_url);
  return e;
}

CfnOutcome handle_cfn(const CfnEvent& event, const RunHowdah& run) {
  if (event.type == "Delete") return remove(event, run);
  if (!event.refusal.empty()) return {false, event.refusal, {}};
  return bring(event, run);
}

std::string cfn_response(const CfnEvent& event, const CfnOutcome& outcome) {
  std::string reason = outcome.reason;
  if (reason.empty() && !outcome.ok) reason = "unknown";
  for (size_t size = std::min<size_t>(reason.size(), kLongestAnswer);; size = size * 3 / 4) {
    cut(reason, size);
    Json out = {{"Status", outcome.ok ? "SUCCESS" : "FAILED"},
                {"PhysicalResourceId", event.physical_id},
                {"StackId", event.stack_id},
                {"RequestId", event.request_id},
                {"LogicalResourceId", event.logical_id}};
    if (!reason.empty()) out["Reason"] = reason;
    if (outcome.ok && !outcome.data.empty()) out["Data"] = outcome.data;
    std::string text = readable_json(out);
    if (text.size() <= kLongestAnswer || size == 0) return text;
  }
}

}  // namespace howdah::migrate
