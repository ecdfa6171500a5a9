#include "rds/absent.h"

#include "api/api.h"
#include "aws/rds.h"

namespace howdah::rds {
namespace {

struct Absent {
  const char* operation;
  const char* id;  ///< the input member that asks for one by name, "" = none
};

constexpr Absent kAbsent[] = {
    {"DescribeBlueGreenDeployments", "BlueGreenDeploymentIdentifier"},
    {"DescribeDBClusterParameterGroups", "DBClusterParameterGroupName"},
    {"DescribeDBClusterSnapshots", "DBClusterSnapshotIdentifier"},
    {"DescribeDBClusters", "DBClusterIdentifier"},
    {"DescribeDBProxies", "DBProxyName"},
    {"DescribeDBRecommendations", ""},
    {"DescribeEventSubscriptions", "SubscriptionName"},
    {"DescribeExportTasks", ""},
    {"DescribeGlobalClusters", "GlobalClusterIdentifier"},
    {"DescribeSourceRegions", ""},
};

struct Refusal {
  const char* operation;
  const char* why;
};

constexpr const char* kOptions =
    "PostgreSQL has no options. Every instance has the option group default:postgres-<major>.";

constexpr Refusal kRefused[] = {
    {"CopyOptionGroup", kOptions},
    {"CreateOptionGroup", kOptions},
    {"DeleteOptionGroup", kOptions},
    {"ModifyCertificates", "There is one certificate authority, rds-ca-rsa2048-g1, and it is the default already."},
    {"ModifyDBRecommendation", "There are no recommendations."},
    {"ModifyOptionGroup", kOptions},
};

}  // namespace

void register_absent(api::Api& api) {
  for (const auto& a : kAbsent) api.answer_empty(aws::rds::kService, a.operation, a.id);
  for (const auto& r : kRefused) api.refuse(aws::rds::kService, r.operation, "InvalidParameterCombination", r.why);
}

}  // namespace howdah::rds
