// GetPast: one statement on a state of the past, which is brought back for it and removed after it.
#include <fmt/format.h>
#include <libpq-fe.h>

#include "api/context.h"
#include "rds/aside.h"
#include "rds/control.h"
#include "util/fault.h"
#include "util/json.h"

namespace howdah::rds {
namespace {

constexpr size_t kLargest = 64 << 20;
constexpr int32_t kTimeout = 600;

Answer must(Result<Answer> answer) {
  if (!answer) throw Fault("InvalidParameterValue", answer.error().message);
  return std::move(*answer);
}

bool is_number(Oid type) {
  return type == 20 || type == 21 || type == 23 || type == 26 || type == 700 || type == 701 || type == 1700;
}

/// {"columns": [{"name", "number"}], "rows": [[text or null]], "tag"}
std::string as_json(const PGresult* r) {
  auto columns = nlohmann::json::array(), rows = nlohmann::json::array();
  for (int c = 0; c < PQnfields(r); c++) {
    columns.push_back({{"name", PQfname(r, c)}, {"number", is_number(PQftype(r, c))}});
  }
  size_t size = 0;
  for (int row = 0; row < PQntuples(r); row++) {
    auto values = nlohmann::json::array();
    for (int c = 0; c < PQnfields(r); c++) {
      size += static_cast<size_t>(PQgetlength(r, row, c)) + 8;
      values.push_back(PQgetisnull(r, row, c) ? nlohmann::json() : nlohmann::json(PQgetvalue(r, row, c)));
    }
    if (size > kLargest) {
      throw Fault("InvalidParameterValue",
                  fmt::format("The result has more than {} MiB. Ask for less, or make a clone.", kLargest >> 20));
    }
    rows.push_back(std::move(values));
  }
  const char* tag = PQcmdStatus(const_cast<PGresult*>(r));
  return readable_json(nlohmann::json{{"columns", columns}, {"rows", rows}, {"tag", tag}});
}

}  // namespace

aws::control::GetPastResponse get_past(Rds& rds, api::Context& ctx, const aws::control::GetPastRequest& in) {
  std::optional<Time> instant;
  if (in.at) instant = Time(Millis(*in.at));
  const Aside aside(rds, ctx.scope(), *in.source, instant, ctx.client_gone);
  Session session = aside.open(in.database.value_or(default_database(aside.past().source)), true);
  const CancelWhen cancel(ctx.client_gone, {&session});
  const int32_t timeout = in.timeout_seconds.value_or(kTimeout);
  (void)must(session.run(fmt::format("SET statement_timeout = '{}s'", timeout)));
  (void)must(session.run("BEGIN READ ONLY"));
  // By the extended protocol, which takes one statement: it can't leave the transaction and go on.
  const Answer answer = must(session.run(*in.statement, std::vector<std::string>{}));
  const auto status = PQresultStatus(answer.get());
  if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN) {
    throw Fault("InvalidParameterValue", "COPY to or from the client is not offered here: use SELECT with --csv.");
  }
  aws::control::GetPastResponse out;
  out.of = aside.past().of;
  out.instant = instant_text(aside.past().instant);
  out.result = as_json(answer.get());
  return out;
}

}  // namespace howdah::rds
