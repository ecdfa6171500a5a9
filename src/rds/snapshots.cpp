// DB snapshots: create, copy, delete and modify. A handler only writes records; the steps (steps_snapshot.cpp) do the
// work, and the directory behind a snapshot goes when no record names it any more (steps_backup.cpp).
#include "rds/snapshots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "api/api.h"
#include "api/context.h"
#include "domain/config.h"
#include "domain/event.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/resource_name.h"
#include "rds/to_wire.h"
#include "rds/validate.h"
#include "util/id.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

[[noreturn]] void not_found(std::string_view name) {
  throw Fault("DBSnapshotNotFound", fmt::format("DBSnapshot {} not found.", name));
}

bool shared(const Snapshot& s, const std::string& account) {
  return std::any_of(s.shared_with.begin(), s.shared_with.end(),
                     [&](const std::string& with) { return with == account || with == "all"; });
}

/// arn:aws:rds:<region>:<account>:snapshot:<name>, of any account.
struct SnapshotArn {
  Scope scope;
  std::string name;
};
std::optional<SnapshotArn> parse_arn(std::string_view arn) {
  std::vector<std::string> part;
  while (part.size() < 6) {
    const auto colon = arn.find(':');
    if (colon == arn.npos) return std::nullopt;
    part.emplace_back(arn.substr(0, colon));
    arn.remove_prefix(colon + 1);
  }
  if (part[0] != "arn" || part[2] != "rds" || part[5] != "snapshot") return std::nullopt;
  return SnapshotArn{{part[4], part[3]}, lower_case(arn)};
}

template <class Reader>
std::shared_ptr<const Snapshot> named(const Reader& reader, const Scope& scope, std::string_view name) {
  if (!name.starts_with("arn:")) {
    if (auto found = reader.template get<Snapshot>(scope.key(lower_case(name)))) return found;
    not_found(name);
  }
  const auto arn = parse_arn(name);
  if (!arn || arn->scope.region != scope.region) not_found(name);
  auto found = reader.template get<Snapshot>(arn->scope.key(arn->name));
  if (!found || (found->scope != scope && !shared(*found, scope.account))) not_found(name);
  return found;
}

[[noreturn]] void not_available(const Instance& i) {
  throw Fault("InvalidDBInstanceState",
              fmt::format("Cannot create a snapshot because the database instance {} is not currently in the available "
                          "state.",
                          i.identifier));
}

void check_modifiable_option_group(const std::optional<std::string>& name, const Snapshot& s) {
  if (name) check_option_group(*name, s.source);
}

}  // namespace

std::shared_ptr<const Snapshot> snapshot_named(const store::Store& store, const Scope& scope, std::string_view name) {
  return named(store, scope, name);
}

std::shared_ptr<const Snapshot> snapshot_named(const store::Tx& tx, const Scope& scope, std::string_view name) {
  return named(tx, scope, name);
}

Snapshot new_snapshot(const Rds& rds, const Instance& source, std::string identifier, bool automated) {
  Snapshot s;
  s.scope = source.scope;
  s.identifier = std::move(identifier);
  s.id = id::random("abcdefghijklmnopqrstuvwxyz234567", 26);
  s.base_id = "base-" + s.id;
  s.automated = automated;
  s.requested = rds.clock.now();
  s.source = source;
  s.source.pending.clear();
  s.source.pending_verifier.clear();
  s.source.backing_up.clear();
  if (source.copy_tags_to_snapshot || automated) s.tags = source.copy_tags_to_snapshot ? source.tags : Tags{};
  return s;
}

std::string checked_snapshot_identifier(std::string_view parameter, std::string_view id) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-'; };
  const bool ok = !id.empty() && id.size() <= 255 && std::isalpha(static_cast<unsigned char>(id.front())) &&
                  id.back() != '-' && id.find("--") == id.npos && std::all_of(id.begin(), id.end(), plain);
  if (!ok) {
    throw Fault("InvalidParameterValue",
                fmt::format("The parameter {} is not a valid identifier. Identifiers must begin with a letter; must "
                            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or "
                            "contain two consecutive hyphens.",
                            parameter));
  }
  return lower_case(id);
}

