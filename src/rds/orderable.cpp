// DescribeOrderableDBInstanceOptions and DescribeValidDBInstanceModifications: what create and modify accept here, so
// that a caller who asks first is not refused afterwards.
#include "rds/orderable.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/context.h"
#include "api/paginate.h"
#include "domain/config.h"
#include "domain/instance_class.h"
#include "rds/engine_versions.h"
#include "rds/filters.h"
#include "rds/instances.h"
#include "rds/validate.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::DescribeOrderableDBInstanceOptionsMessage;
constexpr const char* kLicense = "postgresql-license";

struct Offer {
  const pg::Engine* engine;
  const InstanceClass* instance_class;
  const StorageType* storage;

  std::string key() const { return fmt::format("{}/{}/{}", version_key(*engine), instance_class->name, storage->name); }
};

aws::rds::OrderableDBInstanceOption to_wire(const Offer& offer, const std::vector<std::string>& zones,
                                            const std::string& region, bool encrypted) {
  aws::rds::OrderableDBInstanceOption out;
  out.engine = "postgres";
  out.engine_version = offer.engine->version;
  out.db_instance_class = offer.instance_class->name;
  out.license_model = kLicense;
  out.availability_zone_group = region;
  for (const auto& zone : zones) out.availability_zones.add({.name = zone});
  out.vpc = true;
  out.storage_type = offer.storage->name;
  out.min_storage_size = offer.storage->least_gib;
  out.max_storage_size = offer.storage->most_gib;
  out.supports_iops = offer.storage->takes_iops;
  out.supports_storage_throughput = std::string_view(offer.storage->name) == "gp3";
  out.supports_storage_encryption = encrypted;
  out.supported_engine_modes = {std::string("provisioned")};
  out.supported_network_types = {std::string("IPV4")};
  out.available_processor_features.present = out.supported_activity_stream_modes.present = true;
  out.multi_az_capable = out.read_replica_capable = out.supports_clusters = out.supports_global_databases = false;
  out.supports_enhanced_monitoring = out.supports_iam_database_authentication = false;
  out.supports_performance_insights = out.supports_storage_autoscaling = false;  // recorded, not carried out
  out.supports_kerberos_authentication = out.outpost_capable = out.supports_dedicated_log_volume = false;
  out.supports_additional_storage_volumes = out.supports_http_endpoint = false;
  return out;
}

/// Sorted by key. A few hundred on a large machine.
std::vector<Offer> offers(const Rds& rds, const Message& in) {
  std::vector<Offer> out;
  const auto asked = [](const std::optional<std::string>& filter) { return filter && !filter->empty(); };
  const bool here =
      serves_engine(*in.engine) && in.vpc.value_or(true) && (!asked(in.license_model) || *in.license_model == kLicense);
  if (!here) return out;
  for (const auto& engine : rds.engines.engines()) {
    if (asked(in.engine_version) && !version_matches(engine, *in.engine_version)) continue;
    for (const auto& c : instance_classes()) {
      if (asked(in.db_instance_class) && c.name != *in.db_instance_class) continue;
      if (c.memory_mib > machine_memory_mib()) continue;
      for (const auto& storage : storage_types()) out.push_back({&engine, &c, &storage});
    }
  }
  return out;
}

}  // namespace

aws::rds::OrderableDBInstanceOptionsMessage describe_orderable_db_instance_options(Rds& rds, api::Context& ctx,
                                                                                   const Message& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  auto all = offers(rds, in);
  if (in.availability_zone_group && *in.availability_zone_group != ctx.region) all.clear();
  auto page = api::page_of(std::move(all), request, [](const Offer& o) { return o.key(); });
  aws::rds::OrderableDBInstanceOptionsMessage out;
  out.orderable_db_instance_options.present = true;
  const auto zones = rds.config.zones(ctx.region);
  const bool encrypted = storage_is_encrypted(rds);
  for (const auto& offer : page.items) {
    out.orderable_db_instance_options.add(to_wire(offer, zones, ctx.region, encrypted));
  }
  out.marker = page.marker;
  return out;
}

aws::rds::DescribeValidDBInstanceModificationsResult describe_valid_db_instance_modifications(
    Rds& rds, api::Context& ctx, const aws::rds::DescribeValidDBInstanceModificationsMessage& in) {
  const auto [i, status] = see(rds, instance_named(rds.store, ctx.scope(), *in.db_instance_identifier));
  if (status != "available") {
    throw Fault("InvalidDBInstanceState",
                fmt::format("Instance {} is not in available state: it is {}.", i->identifier, status));
  }
  aws::rds::DescribeValidDBInstanceModificationsResult out;
  auto& valid = out.valid_db_instance_modifications_message.emplace();
  auto& storage = valid.storage.add();  // the type stays
  storage.storage_type = i->storage_type;
  for (const auto& type : storage_types()) {
    if (type.name != i->storage_type) continue;
    storage.storage_size.add({.from = i->allocated_storage, .to = type.most_gib, .step = 1});
  }
  storage.supports_storage_autoscaling = true;
  valid.valid_processor_features.present = true;
  valid.supports_dedicated_log_volume = false;
  return out;
}

}  // namespace howdah::rds
