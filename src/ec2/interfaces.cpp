// Network interfaces: one a DB instance, owned by RDS as on AWS. Elastic addresses and VPC endpoints: there are none.
#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/instance.h"
#include "domain/security_group.h"
#include "domain/subnet_group.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"
#include "util/id.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;

/// The interface of one instance; its id derives from the instance's.
struct Interface {
  std::shared_ptr<const Instance> instance;
  std::string id, subnet_id;
};

/// The subnet that the instance's subnet group has in its zone, the first one when it has several.
std::string subnet_of(const store::Store& store, const Instance& instance) {
  const auto record = store.get<SubnetGroup>(instance.scope.key(instance.subnet_group));
  const auto group = record ? std::optional(*record) : default_subnet_group(store, instance.scope);
  if (!group) return {};
  for (const auto& member : group->subnets) {
    if (member.zone == instance.availability_zone) return member.subnet_id;
  }
  return {};
}

std::vector<Interface> interfaces(const store::Store& store, const Scope& scope) {
  std::vector<Interface> out;
  for (auto& i : store.all<Instance>(scope.prefix())) {
    out.push_back({i, "eni-" + id::stable_hex("eni/" + i->resource_id, 17), subnet_of(store, *i)});
  }
  std::ranges::sort(out, {}, &Interface::id);
  return out;
}

aws::ec2::NetworkInterface to_wire(const store::Store& store, const Interface& x) {
  const Instance& i = *x.instance;
  aws::ec2::NetworkInterface out;
  out.network_interface_id = x.id;
  out.description = "RDSNetworkInterface";
  out.interface_type = "interface";
  out.requester_id = "amazon-rds";
  out.requester_managed = true;
  out.owner_id = i.scope.account;
  out.status = "in-use";
  out.source_dest_check = true;
  out.vpc_id = i.vpc_id;
  out.subnet_id = x.subnet_id;
  out.availability_zone = i.availability_zone;
  out.private_ip_address = i.address;
  auto& address = out.private_ip_addresses.add();
  address.primary = true;
  address.private_ip_address = i.address;
  out.ipv6_addresses.present = out.groups.present = out.tag_set.present = true;
  for (const auto& id : i.security_groups) {
    const auto group = store.get<SecurityGroup>(i.scope.key(id));
    out.groups.add({.group_id = id, .group_name = group ? group->name : ""});
  }
  return out;
}

aws::ec2::DescribeNetworkInterfacesResult describe(Ec2& ec2, api::Context& ctx,
                                                   const aws::ec2::DescribeNetworkInterfacesRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto address = [](const Interface& x) { return Values{x.instance->address}; };
  const Filters<Interface> filters(
      in.filters, {{"addresses.private-ip-address", address},
                   {"private-ip-address", address},
                   {"attachment.instance-id", [](const Interface&) { return Values{}; }},
                   {"attachment.instance-owner-id", [](const Interface&) { return Values{"amazon-rds"}; }},
                   {"availability-zone", [](const Interface& x) { return Values{x.instance->availability_zone}; }},
                   {"description", [](const Interface&) { return Values{"RDSNetworkInterface"}; }},
                   {"group-id", [](const Interface& x) { return x.instance->security_groups; }},
                   {"interface-type", [](const Interface&) { return Values{"interface"}; }},
                   {"network-interface-id", [](const Interface& x) { return Values{x.id}; }},
                   {"owner-id", [](const Interface& x) { return Values{x.instance->scope.account}; }},
                   {"requester-id", [](const Interface&) { return Values{"amazon-rds"}; }},
                   {"requester-managed", [](const Interface&) { return Values{"true"}; }},
                   {"status", [](const Interface&) { return Values{"in-use"}; }},
                   {"subnet-id", [](const Interface& x) { return Values{x.subnet_id}; }},
                   {"vpc-id", [](const Interface& x) { return Values{x.instance->vpc_id}; }}});
  answer_dry_run(in.dry_run);
  auto all = interfaces(ec2.store, scope);
  for (const auto& id : in.network_interface_ids) {
    if (std::ranges::find(all, id, &Interface::id) != all.end()) continue;
    throw Fault("InvalidNetworkInterfaceID.NotFound", fmt::format("The networkInterface ID '{}' does not exist", id));
  }
  const Wanted wanted(in.network_interface_ids);
  std::erase_if(all, [&](const Interface& x) { return !wanted.has(x.id) || !filters.accept(x, {}); });
  const auto page = api::page_of(std::move(all), api::ec2_page(in.next_token, in.max_results),
                                 [](const Interface& x) { return x.id; });
  aws::ec2::DescribeNetworkInterfacesResult out;
  out.next_token = page.marker;
  out.network_interfaces.present = true;
  for (const auto& x : page.items) out.network_interfaces.add(to_wire(ec2.store, x));
  return out;
}

aws::ec2::DescribeAddressesResult describe_addresses(Ec2&, api::Context&,
                                                     const aws::ec2::DescribeAddressesRequest& in) {
  for (const auto& id : in.allocation_ids) {
    throw Fault("InvalidAllocationID.NotFound", fmt::format("The allocation ID '{}' does not exist", id));
  }
  for (const auto& ip : in.public_ips) {
    throw Fault("InvalidAddress.NotFound", fmt::format("Address '{}' not found.", ip));
  }
  answer_dry_run(in.dry_run);
  aws::ec2::DescribeAddressesResult out;
  out.addresses.present = true;
  return out;
}

aws::ec2::DescribeVpcEndpointsResult describe_endpoints(Ec2&, api::Context&,
                                                        const aws::ec2::DescribeVpcEndpointsRequest& in) {
  for (const auto& id : in.vpc_endpoint_ids) {
    throw Fault("InvalidVpcEndpointId.NotFound", fmt::format("The Vpc Endpoint Id '{}' does not exist", id));
  }
  answer_dry_run(in.dry_run);
  aws::ec2::DescribeVpcEndpointsResult out;
  out.vpc_endpoints.present = true;
  return out;
}

}  // namespace

void register_interfaces(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "DescribeNetworkInterfaces", ec2, describe);
  api.on(service, "DescribeAddresses", ec2, describe_addresses);
  api.on(service, "DescribeVpcEndpoints", ec2, describe_endpoints);
}

}  // namespace howdah::ec2
