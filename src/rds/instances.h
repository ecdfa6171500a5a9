#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/rds.h"
#include "domain/instance.h"
#include "domain/window.h"
#include "rds/rds.h"

namespace howdah::rds {

// Handlers. Each file says what it guarantees.
aws::rds::CreateDBInstanceResult create_db_instance(Rds&, api::Context&, const aws::rds::CreateDBInstanceMessage&);
aws::rds::DBInstanceMessage describe_db_instances(Rds&, api::Context&, const aws::rds::DescribeDBInstancesMessage&);
aws::rds::ModifyDBInstanceResult modify_db_instance(Rds&, api::Context&, const aws::rds::ModifyDBInstanceMessage&);
aws::rds::DeleteDBInstanceResult delete_db_instance(Rds&, api::Context&, const aws::rds::DeleteDBInstanceMessage&);
aws::rds::RebootDBInstanceResult reboot_db_instance(Rds&, api::Context&, const aws::rds::RebootDBInstanceMessage&);
aws::rds::StartDBInstanceResult start_db_instance(Rds&, api::Context&, const aws::rds::StartDBInstanceMessage&);
aws::rds::StopDBInstanceResult stop_db_instance(Rds&, api::Context&, const aws::rds::StopDBInstanceMessage&);

// Checks that create and modify share; each throws AWS's fault.

/// Whether AWS lets it be modified now: available (incompatible-parameters, storage-full), and nothing works on it.
bool changeable(const Rds& rds, const store::Tx& tx, const Instance& instance);
bool name_taken(const store::Tx& tx, const Scope& scope, std::string_view identifier);
void check_instance_quota(const Rds& rds, const store::Tx& tx, const Scope& scope);
void check_windows_apart(const window::Daily& backup, const window::Weekly& maintenance);
/// The groups' ids, each once, in the order given; every one must be in `vpc`. Empty when none was given.
std::vector<std::string> checked_security_groups(const Rds& rds, const Scope& scope, std::string_view vpc,
                                                 const wire::Seq<std::string>& ids);
/// The group to use: the named one, which must be of the engine version's family, or the family's default.
std::string checked_parameter_group(const Rds& rds, const Scope& scope, const std::optional<std::string>& name,
                                    std::string_view engine_version);
void check_option_group(std::string_view name, const Instance& instance);
void check_ca(std::string_view id);

/// The ARN of the key that was given by id, alias or ARN; none given = alias/aws/rds, which is the only one there is.
/// Throws KMSKeyNotAccessibleFault for any other.
std::string key_arn(const Scope& scope, const std::optional<std::string>& key);

/// Whether what the state directory stands on is encrypted: what StorageEncrypted promises.
bool storage_is_encrypted(const Rds& rds);

}  // namespace howdah::rds
