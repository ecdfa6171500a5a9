#include "migrate/plans.h"

#include <fmt/format.h>

#include "migrate/script.h"
#include "os/files.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

using Json = nlohmann::ordered_json;

struct Query {
  std::string name, sql;
};

/// "-- name: orders of a day" in front of a statement; otherwise its own first words are its name.
std::string name_of(const std::string& text, size_t from, const Statement& s) {
  constexpr std::string_view kMarker = "-- name:";
  const std::string_view before = std::string_view(text).substr(from, s.begin - from);
  const size_t at = before.rfind(kMarker);
  std::string name(at == before.npos ? std::string_view(text).substr(s.begin, std::min<size_t>(s.end - s.begin, 60))
                                     : before.substr(at + kMarker.size(), before.find('\n', at) - at - kMarker.size()));
  for (char& c : name) c = c == '\n' || c == '\t' ? ' ' : c;
  name.erase(0, name.find_first_not_of(' '));
  name.resize(name.find_last_not_of(' ') + 1);
  return name;
}

tl::expected<std::vector<Query>, Problem> read_queries(const std::string& file) {
  const auto list = read_statement_file(file);
  if (!list) return tl::unexpected(list.error());
  const std::string& text = list->text;
  std::vector<Query> out;
  size_t from = 0;
  for (const auto& s : list->statements) {
    if (!has_plan(text, s))
      return tl::unexpected(Problem{.code = "syntax",
                                    .where = fmt::format("{}:{}:{}", file, s.line, s.column),
                                    .message = (s.words.empty() ? "this" : s.words[0]) +
                                               std::string(" has no plan: the list holds queries only")});
    out.push_back({name_of(text, from, s), text.substr(s.begin, s.end - s.begin)});
    from = s.end;
  }
  return out;
}

/// What makes two plans different ones: the nodes, what they read and how they join, without costs and rows.
void add_shape(const Json& node, int depth, std::vector<std::string>& lines) {
  const auto text = [&](const char* key) { return node.contains(key) ? node[key].get<std::string>() : std::string(); };
  std::string line(static_cast<size_t>(depth) * 2, ' ');
  for (const char* key : {"Strategy", "Join Type"}) {
    const std::string word = text(key);
    if (!word.empty() && word != "Inner" && word != "Plain") line += word + " ";
  }
  line += text("Node Type");
  if (const auto index = text("Index Name"); !index.empty()) line += " using " + index;
  const auto relation = text("Relation Name");
  if (!relation.empty()) line += " on " + (text("Schema").empty() ? relation : text("Schema") + "." + relation);
  if (const auto cte = text("CTE Name"); !cte.empty()) line += " on " + cte;
  lines.push_back(std::move(line));
  for (const auto& child : node.value("Plans", Json::array())) add_shape(child, depth + 1, lines);
}

std::string explain(const Query& q, bool execute) {
  return fmt::format("explain (verbose, format json{}) {}", execute ? ", analyze, timing off" : "", q.sql);
}

/// The members "plan", "shape" and "ms", or "error".
Json capture_one(Database& db, const Query& q, const CapturePlans& c) {
  Json out = {{"name", q.name}, {"sql", q.sql}};
  bool execute = !c.plan_only;
  double best = -1;
  for (int run = 0; run < (execute ? c.runs : 1); run++) {
    (void)db.exec("begin transaction read only; set local statement_timeout = " + db.literal(c.timeout));
    const auto answer = db.exec(explain(q, execute));
    (void)db.exec("rollback");
    if (!answer && execute && answer.error().sqlstate == "25006") {  // it writes
      execute = false;
      run = -1;
      continue;
    }
    if (!answer) return out["error"] = answer.error().message, out;
    const Json top = parse_ordered_json(answer->at(0, 0)).at(0);
    const double ms = top.value("Execution Time", -1.0);
    if (run > 0 && ms >= best) continue;
    best = ms;
    std::vector<std::string> lines;
    add_shape(top.at("Plan"), 0, lines);
    out["shape"] = lines;
    out["plan"] = top;
  }
  if (execute) out["ms"] = best;
  return out;
}

Result<Json> read_capture(const std::string& file) {
  const auto text = os::read_file(file, 1 << 30);
  if (!text) return tl::unexpected(text.error());
  Json json = try_parse_ordered_json(*text);
  if (!json.is_object() || !json.contains("queries")) return fail(file + " is not what howdah plans capture writes");
  return json;
}

