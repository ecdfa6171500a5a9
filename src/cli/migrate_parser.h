#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/cfn.h"
#include "migrate/export.h"
#include "migrate/lint_run.h"

namespace howdah::cli {

/// What stood on the command line of `howdah migrate`.
struct MigrateGiven {
  migrate::Options options;
  migrate::LintOptions lint;
  CfnOptions cfn;
  std::string name, reason, target = "latest", from = "db", onto = "migrations", tool, max_lock, max_rewrite, instance,
                            words = "baseline", export_to, export_out, copy_of, max_lag, replica_rate, load;
  std::vector<std::string> names;
  migrate::ExportFormat format = migrate::ExportFormat::kSql;
  std::optional<migrate::Phase> phase;
  int count = -1, down_count = 1, lock_wait = 60, timeout = 60, statements = 100;
  bool exit_code = false, missing = false, applied = false, rolled_back = false, automatic = false, finish = false,
       data_loss = false, accept = false, forget = false, rules = false, with_down = false, pending = false,
       reorder = false, yes = false, all = false;
};

/// The subcommands; the one that was given converts to true.
struct MigrateCommands {
  Command *create, *up, *down, *to, *latest, *redo, *status, *plan, *verify, *resolve, *repair, *wait, *baseline,
      *rebase, *lint, *doctor, *import, *rehearse, *diff, *squash, *exported, *cfn, *schema, *remove, *restore, *log;
};

/// "kysely", "prisma"...: the word for a format of `export`.
std::optional<migrate::ExportFormat> export_format(const std::string& word);

/// Adds options and subcommands; parsing fills `g`, which must outlive `app`.
MigrateCommands add_migrate_commands(Command& app, MigrateGiven& g);

}  // namespace howdah::cli
