#include "api/never.h"

#include "aws/rds.h"

namespace howdah::api {
namespace {

struct Refusal {
  const char* operation;
  const char* why;
};

constexpr const char* kOracle = "Switching over a read replica is for Oracle. Use PromoteReadReplica for PostgreSQL.";
constexpr const char* kBacktrack = "Backtrack is for Aurora MySQL. Use RestoreDBInstanceToPointInTime for PostgreSQL.";
constexpr const char* kServerless1 =
    "Aurora Serverless v1 is not offered. Use ModifyDBCluster with a ServerlessV2ScalingConfiguration.";
constexpr const char* kTenants = "Tenant databases are for Oracle. Use CREATE DATABASE for PostgreSQL.";
constexpr const char* kShards = "Aurora Limitless Database is not offered.";
constexpr const char* kCustom =
    "Custom engine versions are for RDS Custom. Register a PostgreSQL build of your own instead.";
constexpr const char* kZeroEtl = "Zero-ETL integrations need Amazon Redshift, which is not offered.";
constexpr const char* kClassic = "DB security groups are for EC2-Classic. Use VPC security groups.";
constexpr const char* kReserved = "There is nothing to reserve: instances run on your own machines and cost nothing.";

constexpr Refusal kRefusals[] = {
    {"SwitchoverReadReplica", kOracle},
    {"BacktrackDBCluster", kBacktrack},
    {"ModifyCurrentDBClusterCapacity", kServerless1},
    {"CreateTenantDatabase", kTenants},
    {"ModifyTenantDatabase", kTenants},
    {"DeleteTenantDatabase", kTenants},
    {"CreateDBShardGroup", kShards},
    {"ModifyDBShardGroup", kShards},
    {"DeleteDBShardGroup", kShards},
    {"RebootDBShardGroup", kShards},
    {"CreateCustomDBEngineVersion", kCustom},
    {"ModifyCustomDBEngineVersion", kCustom},
    {"DeleteCustomDBEngineVersion", kCustom},
    {"CreateIntegration", kZeroEtl},
    {"ModifyIntegration", kZeroEtl},
    {"DeleteIntegration", kZeroEtl},
    {"CreateDBSecurityGroup", kClassic},
    {"DeleteDBSecurityGroup", kClassic},
    {"AuthorizeDBSecurityGroupIngress", kClassic},
    {"RevokeDBSecurityGroupIngress", kClassic},
    {"PurchaseReservedDBInstancesOffering", kReserved},
};

struct EmptyList {
  const char* operation;
  const char* id;  ///< the input member that asks for one
};

constexpr EmptyList kEmpty[] = {
    {"DescribeDBClusterBacktracks", "BacktrackIdentifier"},
    {"DescribeTenantDatabases", ""},
    {"DescribeDBSnapshotTenantDatabases", ""},
    {"DescribeDBShardGroups", "DBShardGroupIdentifier"},
    {"DescribeIntegrations", "IntegrationIdentifier"},
    {"DescribeDBSecurityGroups", "DBSecurityGroupName"},
    {"DescribeReservedDBInstances", "ReservedDBInstanceId"},
    {"DescribeReservedDBInstancesOfferings", "ReservedDBInstancesOfferingId"},
};
static_assert(std::size(kRefusals) + std::size(kEmpty) == 29);

}  // namespace

void register_never(Api& api) {
  for (const Refusal& r : kRefusals) api.refuse(aws::rds::kService, r.operation, "InvalidParameterCombination", r.why);
  for (const EmptyList& e : kEmpty) api.answer_empty(aws::rds::kService, e.operation, e.id);
}

}  // namespace howdah::api
