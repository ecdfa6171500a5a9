#include "rds/control.h"

#include "api/api.h"
#include "api/context.h"
#include "rds/aside.h"

namespace howdah::rds {

aws::control::DescribeInstanceResponse describe_instance(Rds& rds, api::Context& ctx,
                                                         const aws::control::DescribeInstanceRequest& in) {
  const auto [i, status] = see(rds, instance_named(rds.store, ctx.scope(), *in.instance));
  aws::control::DescribeInstanceResponse out;
  out.identifier = i->identifier;
  out.resource_id = i->resource_id;
  out.status = status;
  out.reason = i->rest_reason;
  out.endpoint = i->endpoint;
  out.port = i->port;
  out.master_username = i->master_username;
  out.database_name = i->db_name.empty() ? "postgres" : i->db_name;
  return out;
}

void register_control(api::Api& api, Rds& rds) {
  remove_asides(rds);
  const auto& s = aws::control::kService;
  api.on(s, "DescribeInstance", rds, describe_instance);
  api.on(s, "StartDrill", rds, start_drill);
  api.on(s, "DescribeDrills", rds, describe_drills);
  api.on(s, "SwapInstances", rds, swap_instances);
  api.on(s, "CloneInstance", rds, clone_instance);
  api.on(s, "RemoveClone", rds, remove_clone);
  api.on(s, "GetPast", rds, get_past);
  api.on(s, "RestoreTable", rds, restore_table);
}

}  // namespace howdah::rds
