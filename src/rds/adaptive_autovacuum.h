#pragma once
#include <cstdint>

#include "domain/instance.h"
#include "pg/client.h"
#include "pg/conf.h"
#include "rds/rds.h"
#include "util/result.h"

/// rds.adaptive_autovacuum: when a server's oldest transaction id is 500 million (or autovacuum_freeze_max_age, if that
/// is more) behind, autovacuum may use more of the machine, and when it is a billion behind all of it, until it has
/// caught up. Only settings that are slower are changed, in the server and not in its parameter group.
namespace howdah::rds {

/// 0, 1 or 2: how much autovacuum must hurry at that age of the oldest transaction id.
int hurry_level(int64_t age, int64_t freeze_max_age);

/// Lays what autovacuum needs at that level over `settings`.
void hurry_autovacuum(pg::Settings& settings, int level);

/// Looks how old transaction ids are; records and announces another level, upon which the settings are written again.
Result<void> look_at_transaction_ids(Rds& rds, const Instance& instance, pg::Client& client);

}  // namespace howdah::rds