/// "A > B became C": the lines between those that both begin and end with.
std::string difference(const Json& before, const Json& after) {
  size_t head = 0, tail = 0;
  const size_t shorter = std::min(before.size(), after.size());
  while (head < shorter && before[head] == after[head]) head++;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) tail++;
  const auto lines = [&](const Json& shape) {
    std::string out;
    for (size_t i = head; i < shape.size() - tail; i++) {
      const std::string line = shape[i];
      out += (out.empty() ? "" : " > ") + line.substr(line.find_first_not_of(' '));
    }
    return out.empty() ? "nothing" : out;
  };
  return lines(before) + " became " + lines(after);
}

std::optional<Problem> finding(const Json& a, const Json& b, const ComparePlans& c) {
  const std::string name = b["name"];
  const double before = a.value("ms", -1.0), after = b.value("ms", -1.0);
  if (b.contains("error")) {
    if (a.contains("error")) return {};
    return Problem{.code = "error", .message = name + " fails now: " + b["error"].get<std::string>()};
  }
  if (a.contains("error")) return {};
  const bool slower = before >= 0 && after >= c.factor * before && after - before >= c.least_ms;
  const std::string times =
      before < 0 || after < 0 ? "" : fmt::format("{:.2f} ms before, {:.2f} ms now", before, after);
  if (a["shape"] != b["shape"])
    return Problem{
        .code = "plan",
        .message = fmt::format("{}: {}", name, difference(a["shape"], b["shape"])),
        .detail = times,
        .hint = "an index that is gone? Statistics that are not there yet: howdah db connect -- psql -c analyze"};
  if (slower) return Problem{.code = "slower", .message = name + " became slower", .detail = times};
  return {};
}

}  // namespace

int capture_plans(const CapturePlans& c, Report& report) {
  const auto queries = read_queries(c.queries);
  if (!queries) return report.problem(queries.error()), kUsage;
  auto db = Database::connect(c.target, {});
  if (!db) return report.problem(problem_of(db.error())), kNoConnection;
  Json out = {{"server_version", db->version()}, {"database", c.target.shown()}, {"queries", Json::array()}};
  for (const auto& q : *queries) {
    Json one = capture_one(*db, q, c);
    if (!db->alive() || interrupted()) {
      report.problem({.code = interrupted() ? "interrupted" : "connection",
                      .message = q.name + ": " + one.value("error", "the connection was lost")});
      return interrupted() ? kInterrupted : kNoConnection;
    }
    const bool failed = one.contains("error");
    report.step({"", q.name, "",
                 failed               ? "failed"
                 : one.contains("ms") ? "captured"
                                      : "planned",
                 one.value("ms", 0.0), failed ? one["error"].get<std::string>() : one["shape"][0].get<std::string>()});
    out["queries"].push_back(std::move(one));
  }
  const auto written = os::write_file_atomic(c.file, readable_json(out, 1) + "\n", 0600);
  if (!written) return report.problem({.code = "files", .message = written.error().message}), kUsage;
  report.note(fmt::format("{} plans are in {}", queries->size(), c.file));
  return kOk;
}

int compare_plans(const ComparePlans& c, Report& report) {
  const auto before = read_capture(c.before), after = read_capture(c.after);
  if (!before || !after) {
    report.problem({.code = "files", .message = !before ? before.error().message : after.error().message});
    return kUsage;
  }
  std::map<std::string, const Json*> known;
  for (const auto& q : (*before)["queries"]) known[q["sql"]] = &q;
  int code = kOk;
  for (const auto& q : (*after)["queries"]) {
    const auto old = known.find(q["sql"]);
    if (old == known.end()) {
      report.note(q["name"].get<std::string>() + " is in " + c.after + " only");
      continue;
    }
    const auto found = finding(*old->second, q, c);
    const double was = old->second->value("ms", 0.0), ms = q.value("ms", 0.0);
    report.step({"", q["name"], "",
                 found                            ? found->code
                 : ms > 0 && ms * c.factor <= was ? "faster"
                                                  : "same",
                 ms, was > 0 ? fmt::format("{:.2f} ms before", was) : ""});
    if (found) report.problem(*found), code = kDrift;
    known.erase(old);
  }
  for (const auto& [sql, q] : known) report.note((*q)["name"].get<std::string>() + " is in " + c.before + " only");
  return code;
}

}  // namespace howdah::migrate
