#include "api/context.h"
#include "backup/position.h"
#include "rds/control.h"
#include "rds/drills.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

aws::control::Drill to_wire(const Drill& d) {
  aws::control::Drill out;
  out.identifier = d.identifier;
  out.resource_id = d.resource_id;
  out.drill_id = d.id;
  out.status = std::string(status_word(d.state));
  out.started = rds::to_wire(d.started);
  out.ended = rds::to_wire(d.ended);
  out.restored_to = rds::to_wire(d.instant);
  out.base = d.base;
  if (d.lsn != 0) out.position = backup::lsn_text(d.lsn);
  out.databases = d.databases;
  out.tables = d.tables;
  out.rows = static_cast<int64_t>(d.rows);
  out.indexes = d.indexes;
  out.bytes = static_cast<int64_t>(d.bytes);
  out.fingerprint = d.fingerprint;
  for (const auto& problem : d.problems) out.problems.add(problem);
  for (const auto& note : d.notes) out.notes.add(note);
  out.message = d.sentence();
  return out;
}

}  // namespace

aws::control::StartDrillResponse start_drill(Rds& rds, api::Context& ctx, const aws::control::StartDrillRequest& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.instance);
    return aws::control::StartDrillResponse{.drill = to_wire(begin_drill(rds, tx, *i))};
  });
}

aws::control::DescribeDrillsResponse describe_drills(Rds& rds, api::Context& ctx,
                                                     const aws::control::DescribeDrillsRequest& in) {
  std::string resource = in.instance.value_or("");
  if (!resource.empty() && drills_of(rds, ctx.scope(), resource).empty()) {  // by name, unless it is a resource id
    resource = instance_named(rds.store, ctx.scope(), resource)->resource_id;
  }
  aws::control::DescribeDrillsResponse out;
  out.drills.present = true;
  for (const auto& d : drills_of(rds, ctx.scope(), resource)) out.drills.add(to_wire(*d));
  return out;
}

}  // namespace howdah::rds
