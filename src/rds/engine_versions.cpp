// DescribeDBEngineVersions and DescribeDBMajorEngineVersions: what is installed, and nothing else.
#include "rds/engine_versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "api/context.h"
#include "api/paginate.h"
#include "rds/certificates.h"
#include "rds/filters.h"
#include "util/fault.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

/// Engines that AWS has and this version has not.
constexpr auto kOtherEngines = std::to_array<std::string_view>({"aurora",
                                                                "aurora-mysql",
                                                                "aurora-postgresql",
                                                                "custom-oracle-ee",
                                                                "custom-oracle-ee-cdb",
                                                                "custom-oracle-se2",
                                                                "custom-oracle-se2-cdb",
                                                                "custom-sqlserver-dev",
                                                                "custom-sqlserver-ee",
                                                                "custom-sqlserver-se",
                                                                "custom-sqlserver-web",
                                                                "db2-ae",
                                                                "db2-ce",
                                                                "db2-se",
                                                                "docdb",
                                                                "mariadb",
                                                                "mysql",
                                                                "neptune",
                                                                "oracle-ee",
                                                                "oracle-ee-cdb",
                                                                "oracle-se2",
                                                                "oracle-se2-cdb",
                                                                "sqlserver-dev-ee",
                                                                "sqlserver-ee",
                                                                "sqlserver-ex",
                                                                "sqlserver-se",
                                                                "sqlserver-web"});

aws::rds::DBEngineVersion to_wire(const pg::Engine& engine) {
  aws::rds::DBEngineVersion out;
  out.engine = "postgres";
  out.major_engine_version = major_of(engine);
  out.engine_version = engine.version;
  out.db_parameter_group_family = engine.family;
  out.db_engine_description = "PostgreSQL";
  out.db_engine_version_description = "PostgreSQL " + engine.version;
  out.status = "available";
  out.valid_upgrade_target.present = true;  // ModifyDBInstance changes no version yet
  out.supported_ca_certificate_identifiers = {std::string(kCertificateAuthority)};
  out.supports_certificate_rotation_without_restart = true;
  out.exportable_log_types.present = true;
  out.supported_feature_names.present = true;
  out.tag_list.present = true;
  out.supports_log_exports_to_cloudwatch_logs = out.supports_read_replica = out.supports_parallel_query = false;
  out.supports_global_databases = out.supports_babelfish = out.supports_limitless_database = false;
  out.supports_local_write_forwarding = out.supports_integrations = false;
  return out;
}

/// What create uses when the request says only so much: the newest of the majors that are left.
const pg::Engine* default_of(const std::vector<pg::Engine>& engines) {
  const auto newest = std::max_element(engines.begin(), engines.end(),
                                       [](const auto& a, const auto& b) { return version_key(a) < version_key(b); });
  return newest == engines.end() ? nullptr : &*newest;
}

wire::Timestamp day(const std::string& iso) { return wire::parse_timestamp(iso).value_or(wire::Timestamp{}); }

aws::rds::DBMajorEngineVersion major_to_wire(int major) {
  aws::rds::DBMajorEngineVersion out;
  out.engine = "postgres";
  out.major_engine_version = std::to_string(major);
  out.supported_engine_lifecycles.present = true;
  const auto dates = pg::dates_of(major);
  if (dates.release.empty()) return out;
  // The PostgreSQL project's own dates. Nobody prolongs them here, so there is no extended support to list.
  constexpr int64_t kLastMilliOfDay = 24 * 3600 * 1000 - 1;
  auto& standard = out.supported_engine_lifecycles.add();
  standard.lifecycle_support_name = "open-source-rds-standard-support";
  standard.lifecycle_support_start_date = day(dates.release);
  standard.lifecycle_support_end_date = wire::Timestamp{day(dates.end_of_life).ms + kLastMilliOfDay};
  return out;
}

}  // namespace

bool serves_engine(std::string_view engine) {
  if (engine == "postgres") return true;
  if (std::find(kOtherEngines.begin(), kOtherEngines.end(), engine) != kOtherEngines.end()) return false;
  throw Fault("InvalidParameterValue", fmt::format("Invalid DB engine: {}", engine));
}

std::string major_of(const pg::Engine& engine) { return std::to_string(engine.major); }

bool version_matches(const pg::Engine& engine, std::string_view wanted) {
  return wanted == engine.version || wanted == major_of(engine);
}

std::string version_key(const pg::Engine& engine) {
  const auto [major, minor] = pg::parse_version(engine.version);
  return fmt::format("{:05}.{:05}", major, std::max(minor, 0));
}

const pg::Engine* engine_of_family(const pg::Catalog& catalog, std::string_view family) {
  const pg::Engine* newest = nullptr;
  for (const auto& e : catalog.engines()) {
    if (e.family == family && (!newest || version_key(*newest) < version_key(e))) newest = &e;
  }
  return newest;
}

std::vector<int> installed_majors(const pg::Catalog& catalog) {
  std::set<int> majors;
  for (const auto& e : catalog.engines()) majors.insert(e.major);
  return {majors.begin(), majors.end()};
}

aws::rds::DBEngineVersionMessage describe_db_engine_versions(Rds& rds, api::Context&,
                                                             const aws::rds::DescribeDBEngineVersionsMessage& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters filters(in.filters, {"db-parameter-group-family", "engine", "engine-mode", "engine-version", "status"});
  const bool served = !in.engine || in.engine->empty() || serves_engine(*in.engine);
  const auto keep = [&](const pg::Engine& e) {
    return served && (!in.engine_version || in.engine_version->empty() || version_matches(e, *in.engine_version)) &&
           (!in.db_parameter_group_family || *in.db_parameter_group_family == e.family) &&
           filters.admit("db-parameter-group-family", e.family) && filters.admit("engine", "postgres") &&
           filters.admit("engine-mode", "provisioned") && filters.admit("status", "available") &&
           (filters.admit("engine-version", e.version) || filters.admit("engine-version", major_of(e)));
  };
  std::vector<pg::Engine> found;
  std::copy_if(rds.engines.engines().begin(), rds.engines.engines().end(), std::back_inserter(found), keep);
  if (in.default_only.value_or(false)) {
    const pg::Engine* only = default_of(found);
    found = only ? std::vector<pg::Engine>{*only} : std::vector<pg::Engine>{};
  }
  auto page = api::page_of(std::move(found), request, version_key);
  aws::rds::DBEngineVersionMessage out;
  out.db_engine_versions.present = true;
  for (const auto& e : page.items) out.db_engine_versions.add(to_wire(e));
  out.marker = page.marker;
  return out;
}

aws::rds::DescribeDBMajorEngineVersionsResponse describe_db_major_engine_versions(
    Rds& rds, api::Context&, const aws::rds::DescribeDBMajorEngineVersionsRequest& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  std::vector<int> majors = installed_majors(rds.engines);
  const bool served = !in.engine || in.engine->empty() || serves_engine(*in.engine);
  std::erase_if(majors, [&](int major) {
    return !served || (in.major_engine_version && *in.major_engine_version != std::to_string(major));
  });
  auto page = api::page_of(std::move(majors), request, [](int major) { return fmt::format("{:05}", major); });
  aws::rds::DescribeDBMajorEngineVersionsResponse out;
  out.db_major_engine_versions.present = true;
  for (const int major : page.items) out.db_major_engine_versions.add(major_to_wire(major));
  out.marker = page.marker;
  return out;
}

}  // namespace howdah::rds
