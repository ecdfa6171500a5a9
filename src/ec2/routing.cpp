// Route tables, network ACLs and internet gateways. They have no records: each VPC has one main route table and one
// default ACL whose ids derive from the VPC's, a default VPC also an internet gateway; nothing of them can be changed.
#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;
using VpcPointer = std::shared_ptr<const Vpc>;

std::string hex_of(std::string_view id) { return std::string(id.substr(id.find('-') + 1)); }

/// One description a VPC: walks the VPCs whose derived id was asked for and passes the filters.
/// `id_of` gives the derived id, `code` and `noun` are those of the error for an id that isn't there.
template <class Id>
api::Page<VpcPointer> derived_page(Ec2& ec2, const Scope& scope, const api::PageRequest& request,
                                   const wire::Seq<std::string>& ids, const Filters<Vpc>& filters, Id id_of,
                                   const char* code, const char* noun) {
  std::vector<VpcPointer> all = ec2.store.all<Vpc>(scope.prefix());
  std::erase_if(all, [&](const VpcPointer& v) { return id_of(*v).empty(); });
  for (const auto& id : ids) {
    if (std::ranges::any_of(all, [&](const VpcPointer& v) { return id_of(*v) == id; })) continue;
    throw Fault(code, fmt::format("The {} ID '{}' does not exist", noun, id));
  }
  const Wanted wanted(ids);
  std::erase_if(all, [&](const VpcPointer& v) {
    const auto id = id_of(*v);
    return !wanted.has(id) || !filters.accept(*v, resource_tags(ec2.store, scope, id));
  });
  return api::page_of(std::move(all), request, [](const VpcPointer& v) { return v->key(); });
}

std::string table_id(const Vpc& v) { return main_route_table_id(v.id); }
std::string table_association_id(const Vpc& v) { return "rtbassoc-" + hex_of(table_id(v)); }
std::string acl_id(const Vpc& v) { return default_network_acl_id(v.id); }
std::string gateway_id(const Vpc& v) { return v.is_default ? internet_gateway_id(v.id) : std::string{}; }

aws::ec2::RouteTable route_table(const Vpc& vpc, const Tags& tags) {
  aws::ec2::RouteTable out;
  out.route_table_id = table_id(vpc);
  out.vpc_id = vpc.id;
  out.owner_id = vpc.scope.account;
  auto& association = out.associations.add();
  association.main = true;
  association.route_table_id = table_id(vpc);
  association.route_table_association_id = table_association_id(vpc);
  association.association_state.emplace().state = "associated";
  out.propagating_vgws.present = true;
  const auto add_route = [&](const std::string& to, const std::string& gateway, const char* origin) {
    auto& route = out.routes.add();
    route.destination_cidr_block = to;
    route.gateway_id = gateway;
    route.origin = origin;
    route.state = "active";
  };
  add_route(vpc.cidr, "local", "CreateRouteTable");
  if (vpc.is_default) add_route("0.0.0.0/0", gateway_id(vpc), "CreateRoute");
  out.tags = tags_to_wire(tags);
  return out;
}

aws::ec2::DescribeRouteTablesResult describe_route_tables(Ec2& ec2, api::Context& ctx,
                                                          const aws::ec2::DescribeRouteTablesRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto table = [](const Vpc& v) { return Values{table_id(v)}; };
  const Filters<Vpc> filters(in.filters, {{"association.main", [](const Vpc&) { return Values{"true"}; }},
                                          {"association.route-table-id", table},
                                          {"association.route-table-association-id",
                                           [](const Vpc& v) { return Values{table_association_id(v)}; }},
                                          {"association.subnet-id", [](const Vpc&) { return Values{}; }},
                                          {"association.gateway-id", [](const Vpc&) { return Values{}; }},
                                          {"owner-id", [](const Vpc& v) { return Values{v.scope.account}; }},
                                          {"route-table-id", table},
                                          {"route.destination-cidr-block",
                                           [](const Vpc& v) {
                                             return v.is_default ? Values{v.cidr, "0.0.0.0/0"} : Values{v.cidr};
                                           }},
                                          {"route.gateway-id",
                                           [](const Vpc& v) {
                                             return v.is_default ? Values{"local", gateway_id(v)} : Values{"local"};
                                           }},
                                          {"route.state", [](const Vpc&) { return Values{"active"}; }},
                                          {"vpc-id", [](const Vpc& v) { return Values{v.id}; }}});
  answer_dry_run(in.dry_run);
  const auto page = derived_page(ec2, scope, api::ec2_page(in.next_token, in.max_results), in.route_table_ids, filters,
                                 table_id, "InvalidRouteTableID.NotFound", "routeTable");
  aws::ec2::DescribeRouteTablesResult out;
  out.next_token = page.marker;
  out.route_tables.present = true;
  for (const auto& v : page.items) out.route_tables.add(route_table(*v, resource_tags(ec2.store, scope, table_id(*v))));
  return out;
}

