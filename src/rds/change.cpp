#include "rds/change.h"

#include "rds/addresses.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/instances.h"

namespace howdah::rds {

void apply_queue(Rds& rds, store::Tx& tx, Change& c) {
  const auto take = [&](const char* name) {
    auto node = c.now.pending.extract(name);
    return node ? node.mapped() : std::string{};
  };
  if (const auto cls = take("DBInstanceClass"); !cls.empty() && cls != c.now.instance_class) {
    c.now.instance_class = cls;
    c.new_class = c.restart = true;
  }
  if (const auto gib = take("AllocatedStorage"); !gib.empty()) {  // the next look at the disk judges by it
    append_event(rds, tx, c.now, 18);
    c.now.allocated_storage = std::stoi(gib);
    append_event(rds, tx, c.now, 17);
    c.files = true;  // parameters may be formulas of it
  }
  bool backups_begin = false;
  if (const auto days = take("BackupRetentionPeriod"); !days.empty()) {
    const int32_t wanted = std::stoi(days);
    backups_begin = wanted > 0 && c.now.backup_retention == 0;
    if ((wanted == 0) != (c.now.backup_retention == 0)) append_event(rds, tx, c.now, wanted == 0 ? 28 : 32);
    c.now.backup_retention = wanted;
    if (wanted == 0) {  // as on AWS: the automated backups go at once
      erase_automated_snapshots(rds, tx, c.now.resource_id);
      c.now.restorable_from = c.now.last_backup = {};
    }
  }
  if (const auto name = take("DBInstanceIdentifier"); !name.empty() && name != c.now.identifier) {
    if (name_taken(tx, c.now.scope, name)) throw Fault("DBInstanceAlreadyExists", "DB instance already exists");
    c.now.identifier = name;
    move_address(rds, tx, c.before, c.now);
    c.renamed = c.restart = true;
  }
  // In this transaction: who waits for the change waits for the first backup as well.
  if (backups_begin && c.now.rest == Rest::available) begin_automated_snapshot(rds, tx, c.now);
}

void begin_change(Rds& rds, store::Tx& tx, const Change& c) {
  if (c.renamed) tx.erase<Instance>(c.before.key());
  tx.put(c.now);
  if (c.now.parameter_group != c.before.parameter_group) {
    append_event(rds, tx, c.now, 11, "Updated to use DBParameterGroup " + c.now.parameter_group);
  }
  const bool server = c.password || c.groups || c.files || c.restart || c.port || c.renamed;
  if (!server) return;
  if (c.groups) append_event(rds, tx, c.now, 9);
  if (c.new_class) append_event(rds, tx, c.now, 12);
  std::map<std::string, std::string> args;
  if (c.restart || c.port || c.renamed) args["restart"] = "yes";
  if (c.groups) args["groups"] = "yes";
  if (c.new_class) args["class"] = "yes";
  const bool only_password = c.password && !c.groups && !c.files && !c.restart && !c.port && !c.renamed;
  const char* table = c.renamed       ? kRenameInstance
                      : c.port        ? kChangePort
                      : only_password ? kResetPassword
                                      : kModifyInstance;
  rds.flows.start(tx, table, c.now.workflow(), std::move(args));
}

}  // namespace howdah::rds
