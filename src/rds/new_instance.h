#pragma once
#include <map>
#include <string>

#include "aws/rds.h"
#include "domain/instance.h"
#include "pg/engine.h"
#include "rds/rds.h"

/// What CreateDBInstance and the restores share: a restore is a creation whose unnamed settings come from its source.
namespace howdah::rds {

/// Throws for what AWS or this version refuses whatever else is said.
void refuse_what_is_not_offered(const aws::rds::CreateDBInstanceMessage& in);

/// Everything of the new instance but who it is and its password: class, storage, windows, network, the rest.
/// `i` has scope, identifier and resource id.
void describe_new_instance(const Rds& rds, const aws::rds::CreateDBInstanceMessage& in, const pg::Engine& engine,
                           Instance& i);

/// Name, quota, groups that may have gone meanwhile; then a slot and an address, the record and its workflow.
void add_instance(Rds& rds, store::Tx& tx, Instance& i, const char* table,
                  std::map<std::string, std::string> args = {});

}  // namespace howdah::rds