/// Cost O(snapshots of the scope), which quota and retention bound.
void check_new_snapshot(const Rds& rds, const store::Tx& tx, const Scope& scope, std::string_view identifier) {
  if (tx.get<Snapshot>(scope.key(identifier))) {
    throw Fault("DBSnapshotAlreadyExists",
                fmt::format("Cannot create the snapshot because a snapshot with the identifier {} already exists.",
                            identifier));
  }
  const auto limit = rds.config.quotas.find("ManualSnapshots");
  if (limit == rds.config.quotas.end()) return;
  int64_t used = 0;
  for (const auto& s : tx.all<Snapshot>(scope.prefix())) used += s->automated ? 0 : 1;
  if (used < limit->second) return;
  throw Fault(
      "SnapshotQuotaExceeded",
      fmt::format("Cannot create more than {} manual snapshots. Delete some, or raise quotas.ManualSnapshots in "
                  "the configuration.",
                  limit->second));
}

void append_event(const Rds& rds, store::Tx& tx, const Snapshot& s, int number, std::string message) {
  append_event(rds, tx, EventSource{s.scope, s.identifier, s.arn()}, number, std::move(message));
}

aws::rds::CreateDBSnapshotResult create_db_snapshot(Rds& rds, api::Context& ctx,
                                                    const aws::rds::CreateDBSnapshotMessage& in) {
  const std::string name = checked_snapshot_identifier("DBSnapshotIdentifier", *in.db_snapshot_identifier);
  const Tags tags = tags_from_wire(in.tags);
  // The vault catches up with the server while the request is recorded.
  hurry_protection(rds, *instance_named(rds.store, ctx.scope(), *in.db_instance_identifier));
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    check_new_snapshot(rds, tx, i->scope, name);
    if (!left_alone(tx, *i) || i->rest == Rest::creating || i->rest == Rest::incompatible_restore) {
      not_available(*i);
    }
    Snapshot s = new_snapshot(rds, *i, name, false);
    for (const auto& [key, value] : tags) s.tags[key] = value;
    check_tags(s.tags);
    tx.put(s);
    append_event(rds, tx, s, 40);
    begin_snapshot(rds, tx, s, *i);
    return aws::rds::CreateDBSnapshotResult{.db_snapshot = to_wire(rds, s)};
  });
}

aws::rds::DeleteDBSnapshotResult delete_db_snapshot(Rds& rds, api::Context& ctx,
                                                    const aws::rds::DeleteDBSnapshotMessage& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto s = snapshot_named(tx, ctx.scope(), *in.db_snapshot_identifier);
    if (s->scope != ctx.scope()) not_found(*in.db_snapshot_identifier);
    if (s->automated) {
      throw Fault("InvalidDBSnapshotState",
                  fmt::format("Automated snapshots can't be deleted: {} goes when its retention period has passed.",
                              s->identifier));
    }
    if (s->state == Snapshot::State::creating) {
      throw Fault(
          "InvalidDBSnapshotState",
          fmt::format("Cannot delete the snapshot because it is not currently in the available or failed state: "
                      "{} is creating.",
                      s->identifier));
    }
    auto out = to_wire(rds, *s);
    out.status = "deleted";
    append_event(rds, tx, *s, 41);
    tx.erase<Snapshot>(s->key());
    tidy_backups(rds, tx);
    return aws::rds::DeleteDBSnapshotResult{.db_snapshot = std::move(out)};
  });
}

