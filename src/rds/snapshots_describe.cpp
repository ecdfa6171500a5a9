// DescribeDBSnapshots, DescribeDBSnapshotAttributes and ModifyDBSnapshotAttribute. By name O(log n), lists O(page).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/context.h"
#include "api/holds.h"
#include "api/paginate.h"
#include "rds/filters.h"
#include "rds/snapshot_progress.h"
#include "rds/snapshots.h"
#include "rds/to_wire.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::DescribeDBSnapshotsMessage;

constexpr std::string_view kTypes[] = {"automated", "manual", "shared", "public", "awsbackup"};
constexpr std::string_view kAll = "all";
constexpr size_t kMostAccounts = 20;

bool has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// What the request wants to see, as seen from its own account.
class Wanted {
 public:
  Wanted(const Message& in, const Scope& scope)
      : in_(in),
        scope_(scope),
        filters_(in.filters, {"db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"}) {
    const auto type = in.snapshot_type.value_or("");
    if (!type.empty() && std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) {
      throw Fault("InvalidParameterValue",
                  fmt::format("Invalid snapshot type: {}. Snapshot types are automated, manual, shared, public and "
                              "awsbackup.",
                              type));
    }
  }

  /// Whether the answer can only hold snapshots of the caller's own account.
  bool own_only() const {
    const auto type = in_.snapshot_type.value_or("");
    return type != "shared" && type != "public" && !in_.include_shared.value_or(false) &&
           !in_.include_public.value_or(false);
  }

  bool match(const Snapshot& s) const {
    if (s.scope.region != scope_.region || !visible(s)) return false;
    if (in_.db_instance_identifier && !in_.db_instance_identifier->empty() && !is_of(s, *in_.db_instance_identifier)) {
      return false;
    }
    if (in_.dbi_resource_id && *in_.dbi_resource_id != s.resource_id()) return false;
    if (in_.db_snapshot_identifier && !in_.db_snapshot_identifier->empty() &&
        lower_case(*in_.db_snapshot_identifier) != s.identifier && *in_.db_snapshot_identifier != s.arn()) {
      return false;
    }
    return (filters_.admit("db-instance-id", s.source.identifier) ||
            filters_.admit("db-instance-id", s.source.arn())) &&
           (filters_.admit("db-snapshot-id", s.identifier) || filters_.admit("db-snapshot-id", s.arn())) &&
           filters_.admit("dbi-resource-id", s.resource_id()) && filters_.admit("engine", s.source.engine) &&
           filters_.admit("snapshot-type", s.automated ? "automated" : "manual");
  }

 private:
  static bool is_of(const Snapshot& s, const std::string& name) {
    return lower_case(name) == s.source.identifier || name == s.source.arn();
  }

  bool visible(const Snapshot& s) const {
    const auto type = in_.snapshot_type.value_or("");
    const bool own = s.scope == scope_;
    if (type == "automated") return own && s.automated;
    if (type == "manual") return own && !s.automated;
    if (type == "awsbackup") return false;  // there is no AWS Backup
    if (type == "public") return has(s.shared_with, kAll);
    if (type == "shared") return !own && has(s.shared_with, scope_.account);
    return own || (in_.include_shared.value_or(false) && has(s.shared_with, scope_.account)) ||
           (in_.include_public.value_or(false) && has(s.shared_with, kAll));
  }

  const Message& in_;
  const Scope& scope_;
  const Filters filters_;
};

/// Waiters ask for one snapshot every 15 or 30 s. While it is being made their answer is held, at most 10 s.
void hold_while_creating(const Rds& rds, api::Context& ctx, const std::string& name) {
  const auto creating = [&] {
    try {
      return snapshot_named(rds.store, ctx.scope(), name)->state == Snapshot::State::creating;
    } catch (const Fault&) {
      return false;
    }
  };
  if (creating()) ctx.holds.wait(std::chrono::seconds(10), [&] { return !creating(); });
}

aws::rds::DBSnapshotAttributesResult attributes(const Snapshot& s) {
  aws::rds::DBSnapshotAttributesResult out;
  out.db_snapshot_identifier = s.identifier;
  auto& restore = out.db_snapshot_attributes.add();
  restore.attribute_name = "restore";
  restore.attribute_values = s.shared_with;
  restore.attribute_values.present = true;
  return out;
}

std::shared_ptr<const Snapshot> own(std::shared_ptr<const Snapshot> s, const Scope& scope) {
  if (s->scope == scope) return s;
  throw Fault("DBSnapshotNotFound", fmt::format("DBSnapshot {} not found.", s->arn()));
}

void check_account(const std::string& value) {
  const bool id = value.size() == 12 && value.find_first_not_of("0123456789") == value.npos;
  if (!id && value != kAll) {
    throw Fault("InvalidParameterValue", fmt::format("Invalid account: {}. It is 12 digits, or all.", value));
  }
}

}  // namespace

