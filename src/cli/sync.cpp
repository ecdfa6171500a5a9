#include "cli/sync.h"

#include "cli/arguments.h"
#include "cli/database_url.h"
#include "cli/instance_url.h"
#include "migrate/sync.h"

namespace howdah::cli {

int run_sync(int argc, char** argv) {
  Command app{"Rows of one database in another.", "howdah sync"};
  app.require_subcommand();
  migrate::SyncCommand command;
  std::string from, to;
  bool json = false, upsert = false;
  auto* table = app.add_subcommand("table", "make tables of one database have the rows of another's");
  table->add_option("tables", command.tables, "one or more, in any order").required();
  table->add_option("--from", from, "a URL, NAME for $NAME_CONNECTION_URL, or a DB instance").required();
  table->add_option("--to", to, "the same (CONNECTION_URL or DATABASE_URL)");
  const Option replace = table->add_flag("--replace", command.replace, "delete rows that the source lacks");
  table->add_flag("--upsert", upsert, "keep them (the default)").excludes(replace);
  table->add_flag("--dry-run", command.dry_run, "count only");
  table->add_option("--mask", command.masks, "COLUMN=EXPRESSION instead of the column: email=\"md5(email)\"")
      .one_each();
  table->add_option("--yes-name", command.to.confirmed, "a production database's name, typed out");
  table->add_flag("--json", json, "one JSON object instead of lines");
  if (const auto code = app.parse(argc, argv)) return *code == 0 ? 0 : static_cast<int>(migrate::kUsage);
  migrate::Report report("sync", json);
  const auto target_of = [&](const std::string& word) {
    auto url = word.empty() ? database_url("", false) : named_url(word);
    if (!url && !word.empty() && word != "prod") url = connection_of(word, "admin");
    return url ? migrate::parse_url(*url) : tl::unexpected(url.error());
  };
  const auto source = target_of(from), target = target_of(to);
  if (!source || !target) {
    report.problem({.code = "usage",
                    .message = !source ? source.error().message : target.error().message,
                    .fix = "howdah sync table --help"});
    return report.finish(migrate::kUsage);
  }
  command.from = *source;
  command.to.target = *target;
  command.to.prod = to == "prod";
  report.about(target->shown(), "");
  migrate::catch_interrupts();
  return report.finish(migrate::sync_tables(command, report));
}

}  // namespace howdah::cli
