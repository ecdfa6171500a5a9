#include "cli/plans.h"

#include "cli/arguments.h"
#include "cli/database_url.h"
#include "migrate/plans.h"

namespace howdah::cli {

int run_plans(int argc, char** argv) {
  Command app{"How the server executes a list of queries, before and after.", "howdah plans"};
  app.require_subcommand();
  migrate::CapturePlans capture;
  migrate::ComparePlans compare;
  std::string url;
  bool json = false;
  auto* take = app.add_subcommand("capture", "keep the plans and times of queries in a file");
  take->add_option("queries", capture.queries, "an SQL file; \"-- name: ...\" before a query names it").required();
  take->add_option("--out", capture.file, "the file to write").required();
  take->add_option("--url", url, "the database (default: CONNECTION_URL or DATABASE_URL)");
  take->add_flag("--plan-only", capture.plan_only, "execute nothing: no times");
  take->add_option("--runs", capture.runs, "execute each so often; the fastest counts (3)").range(1, 100);
  take->add_option("--timeout", capture.timeout, "of each execution (1min)");
  auto* both = app.add_subcommand("compare", "7 when a plan changed, or a query became slower");
  both->add_option("before", compare.before, "a file of capture").required();
  both->add_option("after", compare.after, "another").required();
  both->add_option("--factor", compare.factor, "so many times as slow (2)").range(1.0, 1000.0);
  both->add_option("--min-ms", compare.least_ms, "and so much more (1)").not_negative();
  for (Command* a : {take, both}) a->add_flag("--json", json, "one JSON object instead of lines");
  if (const auto code = app.parse(argc, argv)) return *code == 0 ? 0 : static_cast<int>(migrate::kUsage);
  migrate::Report report(app.chosen(), json);
  if (*both) return report.finish(migrate::compare_plans(compare, report));
  const auto said = database_url(url, false);
  const auto target = said ? migrate::parse_url(*said) : tl::unexpected(said.error());
  if (!target) {
    report.problem({.code = "usage", .message = target.error().message, .fix = "howdah plans capture --help"});
    return report.finish(migrate::kUsage);
  }
  capture.target = *target;
  report.about(target->shown(), "");
  migrate::catch_interrupts();
  return report.finish(migrate::capture_plans(capture, report));
}

}  // namespace howdah::cli
