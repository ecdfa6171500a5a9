#include "rds/automated_backups.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/automated_backup.h"
#include "rds/backup_work.h"
#include "rds/filters.h"
#include "rds/restorable_times.h"
#include "rds/to_wire.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::DescribeDBInstanceAutomatedBackupsMessage;

/// One row: the instance as it is, or as it was.
struct Row {
  std::shared_ptr<const Instance> instance;
  bool retained = false;
  Time latest{};

  std::string arn() const { return instance->scope.arn("rds", automated_backup_resource(instance->resource_id)); }
  std::string status() const {
    if (retained) return "retained";
    return instance->restorable_from == Time{} ? "creating" : "active";
  }
};

std::vector<Row> rows_of(const Rds& rds, const Scope& scope) {
  std::vector<Row> out;
  for (const auto& i : rds.store.all<Instance>(scope.prefix())) {
    if (i->backup_retention == 0 || i->rest == Rest::creating || i->rest == Rest::incompatible_restore) continue;
    out.push_back({i});
  }
  for (const auto& b : rds.store.all<AutomatedBackup>(scope.prefix())) {
    out.push_back({std::make_shared<const Instance>(b->source), true, b->latest});
  }
  std::sort(out.begin(), out.end(),
            [](const Row& a, const Row& b) { return a.instance->resource_id < b.instance->resource_id; });
  return out;
}

aws::rds::DBInstanceAutomatedBackup to_wire(const Rds& rds, const Row& row) {
  const Instance& i = *row.instance;
  aws::rds::DBInstanceAutomatedBackup out;
  out.db_instance_arn = i.arn();
  out.dbi_resource_id = i.resource_id;
  out.region = i.scope.region;
  out.db_instance_identifier = i.identifier;
  if (i.restorable_from != Time{}) {
    aws::rds::RestoreWindow window;
    window.earliest_time = rds::to_wire(whole_second_after(i.restorable_from));
    const auto end = row.retained ? std::optional(row.latest) : rds.restorable.latest(i.resource_id);
    if (const auto latest = last_whole_second(i, end)) window.latest_time = rds::to_wire(*latest);
    out.restore_window = std::move(window);
  }
  out.allocated_storage = i.allocated_storage;
  out.status = row.status();
  out.port = i.port;
  out.availability_zone = i.availability_zone;
  out.vpc_id = i.vpc_id;
  out.instance_create_time = rds::to_wire(i.created);
  out.master_username = i.master_username;
  out.engine = i.engine;
  out.engine_version = i.engine_version;
  out.license_model = i.license_model;
  out.iops = i.iops;
  out.storage_throughput = i.storage_throughput;
  out.option_group_name = "default:postgres-" + i.engine_version.substr(0, i.engine_version.find('.'));
  out.encrypted = i.storage_encrypted;
  out.storage_type = i.storage_type;
  if (!i.kms_key_id.empty()) out.kms_key_id = i.kms_key_id;
  out.iam_database_authentication_enabled = false;
  out.backup_retention_period = i.backup_retention;
  out.preferred_backup_window = i.backup_window;
  out.db_instance_automated_backups_arn = row.arn();
  out.db_instance_automated_backups_replications.present = true;
  out.backup_target = "region";
  out.multi_tenant = false;
  out.dedicated_log_volume = false;
  out.tag_list = rds::to_wire(i.tags);
  return out;
}

[[noreturn]] void not_found(const std::string& what) {
  throw Fault("DBInstanceAutomatedBackupNotFound", fmt::format("DBInstanceAutomatedBackup {} not found.", what));
}

}  // namespace

aws::rds::DBInstanceAutomatedBackupMessage describe_db_instance_automated_backups(Rds& rds, api::Context& ctx,
                                                                                  const Message& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters filters(in.filters, {"status", "db-instance-id", "dbi-resource-id"});
  auto rows = rows_of(rds, ctx.scope());
  std::erase_if(rows, [&](const Row& r) {
    const Instance& i = *r.instance;
    return (in.dbi_resource_id && *in.dbi_resource_id != i.resource_id) ||
           (in.db_instance_identifier && lower_case(*in.db_instance_identifier) != i.identifier &&
            *in.db_instance_identifier != i.arn()) ||
           (in.db_instance_automated_backups_arn && *in.db_instance_automated_backups_arn != r.arn()) ||
           !filters.admit("status", r.status()) || !filters.admit("dbi-resource-id", i.resource_id) ||
           !(filters.admit("db-instance-id", i.identifier) || filters.admit("db-instance-id", i.arn()));
  });
  if (rows.empty() && in.dbi_resource_id) not_found(*in.dbi_resource_id);
  if (rows.empty() && in.db_instance_automated_backups_arn) not_found(*in.db_instance_automated_backups_arn);
  auto page = api::page_of(std::move(rows), request, [](const Row& r) { return r.instance->resource_id; });
  aws::rds::DBInstanceAutomatedBackupMessage out;
  out.db_instance_automated_backups.present = true;
  for (const auto& row : page.items) out.db_instance_automated_backups.add(to_wire(rds, row));
  out.marker = page.marker;
  return out;
}

aws::rds::DeleteDBInstanceAutomatedBackupResult delete_db_instance_automated_backup(
    Rds& rds, api::Context& ctx, const aws::rds::DeleteDBInstanceAutomatedBackupMessage& in) {
  if (in.dbi_resource_id.has_value() == in.db_instance_automated_backups_arn.has_value()) {
    throw Fault("InvalidParameterCombination",
                "Exactly one of DbiResourceId and DBInstanceAutomatedBackupsArn must be given.");
  }
  std::optional<Row> wanted;
  for (auto& row : rows_of(rds, ctx.scope())) {
    if (in.dbi_resource_id == row.instance->resource_id || in.db_instance_automated_backups_arn == row.arn()) {
      wanted = row;
    }
  }
  if (!wanted) not_found(in.dbi_resource_id.value_or(in.db_instance_automated_backups_arn.value_or("")));
  if (!wanted->retained) {
    throw Fault("InvalidDBInstanceAutomatedBackupState",
                fmt::format("The automated backups of {} can't be deleted while the instance is there. Set its backup "
                            "retention period to 0 to have none.",
                            wanted->instance->identifier));
  }
  auto out = to_wire(rds, *wanted);
  out.status = "deleting";
  rds.store.write([&](store::Tx& tx) {
    tx.erase<AutomatedBackup>(wanted->instance->scope.key(wanted->instance->resource_id));
    erase_automated_snapshots(rds, tx, wanted->instance->resource_id);
    tidy_backups(rds, tx);
  });
  return {.db_instance_automated_backup = std::move(out)};
}

void register_automated_backups(api::Api& api, Rds& rds) {
  const auto& s = aws::rds::kService;
  api.on(s, "DescribeDBInstanceAutomatedBackups", rds, describe_db_instance_automated_backups);
  api.on(s, "DeleteDBInstanceAutomatedBackup", rds, delete_db_instance_automated_backup);
}

}  // namespace howdah::rds