aws::rds::DBSnapshot to_wire(const Rds& rds, const Snapshot& s) {
  const Instance& i = s.source;
  aws::rds::DBSnapshot out;
  out.db_snapshot_identifier = s.identifier;
  out.db_snapshot_arn = s.arn();
  out.db_instance_identifier = i.identifier;
  out.dbi_resource_id = i.resource_id;
  out.snapshot_type = s.automated ? "automated" : "manual";
  out.status = std::string(status_word(s.state));
  out.percent_progress = s.state == Snapshot::State::available ? 100 : rds.progress.of(s.id);
  out.snapshot_create_time = to_wire(s.created);
  out.original_snapshot_create_time = to_wire(s.original_created);
  out.snapshot_database_time = to_wire(s.database_time);
  out.instance_create_time = to_wire(i.created);
  out.engine = i.engine;
  out.engine_version = i.engine_version;
  out.license_model = i.license_model;
  out.master_username = i.master_username;
  out.port = i.port;
  out.allocated_storage = i.allocated_storage;
  out.storage_type = i.storage_type;
  out.iops = i.iops;
  out.storage_throughput = i.storage_throughput;
  out.encrypted = i.storage_encrypted;
  if (!i.kms_key_id.empty()) out.kms_key_id = i.kms_key_id;
  out.availability_zone = i.availability_zone;
  out.vpc_id = i.vpc_id;
  out.option_group_name = "default:postgres-" + i.engine_version.substr(0, i.engine_version.find('.'));
  out.iam_database_authentication_enabled = false;
  out.snapshot_target = "region";
  out.multi_tenant = false;
  out.dedicated_log_volume = false;
  out.processor_features.present = true;
  if (!s.copied_from.empty()) {
    out.source_db_snapshot_identifier = s.copied_from;
    out.source_region = s.copied_region;
  }
  out.tag_list = to_wire(s.tags);
  return out;
}

aws::rds::DBSnapshotMessage describe_db_snapshots(Rds& rds, api::Context& ctx, const Message& in) {
  const Scope scope = ctx.scope();
  const auto request = api::rds_page(in.marker, in.max_records);
  const Wanted wanted(in, scope);
  aws::rds::DBSnapshotMessage out;
  out.db_snapshots.present = true;
  if (in.db_snapshot_identifier && !in.db_snapshot_identifier->empty()) {
    hold_while_creating(rds, ctx, *in.db_snapshot_identifier);
    const auto s = snapshot_named(rds.store, scope, *in.db_snapshot_identifier);
    if (wanted.match(*s)) out.db_snapshots.add(to_wire(rds, *s));
    return out;
  }
  const auto page = api::page_of<Snapshot>(rds.store, wanted.own_only() ? scope.prefix() : std::string{}, request,
                                           [&](const Snapshot& s) { return wanted.match(s); });
  for (const auto& s : page.items) out.db_snapshots.add(to_wire(rds, *s));
  out.marker = page.marker;
  return out;
}

aws::rds::DescribeDBSnapshotAttributesResult describe_db_snapshot_attributes(
    Rds& rds, api::Context& ctx, const aws::rds::DescribeDBSnapshotAttributesMessage& in) {
  const auto s = own(snapshot_named(rds.store, ctx.scope(), *in.db_snapshot_identifier), ctx.scope());
  return {.db_snapshot_attributes_result = attributes(*s)};
}

aws::rds::ModifyDBSnapshotAttributeResult modify_db_snapshot_attribute(
    Rds& rds, api::Context& ctx, const aws::rds::ModifyDBSnapshotAttributeMessage& in) {
  if (*in.attribute_name != "restore") {
    throw Fault(
        "InvalidParameterValue",
        fmt::format("Invalid snapshot attribute: {}. Snapshots have the attribute restore.", *in.attribute_name));
  }
  for (const auto& value : in.values_to_add) check_account(value);
  return rds.store.write([&](store::Tx& tx) {
    const auto s = own(snapshot_named(tx, ctx.scope(), *in.db_snapshot_identifier), ctx.scope());
    if (s->automated) {
      throw Fault("InvalidDBSnapshotState",
                  "Automated snapshots can't be shared. Copy it to a manual one with CopyDBSnapshot and share that.");
    }
    if (s->state != Snapshot::State::available) {
      throw Fault("InvalidDBSnapshotState", fmt::format("The snapshot {} is not available.", s->identifier));
    }
    std::set<std::string> accounts(s->shared_with.begin(), s->shared_with.end());
    for (const auto& value : in.values_to_add) accounts.insert(value);
    for (const auto& value : in.values_to_remove) accounts.erase(value);
    if (accounts.size() > kMostAccounts) {
      throw Fault("SharedSnapshotQuotaExceeded",
                  fmt::format("A snapshot can be shared with at most {} accounts.", kMostAccounts));
    }
    Snapshot changed = *s;
    changed.shared_with.assign(accounts.begin(), accounts.end());
    tx.put(changed);
    return aws::rds::ModifyDBSnapshotAttributeResult{.db_snapshot_attributes_result = attributes(changed)};
  });
}

}  // namespace howdah::rds