/// The copy is a record on the same immutable directory: made at once, whatever the size.
aws::rds::CopyDBSnapshotResult copy_db_snapshot(Rds& rds, api::Context& ctx,
                                                const aws::rds::CopyDBSnapshotMessage& in) {
  const bool encrypt = in.kms_key_id && !in.kms_key_id->empty();
  const std::string key = key_arn(ctx.scope(), in.kms_key_id);
  if (in.snapshot_target.value_or("region") != "region" || in.target_custom_availability_zone ||
      in.snapshot_availability_zone) {
    refuse("SnapshotTarget", "snapshots are kept in the region");
  }
  const std::string name = checked_snapshot_identifier("TargetDBSnapshotIdentifier", *in.target_db_snapshot_identifier);
  const Tags tags = tags_from_wire(in.tags);
  return rds.store.write([&](store::Tx& tx) {
    if (const auto arn = parse_arn(*in.source_db_snapshot_identifier); arn && arn->scope.region != ctx.region) {
      refuse("a copy from another region", fmt::format("{} is in {}", arn->name, arn->scope.region));
    }
    const auto from = snapshot_named(tx, ctx.scope(), *in.source_db_snapshot_identifier);
    check_new_snapshot(rds, tx, ctx.scope(), name);
    if (from->state != Snapshot::State::available) {
      throw Fault("InvalidDBSnapshotState",
                  fmt::format("Cannot copy the snapshot {} because it is not currently in the available state.",
                              from->identifier));
    }
    check_modifiable_option_group(in.option_group_name, *from);
    Snapshot s = *from;
    s.scope = ctx.scope();
    s.identifier = name;
    s.id = id::random("abcdefghijklmnopqrstuvwxyz234567", 26);
    s.automated = false;
    s.requested = s.created = rds.clock.now();
    s.copied_from = from->arn();
    s.copied_region = ctx.region;
    s.shared_with.clear();
    s.tags = in.copy_tags.value_or(false) ? from->tags : Tags{};
    for (const auto& [key, value] : tags) s.tags[key] = value;
    check_tags(s.tags);
    if (encrypt) {
      s.source.storage_encrypted = true;
      s.source.kms_key_id = key;
    }
    tx.put(s);
    if (encrypt && !from->source.storage_encrypted && !storage_is_encrypted(rds)) {
      append_event(rds, tx, s, 101,
                   "KmsKeyId is recorded, but the disk under the state directory is not encrypted. Put the state "
                   "directory on an encrypted disk (dm-crypt) to have encryption at rest.");
    }
    append_event(rds, tx, s, 59, fmt::format("Started copy of snapshot {}", from->identifier));
    append_event(rds, tx, s, 60, fmt::format("Finished copy of snapshot {}", from->identifier));
    return aws::rds::CopyDBSnapshotResult{.db_snapshot = to_wire(rds, s)};
  });
}

aws::rds::ModifyDBSnapshotResult modify_db_snapshot(Rds& rds, api::Context& ctx,
                                                    const aws::rds::ModifyDBSnapshotMessage& in) {
  const auto s = snapshot_named(rds.store, ctx.scope(), *in.db_snapshot_identifier);
  if (s->scope != ctx.scope()) not_found(*in.db_snapshot_identifier);
  check_modifiable_option_group(in.option_group_name, *s);
  if (in.engine_version && *in.engine_version != s->source.engine_version) {
    refuse("EngineVersion",
           fmt::format("upgrades of snapshots ({} to {}) are not there", s->source.engine_version, *in.engine_version));
  }
  return {.db_snapshot = to_wire(rds, *s)};
}

void register_snapshots(api::Api& api, Rds& rds) {
  const auto& s = aws::rds::kService;
  api.on(s, "CreateDBSnapshot", rds, create_db_snapshot);
  api.on(s, "DeleteDBSnapshot", rds, delete_db_snapshot);
  api.on(s, "CopyDBSnapshot", rds, copy_db_snapshot);
  api.on(s, "ModifyDBSnapshot", rds, modify_db_snapshot);
  api.on(s, "DescribeDBSnapshots", rds, describe_db_snapshots);
  api.on(s, "DescribeDBSnapshotAttributes", rds, describe_db_snapshot_attributes);
  api.on(s, "ModifyDBSnapshotAttribute", rds, modify_db_snapshot_attribute);
}

}  // namespace howdah::rds
