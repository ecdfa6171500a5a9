#pragma once
#include <optional>
#include <string>

#include "rds/rds.h"
#include "rds/steps.h"

/// The backup repository beside the state directory (docs/repository.md). All work is done by `howdah backup`, in
/// processes that outlive the daemon. Nothing happens while no repository is configured.
namespace howdah::rds {

/// Starts the process that stores what the repository lacks, unless it runs; says what the last one failed at. Where
/// the clock is doubted (clock_trust.h) nothing is removed there because of what it says.
void store_backups(const Rds& rds, bool clock_doubted);

/// Notes that no record names the base any more, before its directory goes: its backup is dropped at the next storing.
Result<void> note_forgotten_base(const Rds& rds, const std::string& base_id);

/// Brings a base that has gone from the state directory back from the repository. An outcome: the step must return it
/// (still under way, or it failed). Nothing: the base is there, or can't be had from a repository.
std::optional<Outcome> bring_back_base(const Rds& rds, const std::string& resource_id, const std::string& base_id);

}  // namespace howdah::rds
