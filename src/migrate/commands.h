#pragma once
#include "migrate/session.h"

/// One function a command of `howdah migrate`; each returns its exit code and says everything through the report.
namespace howdah::migrate {

/// count < 0 = all. With a phase: in order, up to the first that is of the other one.
int up(Session& s, int count, std::optional<Phase> only = {});
int down(Session& s, int count, bool missing);  ///< `missing`: only rows whose file is gone
int to(Session& s, const std::string& target);  ///< version, name, "latest" or "none"
int redo(Session& s);
int status(Session& s, bool exit_code);
int plan(Session& s);
int verify(Session& s, bool exit_code);
int wait(Session& s, std::chrono::seconds timeout);
int baseline(Session& s, const std::string& last);  ///< marks everything up to `last` ("latest") as applied

enum class Mark { kApplied, kRolledBack };
int resolve(Session& s, const std::string& version, Mark mark);
/// Removes rows of the history; its log keeps them, with the reason. Without `confirmed` it only says what
/// would go. Refuses to remove the row of a file that is there while rows of later migrations stay.
int history_delete(Session& s, const std::vector<std::string>& names, const std::string& reason, bool confirmed);
int history_restore(Session& s, const std::string& name);  ///< takes the last history_delete() of it back
int history_log(Session& s);                               ///< what was changed by hand, newest first

enum class Repair { kAccept, kForget };
int repair(Session& s, const std::string& version, Repair what);
/// Mends, in order, each finding of doctor() whose mend needs nobody's judgement and loses nothing; each mend is a
/// transaction of its own where PostgreSQL allows that. Without `confirmed` it only says what it would do. Then says
/// what is left.
int repair_all(Session& s, bool confirmed);
/// For Prisma's unfinished migrations: finds out on scratch databases which statements are applied, then finishes the
/// job: marks it rolled back when none is, applied when all are. Half applied: says which; `finish` runs the missing
/// statements and marks it, in one transaction.
int resolve_auto(Session& s, const std::string& version, bool finish);

/// For migrations that came with a merge and are older than the last applied one. Proves on two scratch databases that
/// running them now gives the schema of the right order, then does it and puts the history in order, in one
/// transaction. Otherwise says what going down and up again would destroy, and does that with `accept_data_loss`.
int rebase(Session& s, bool accept_data_loss);

/// Makes one baseline file of all migrations up to `last` ("latest"), generated from the schema and the rows that they
/// make, and proved on scratch databases. The database has run all of them, and its history is rewritten; or none. The
/// file says what it stands for: `up` rewrites the histories of other databases.
int squash(Session& s, const std::string& last, const std::string& words, bool dry_run);
/// The part of squash() that `up` does: baselines take the places of what they replace. Needs the lease.
int record_baselines(Session& s);

/// The table as it is, as SQL, and which migrations made it so: found by running them on a scratch database. kDrift
/// when they make something else.
int table_schema(Session& s, const std::string& table);

/// Everything that is wrong with the history, the schema and what failed migrations left behind, each with the command
/// that mends it. Reads only; needs scratch databases to say which statements of a half-applied file ran, and for
/// drift.
int doctor(Session& s);

/// Makes an empty migration file; needs no database.
int create(const Options& options, const std::string& name, Report& report);

}  // namespace howdah::migrate
