#pragma once
#include <string>
#include <vector>

#include "pg/bootstrap.h"
#include "pg/client.h"
#include "util/result.h"

/// What we do inside a server's catalogs, over a connection as rdsadmin. Each function observes first and may be called
/// again at any time.
namespace howdah::pg {

/// What an instance is set up with.
struct SetUp {
  std::string master;
  std::string verifier;  ///< "" = the role is left as it is
  std::string database;  ///< "" = none
};

/// ensure_master() and ensure_database() at once: one question and one transaction.
Result<void> ensure_set_up(Client& client, const SetUp& wanted);

/// Makes `name` the master: LOGIN CREATEDB CREATEROLE, no superuser, member of rds_superuser with the right to grant
/// it on (and, through it, rds_replication and rds_password), owner of database postgres, with this SCRAM verifier.
Result<void> ensure_master(Client& client, const std::string& name, const std::string& scram_verifier);

/// Sets the password of an existing role. `verifier` must be a SCRAM verifier: clear passwords are refused.
Result<void> set_password(Client& client, const std::string& role, const std::string& verifier);

/// Makes database `name` owned by `owner`: renames the spare database into it when there is one, else CREATE DATABASE.
/// An existing database only gets its owner corrected when that is still rdsadmin.
Result<void> ensure_database(Client& client, const std::string& name, const std::string& owner);

/// Re-applies bootstrap_statements() and the parameter rds.superuser_read_all: after a restore or upgrade.
Result<void> reconcile_roles(Client& client);

/// What users changed of the reserved roles, in words; empty = nothing. Only reads.
Result<std::vector<std::string>> missing_roles(Client& client);

/// reconcile_roles(), and the master is a member again of what had gone.
Result<void> restore_roles(Client& client, const std::string& master);

/// Makes rds_superuser's membership of pg_read_all_data what the server's setting rds.superuser_read_all says.
Result<void> follow_read_all(Client& client);

/// Gives REPLICATION to the members of rds_replication that can log in, and takes it from all others but superusers;
/// from all when wal_level is not logical. Writes only what differs. Returns whether wal_level is logical.
Result<bool> follow_replication(Client& client);

}  // namespace howdah::pg
