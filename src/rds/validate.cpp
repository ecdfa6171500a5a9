#include "rds/validate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "domain/instance.h"
#include "domain/instance_class.h"
#include "util/fault.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }

// Words that PostgreSQL reserves (can't be a column or table name unquoted) and RDS refuses as user or database names.
constexpr auto kReservedWords = std::to_array<std::string_view>({"all",
                                                                 "analyse",
                                                                 "analyze",
                                                                 "and",
                                                                 "any",
                                                                 "array",
                                                                 "as",
                                                                 "asc",
                                                                 "asymmetric",
                                                                 "authorization",
                                                                 "binary",
                                                                 "both",
                                                                 "case",
                                                                 "cast",
                                                                 "check",
                                                                 "collate",
                                                                 "collation",
                                                                 "column",
                                                                 "concurrently",
                                                                 "constraint",
                                                                 "create",
                                                                 "cross",
                                                                 "current_catalog",
                                                                 "current_date",
                                                                 "current_role",
                                                                 "current_schema",
                                                                 "current_time",
                                                                 "current_timestamp",
                                                                 "current_user",
                                                                 "default",
                                                                 "deferrable",
                                                                 "desc",
                                                                 "distinct",
                                                                 "do",
                                                                 "else",
                                                                 "end",
                                                                 "except",
                                                                 "false",
                                                                 "fetch",
                                                                 "for",
                                                                 "foreign",
                                                                 "freeze",
                                                                 "from",
                                                                 "full",
                                                                 "grant",
                                                                 "group",
                                                                 "having",
                                                                 "ilike",
                                                                 "in",
                                                                 "initially",
                                                                 "inner",
                                                                 "intersect",
                                                                 "into",
                                                                 "is",
                                                                 "join",
                                                                 "lateral",
                                                                 "leading",
                                                                 "left",
                                                                 "like",
                                                                 "limit",
                                                                 "natural",
                                                                 "not",
                                                                 "null",
                                                                 "offset",
                                                                 "on",
                                                                 "only",
                                                                 "or",
                                                                 "order",
                                                                 "outer",
                                                                 "primary",
                                                                 "references",
                                                                 "right",
                                                                 "select",
                                                                 "table",
                                                                 "then",
                                                                 "to",
                                                                 "union",
                                                                 "user"});

bool reserved_word(const std::string& word) {
  return std::binary_search(kReservedWords.begin(), kReservedWords.end(), std::string_view(word));
}

bool identifier_chars(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return alpha(c) || digit(c) || c == '_'; });
}

constexpr StorageType kStorageTypes[] = {{"gp2", 20, 65536, false},
                                         {"gp3", 20, 65536, true},
                                         {"io1", 100, 65536, true},
                                         {"io2", 100, 65536, true},
                                         {"standard", 5, 3072, false}};

}  // namespace

std::span<const StorageType> storage_types() { return kStorageTypes; }

int64_t machine_memory_mib() { return sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024) / 1024; }

void refuse(std::string_view parameter, std::string_view why) {
  throw Fault("InvalidParameterCombination",
              fmt::format("Howdah does not offer {} yet: {}. Send the request without it.", parameter, why));
}

std::string checked_identifier(std::string_view id) {
  const bool ok = !id.empty() && id.size() <= 63 && alpha(id.front()) && id.back() != '-' && id.find("--") == id.npos &&
                  std::all_of(id.begin(), id.end(), [](char c) { return alpha(c) || digit(c) || c == '-'; });
  if (!ok) {
    invalid(
        "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
        "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
        "hyphens.");
  }
  return lower_case(id);
}

void check_master_username(std::string_view name) {
  if (name.empty() || name.size() > 16 || !alpha(name.front()) || !identifier_chars(name)) {
    invalid(
        fmt::format("The parameter MasterUsername is not valid: '{}' must begin with a letter, have 1 to 16 characters "
                    "and contain only letters, digits and underscores.",
                    name));
  }
  const std::string word = lower_case(name);
  const bool taken = word == "admin" || word == "administrator" || word == "rdsadmin" || word == "rdstopmgr" ||
                     word == "public" || word == "none" || word == "postgres_exporter_rdsadmin" ||
                     word.starts_with("rds_") || word.starts_with("pg_") || reserved_word(word);
  if (taken) invalid(fmt::format("MasterUsername {} cannot be used as it is a reserved word used by the engine", name));
}

void check_password(std::string_view password) {
  if (password.size() < 8) {
    invalid("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.");
  }
  if (password.size() > 128) {
    invalid("The parameter MasterUserPassword is not a valid password because it is longer than 128 characters.");
  }
  const bool ok = std::all_of(password.begin(), password.end(),
                              [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != '@' && c != '"'; });
  if (!ok) {
    invalid(
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', "
        "'\"', ' ' may be used.");
  }
}

void check_db_name(std::string_view name) {
  if (name.empty() || name.size() > 63 || !alpha(name.front()) || !identifier_chars(name)) {
    invalid(
        fmt::format("DBName must begin with a letter and contain only alphanumeric characters (1 to 63 letters, digits "
                    "or underscores): {}",
                    name));
  }
  const std::string word = lower_case(name);
  if (reserved_word(word) || word == "rdsadmin" || word == "template0" || word == "template1") {
    invalid(fmt::format("DBName {} cannot be used. It is a reserved word for this engine", name));
  }
}

void check_port(int32_t port) {
  if (port < 1150 || port > 65535) {
    invalid(fmt::format("Invalid database port: {}. Ports are 1150 to 65535.", port));
  }
}

