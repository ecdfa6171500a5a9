#pragma once
#include <optional>
#include <string>

#include "backup/restore.h"

/// A rolled base that is a server already. Its files are those of a recovery that has ended at base.end: with the
/// pg_control from before the promotion they can be rolled further, with the one from behind it, and the new timeline's
/// first WAL, they start without any recovery. bases/<id>/promoted holds the second.
namespace howdah::backup {

/// Looks at the control file and the WAL directory of a cluster, named `what`, whose recovery is over and which is shut
/// down: did it end at the plan's target, on a new timeline?
Result<Recovered> prove_promotion(const Plan& plan, const std::string& what, const std::string& control_path,
                                  const std::string& wal);

/// Ends the recovery of `layout.data`, which has been rolled to plan.target and shut down there, and puts what that
/// changed into `into`; the data directory has the pg_control again that it had. pg_wal is left to the caller.
/// PostgreSQL replays from its last restartpoint once more; a restore need not do it any more.
Result<void> promote(const Plan& plan, const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                     const std::string& into);

/// Whether the plan's base has been promoted and the plan adds nothing to it. Reads what the server will: where it is
/// damaged or missing the answer is nothing, and the base is recovered like any other.
std::optional<Recovered> promoted_end(const std::string& state, const Plan& plan);

/// Makes the copy `data` of the base, without its global/pg_control and pg_wal, start as promoted.
Result<void> place_promoted(const std::string& state, const Plan& plan, const std::string& data, os::Owner owner);

/// What a restore made of the promoted base `from` is also a base of the restored instance, cleanly stopped at the
/// start of its timeline: hard links of files that never change, in no time and no space. The vault must hold the WAL
/// that the instance began with, which is compared. Nothing when `from` has gone or was not promoted.
Result<std::optional<Base>> link_promoted(const BaseSpec& spec, const std::string& from);

}  // namespace howdah::backup