aws::ec2::NetworkAcl network_acl(const Ec2& ec2, const Vpc& vpc, const Tags& tags) {
  aws::ec2::NetworkAcl out;
  out.network_acl_id = acl_id(vpc);
  out.vpc_id = vpc.id;
  out.owner_id = vpc.scope.account;
  out.is_default = true;
  for (const bool egress : {true, false}) {
    for (const bool allow : {true, false}) {
      auto& entry = out.entries.add();
      entry.cidr_block = "0.0.0.0/0";
      entry.egress = egress;
      entry.protocol = "-1";
      entry.rule_action = allow ? "allow" : "deny";
      entry.rule_number = allow ? 100 : 32767;
    }
  }
  out.associations.present = true;
  for (const auto& subnet : ec2.store.all<Subnet>(vpc.scope.prefix())) {
    if (subnet->vpc_id != vpc.id) continue;
    auto& association = out.associations.add();
    association.network_acl_association_id = "aclassoc-" + hex_of(subnet->id);
    association.network_acl_id = acl_id(vpc);
    association.subnet_id = subnet->id;
  }
  out.tags = tags_to_wire(tags);
  return out;
}

aws::ec2::DescribeNetworkAclsResult describe_network_acls(Ec2& ec2, api::Context& ctx,
                                                          const aws::ec2::DescribeNetworkAclsRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto acl = [](const Vpc& v) { return Values{acl_id(v)}; };
  const auto subnets = [&](const Vpc& v) {
    Values out;
    for (const auto& s : ec2.store.all<Subnet>(v.scope.prefix())) {
      if (s->vpc_id == v.id) out.push_back(s->id);
    }
    return out;
  };
  const Filters<Vpc> filters(in.filters, {{"association.network-acl-id", acl},
                                          {"association.subnet-id", subnets},
                                          {"default", [](const Vpc&) { return Values{"true"}; }},
                                          {"network-acl-id", acl},
                                          {"owner-id", [](const Vpc& v) { return Values{v.scope.account}; }},
                                          {"vpc-id", [](const Vpc& v) { return Values{v.id}; }}});
  answer_dry_run(in.dry_run);
  const auto page = derived_page(ec2, scope, api::ec2_page(in.next_token, in.max_results), in.network_acl_ids, filters,
                                 acl_id, "InvalidNetworkAclID.NotFound", "networkAcl");
  aws::ec2::DescribeNetworkAclsResult out;
  out.next_token = page.marker;
  out.network_acls.present = true;
  for (const auto& v : page.items)
    out.network_acls.add(network_acl(ec2, *v, resource_tags(ec2.store, scope, acl_id(*v))));
  return out;
}

aws::ec2::InternetGateway internet_gateway(const Vpc& vpc, const Tags& tags) {
  aws::ec2::InternetGateway out;
  out.internet_gateway_id = gateway_id(vpc);
  out.owner_id = vpc.scope.account;
  auto& attachment = out.attachments.add();
  attachment.state = "available";
  attachment.vpc_id = vpc.id;
  out.tags = tags_to_wire(tags);
  return out;
}

aws::ec2::DescribeInternetGatewaysResult describe_internet_gateways(
    Ec2& ec2, api::Context& ctx, const aws::ec2::DescribeInternetGatewaysRequest& in) {
  const auto scope = enter(ec2, ctx);
  const Filters<Vpc> filters(in.filters, {{"attachment.state", [](const Vpc&) { return Values{"available"}; }},
                                          {"attachment.vpc-id", [](const Vpc& v) { return Values{v.id}; }},
                                          {"internet-gateway-id", [](const Vpc& v) { return Values{gateway_id(v)}; }},
                                          {"owner-id", [](const Vpc& v) { return Values{v.scope.account}; }}});
  answer_dry_run(in.dry_run);
  const auto page = derived_page(ec2, scope, api::ec2_page(in.next_token, in.max_results), in.internet_gateway_ids,
                                 filters, gateway_id, "InvalidInternetGatewayID.NotFound", "internetGateway");
  aws::ec2::DescribeInternetGatewaysResult out;
  out.next_token = page.marker;
  out.internet_gateways.present = true;
  for (const auto& v : page.items) {
    out.internet_gateways.add(internet_gateway(*v, resource_tags(ec2.store, scope, gateway_id(*v))));
  }
  return out;
}

}  // namespace

void register_routing(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "DescribeRouteTables", ec2, describe_route_tables);
  api.on(service, "DescribeNetworkAcls", ec2, describe_network_acls);
  api.on(service, "DescribeInternetGateways", ec2, describe_internet_gateways);
}

}  // namespace howdah::ec2
