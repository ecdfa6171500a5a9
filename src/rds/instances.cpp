#include "rds/instances.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <fstream>

#include "domain/config.h"
#include "domain/parameter_group.h"
#include "domain/security_group.h"
#include "util/id.h"
#include "util/text.h"

namespace howdah::rds {

bool changeable(const Rds& rds, const store::Tx& tx, const Instance& i) {
  const std::string status = status_of(rds, tx, i);
  const bool rests = status == "available" || status == "incompatible-parameters" || status == "storage-full";
  return rests && !flow::Runner::busy(tx, i.workflow());
}

bool name_taken(const store::Tx& tx, const Scope& scope, std::string_view identifier) {
  return tx.get<Instance>(scope.key(identifier)) != nullptr;
}

/// Cost O(instances of the scope), which the quota itself bounds.
void check_instance_quota(const Rds& rds, const store::Tx& tx, const Scope& scope) {
  const auto limit = rds.config.quotas.find("DBInstances");
  if (limit == rds.config.quotas.end()) return;
  const auto used = static_cast<int64_t>(tx.all<Instance>(scope.prefix()).size());
  if (used < limit->second) return;
  throw Fault(
      "InstanceQuotaExceeded",
      fmt::format("DBInstance quota exceeded: {} of {} are in use. Raise quotas.DBInstances in the configuration.",
                  used, limit->second));
}

void check_windows_apart(const window::Daily& backup, const window::Weekly& maintenance) {
  if (window::overlap(backup, maintenance)) {
    throw Fault("InvalidParameterValue", "The backup window and maintenance window must not overlap.");
  }
}

std::vector<std::string> checked_security_groups(const Rds& rds, const Scope& scope, std::string_view vpc,
                                                 const wire::Seq<std::string>& ids) {
  std::vector<std::string> out;
  for (const auto& id : ids) {
    const auto group = rds.store.get<SecurityGroup>(scope.key(id));
    if (!group) {
      throw Fault("InvalidParameterValue", fmt::format("Invalid security group , groupId= {}, groupName=.", id));
    }
    if (group->vpc_id != vpc) {
      throw Fault(
          "InvalidVPCNetworkStateFault",
          fmt::format("The DB instance and EC2 security group are in different VPCs. The DB instance is in {} and "
                      "the EC2 security group {} is in {}.",
                      vpc, id, group->vpc_id));
    }
    if (std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
  }
  return out;
}

std::string checked_parameter_group(const Rds& rds, const Scope& scope, const std::optional<std::string>& name,
                                    std::string_view engine_version) {
  const std::string family = "postgres" + std::string(engine_version.substr(0, engine_version.find('.')));
  const std::string fallback = "default." + family;
  if (!name || name->empty()) return fallback;
  const std::string wanted = lower_case(*name);
  if (wanted == fallback) return fallback;
  std::string group_family;
  if (wanted.starts_with("default.")) {
    group_family = wanted.substr(8);
    if (!group_family.starts_with("postgres")) {
      throw Fault("DBParameterGroupNotFound", fmt::format("DBParameterGroup not found: {}", *name));
    }
  } else {
    const auto group = rds.store.get<ParameterGroup>(scope.key(wanted));
    if (!group) throw Fault("DBParameterGroupNotFound", fmt::format("DBParameterGroup not found: {}", *name));
    group_family = group->family;
  }
  if (group_family != family) {
    throw Fault(
        "InvalidParameterCombination",
        fmt::format("The parameter group {} with DBParameterGroupFamily {} can't be used for this instance. Please "
                    "use a parameter group with DBParameterGroupFamily {}",
                    wanted, group_family, family));
  }
  return wanted;
}

void check_option_group(std::string_view name, const Instance& i) {
  const std::string own = "default:postgres-" + i.engine_version.substr(0, i.engine_version.find('.'));
  if (name != own) {
    throw Fault("OptionGroupNotFoundFault",
                fmt::format("Specified OptionGroupName: {} not found. PostgreSQL has only {}.", name, own));
  }
}

void check_ca(std::string_view id) {
  if (id != "rds-ca-rsa2048-g1") {
    throw Fault("CertificateNotFound", fmt::format("CA certificate {} not found. There is rds-ca-rsa2048-g1.", id));
  }
}

std::string key_arn(const Scope& scope, const std::optional<std::string>& key) {
  const std::string alias = "alias/aws/rds", hex = id::stable_hex(scope.prefix() + alias, 32);
  const std::string id = fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                                     hex.substr(16, 4), hex.substr(20));
  const std::string arn = scope.arn("kms", "key/" + id);
  if (!key || key->empty() || *key == alias || *key == id || *key == arn || *key == scope.arn("kms", alias)) return arn;
  throw Fault("KMSKeyNotAccessibleFault",
              fmt::format("The specified KMS key [{}] does not exist, is not enabled or you do not have permissions to "
                          "access it. The key that is there is {}.",
                          *key, alias));
}

/// True when the filesystem of the state directory stands on dm-crypt, directly.
bool storage_is_encrypted(const Rds& rds) {
  struct stat st {};
  if (stat(rds.config.state_dir.c_str(), &st) != 0) return false;
  std::ifstream uuid(fmt::format("/sys/dev/block/{}:{}/dm/uuid", major(st.st_dev), minor(st.st_dev)));
  std::string text;
  return std::getline(uuid, text) && text.starts_with("CRYPT-");
}

}  // namespace howdah::rds
