#pragma once
#include "domain/instance.h"
#include "pg/conf.h"
#include "pg/engine.h"
#include "pg/parameters.h"
#include "rds/rds.h"
#include "util/result.h"

namespace howdah::rds {

/// Parameters of a server build, read once a process and build. Makes the build's template when there is none yet.
Result<std::shared_ptr<const pg::ParameterTable>> parameter_table(const Rds& rds, const pg::Engine& prepared);

/// The instance's parameters as its server shall have them now: RDS's defaults, formulas evaluated for its class, its
/// parameter group's values over them. A server that runs keeps the group it was started with, and of that group's
/// changes those that need no reboot; one that is about to start gets everything.
Result<pg::Settings> settings_of(const Rds& rds, const Instance& instance, const pg::Engine& prepared);

/// What `settings` say of who may log in.
pg::LoginRules login_rules(const pg::Settings& settings);

/// ParameterApplyStatus: pending-reboot when a reboot would change the server's settings, else in-sync.
std::string parameter_status(const Rds& rds, const Instance& instance);

}  // namespace howdah::rds