void check_storage(std::string_view type, int32_t gib, std::optional<int32_t> max_gib) {
  const auto known = std::find_if(std::begin(kStorageTypes), std::end(kStorageTypes),
                                  [&](const StorageType& t) { return type == t.name; });
  if (known == std::end(kStorageTypes)) {
    invalid(fmt::format("Invalid storage type: {}. It is one of gp2, gp3, io1, io2, standard.", type));
  }
  if (gib < known->least_gib || gib > known->most_gib) {
    invalid(fmt::format("Invalid storage size for engine name postgres and storage type {}: {}", type, gib));
  }
  if (max_gib && *max_gib > known->most_gib) {
    invalid(fmt::format("Invalid max storage size for engine name postgres and storage type {}: {}", type, *max_gib));
  }
  if (max_gib && *max_gib < gib) {
    throw Fault("InvalidParameterCombination",
                fmt::format("Max storage size must be greater than storage size: {} is less than {}.", *max_gib, gib));
  }
}

namespace {

/// gp3 has 3000 IOPS and 125 MiB/s below 400 GiB, and can be asked for more from there on.
void check_gp3(const Instance& i) {
  if (i.allocated_storage < 400) {
    throw Fault("InvalidParameterCombination",
                "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.");
  }
  const int32_t iops = i.iops.value_or(12000), throughput = i.storage_throughput.value_or(500);
  if (iops < 12000 || iops > 64000) {
    invalid(fmt::format("Invalid iops for engine name postgres and storage type gp3: {}. It is 12000 to 64000.", iops));
  }
  if (throughput < 500 || throughput > 4000 || throughput * 4 > iops) {
    invalid(
        fmt::format("Invalid storage throughput for engine name postgres and storage type gp3: {}. It is 500 to 4000 "
                    "MiB/s and at most a quarter of the iops ({}).",
                    throughput, iops));
  }
}

void check_ratio(const Instance& i, int32_t gib, const char* what, double most) {
  const double ratio = double(*i.iops) / gib;
  if (ratio >= 0.5 && ratio <= most) return;
  throw Fault("InvalidParameterCombination",
              fmt::format("Invalid iops to {} (GB) ratio for engine name postgres and storage type {}: {:.4f}", what,
                          i.storage_type, ratio));
}

}  // namespace

void check_storage_speed(const Instance& i) {
  const bool provisioned = i.storage_type == "io1" || i.storage_type == "io2";
  if (provisioned && !i.iops) {
    throw Fault("InvalidParameterCombination",
                fmt::format("The storage type {} requires iops to be specified.", i.storage_type));
  }
  if (!i.iops && !i.storage_throughput) return;
  if (i.storage_type == "gp3") return check_gp3(i);
  if (!provisioned) {
    throw Fault("InvalidParameterCombination",
                fmt::format("You can't specify IOPS or storage throughput for storage type {}.", i.storage_type));
  }
  if (i.storage_throughput) {
    throw Fault("InvalidParameterCombination",
                fmt::format("You can't specify storage throughput for storage type {}.", i.storage_type));
  }
  if (*i.iops < 1000 || *i.iops > 256000) {
    invalid(fmt::format("Invalid iops for engine name postgres and storage type {}: {}. It is 1000 to 256000.",
                        i.storage_type, *i.iops));
  }
  const double most = i.storage_type == "io1" ? 50 : 1000;
  check_ratio(i, i.allocated_storage, "storage", most);
  if (i.max_allocated_storage) check_ratio(i, *i.max_allocated_storage, "max storage", most);
}

std::optional<int32_t> growth_limit(std::optional<int32_t> max_gib, int32_t gib) {
  return max_gib == gib ? std::nullopt : max_gib;
}

void check_retention(int32_t days) {
  if (days < 0 || days > 35) {
    invalid(fmt::format("Invalid backup retention period: {}. Retention period must be between 0 and 35", days));
  }
}

void check_insights_retention(int32_t days) {
  const bool months = days % 31 == 0 && days >= 31 && days <= 31 * 23;
  if (days != 7 && days != 731 && !months) {
    invalid(fmt::format(
        "Invalid Performance Insights retention period: {}. It is 7, 731 or a multiple of 31 up to 713.", days));
  }
}

void check_monitoring(std::optional<int32_t> interval, bool role_given) {
  const int32_t seconds = interval.value_or(0);
  constexpr auto kAllowed = std::to_array<int32_t>({0, 1, 5, 10, 15, 30, 60});
  if (std::find(kAllowed.begin(), kAllowed.end(), seconds) == kAllowed.end()) {
    invalid(fmt::format("Invalid MonitoringInterval: {}. It is one of 0, 1, 5, 10, 15, 30, 60.", seconds));
  }
  if (seconds != 0 && !role_given) {
    throw Fault("InvalidParameterCombination",
                "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.");
  }
}

void check_lifecycle_support(std::string_view name) {
  constexpr std::string_view kOn = "open-source-rds-extended-support";
  if (name == kOn || name == std::string(kOn) + "-disabled") return;
  invalid(fmt::format("Invalid EngineLifecycleSupport: {}. It is {} or {}-disabled.", name, kOn, kOn));
}

void check_password_source(bool password_given, bool managed) {
  if (!password_given || !managed) return;
  throw Fault("InvalidParameterCombination", "You can't specify MasterUserPassword and ManageMasterUserPassword");
}

void check_instance_class(std::string_view name) {
  const InstanceClass* c = find_instance_class(name);
  if (!c) invalid(fmt::format("Invalid DB Instance class: {}", name));
  if (c->memory_mib > machine_memory_mib()) {
    throw Fault("InsufficientDBInstanceCapacity",
                fmt::format("{} has {} MiB of memory and this machine has {} MiB. Choose a smaller class.", name,
                            c->memory_mib, machine_memory_mib()));
  }
}

}  // namespace howdah::rds
