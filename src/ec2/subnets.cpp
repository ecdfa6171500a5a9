// Subnets: a block of a VPC's addresses in one availability zone.
#include <fmt/format.h>

#include <algorithm>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/cidr.h"
#include "domain/instance.h"
#include "domain/subnet_group.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"
#include "util/id.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;

[[noreturn]] void subnet_not_found(std::string_view id) {
  throw Fault("InvalidSubnetID.NotFound", fmt::format("The subnet ID '{}' does not exist", id));
}

/// AWS keeps the first four addresses of a subnet and the last.
int32_t address_count(const Subnet& subnet) { return (1 << (32 - parse_cidr(subnet.cidr)->prefix)) - 5; }

std::string zone_id(const Ec2& ec2, const Subnet& subnet) {
  for (const auto& zone : zones(subnet.scope.region, network_of(ec2))) {
    if (zone.name == subnet.zone) return zone.id;
  }
  return {};  // the zone was taken out of the configuration
}

aws::ec2::Subnet to_wire(const Ec2& ec2, const Subnet& subnet, const Tags& tags) {
  aws::ec2::Subnet out;
  out.subnet_id = subnet.id;
  out.subnet_arn = subnet.arn();
  out.vpc_id = subnet.vpc_id;
  out.owner_id = subnet.scope.account;
  out.cidr_block = subnet.cidr;
  out.state = "available";
  out.availability_zone = subnet.zone;
  if (auto id = zone_id(ec2, subnet); !id.empty()) out.availability_zone_id = std::move(id);
  out.available_ip_address_count = address_count(subnet);
  out.default_for_az = subnet.default_for_az;
  out.map_public_ip_on_launch = subnet.map_public_ip;
  out.assign_ipv6_address_on_creation = false;
  out.ipv6_cidr_block_association_set.present = true;
  out.ipv6_native = false;
  out.enable_dns64 = false;
  out.map_customer_owned_ip_on_launch = false;
  auto& names = out.private_dns_name_options_on_launch.emplace();
  names.hostname_type = "ip-name";
  names.enable_resource_name_dns_a_record = false;
  names.enable_resource_name_dns_aaaa_record = false;
  out.tags = tags_to_wire(tags);
  return out;
}

std::string chosen_zone(const Ec2& ec2, const Scope& scope, const aws::ec2::CreateSubnetRequest& in) {
  const auto known = zones(scope.region, network_of(ec2));
  if (!in.availability_zone && !in.availability_zone_id) return known.at(0).name;
  std::vector<std::string> names;
  for (const auto& zone : known) {
    const bool by_id = !in.availability_zone_id || *in.availability_zone_id == zone.id;
    if (by_id && in.availability_zone.value_or(zone.name) == zone.name) return zone.name;
    names.push_back(zone.name);
  }
  throw Fault(
      "InvalidParameterValue",
      fmt::format("Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in "
                  "the following availability zones: {}.",
                  in.availability_zone.value_or(in.availability_zone_id.value_or("")), fmt::join(names, ", ")));
}

Cidr checked_block(const store::Tx& tx, const Vpc& vpc, const std::string& text) {
  const auto cidr = parse_cidr(text);
  if (!cidr || cidr->v6) {
    throw Fault("InvalidParameterValue",
                fmt::format("Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text));
  }
  if (cidr->prefix > 28 || !parse_cidr(vpc.cidr)->contains(*cidr)) {
    throw Fault("InvalidSubnet.Range", fmt::format("The CIDR '{}' is invalid.", text));
  }
  for (const auto& other : tx.all<Subnet>(vpc.scope.prefix())) {
    if (other->vpc_id != vpc.id || !parse_cidr(other->cidr)->overlaps(*cidr)) continue;
    throw Fault("InvalidSubnet.Conflict", fmt::format("The CIDR '{}' conflicts with another subnet", text));
  }
  return *cidr;
}

aws::ec2::CreateSubnetResult create(Ec2& ec2, api::Context& ctx, const aws::ec2::CreateSubnetRequest& in) {
  const auto scope = enter(ec2, ctx);
  refuse_if(in.ipv6_cidr_block || in.ipv6_native.value_or(false) || in.ipv6_ipam_pool_id || in.ipv6_netmask_length,
            "An IPv6 block", "subnets have IPv4 addresses");
  refuse_if(in.outpost_arn.has_value(), "OutpostArn", "there are no Outposts");
  refuse_if(in.ipv4_ipam_pool_id || in.ipv4_netmask_length, "Ipv4IpamPoolId", "give a CidrBlock");
  if (!in.vpc_id) missing("vpcId");
  if (!in.cidr_block) missing("cidrBlock");
  const auto tags = tags_for(in.tag_specifications, "subnet");
  Subnet subnet{.scope = scope, .id = id::ec2("subnet"), .vpc_id = *in.vpc_id, .zone = chosen_zone(ec2, scope, in)};
  ec2.store.write([&](store::Tx& tx) {
    const auto vpc = tx.get<Vpc>(scope.key(subnet.vpc_id));
    if (!vpc) throw Fault("InvalidVpcID.NotFound", fmt::format("The vpc ID '{}' does not exist", subnet.vpc_id));
    subnet.cidr = checked_block(tx, *vpc, *in.cidr_block).text();
    tx.put(subnet);
    put_resource_tags(tx, scope, subnet.id, tags);
    answer_dry_run(in.dry_run);
  });
  aws::ec2::CreateSubnetResult out;
  out.subnet = to_wire(ec2, subnet, tags);
  return out;
}

/// Whether the instance's subnet group places it in this subnet.
bool holds(const store::Tx& tx, const Subnet& subnet, const Instance& instance) {
  if (instance.vpc_id != subnet.vpc_id || instance.availability_zone != subnet.zone) return false;
  const auto group = tx.get<SubnetGroup>(subnet.scope.key(instance.subnet_group));
  if (!group) return subnet.default_for_az;  // the implicit group `default`
  return std::ranges::find(group->subnets, subnet.id, &SubnetGroup::Member::subnet_id) != group->subnets.end();
}

wire::Empty remove(Ec2& ec2, api::Context& ctx, const aws::ec2::DeleteSubnetRequest& in) {
  const auto scope = enter(ec2, ctx);
  if (!in.subnet_id) missing("subnetId");
  ec2.store.write([&](store::Tx& tx) {
    const auto subnet = tx.get<Subnet>(scope.key(*in.subnet_id));
    if (!subnet) subnet_not_found(*in.subnet_id);
    for (const auto& i : tx.all<Instance>(scope.prefix())) {
      if (!holds(tx, *subnet, *i)) continue;
      throw Fault("DependencyViolation",
                  fmt::format("The subnet '{}' has dependencies and cannot be deleted: DB instance {}.", subnet->id,
                              i->identifier));
    }
    tx.erase<Subnet>(subnet->key());
    put_resource_tags(tx, scope, subnet->id, {});
    answer_dry_run(in.dry_run);
  });
  return {};
}

bool asks_for(const wire::Ref<aws::ec2::AttributeBooleanValue>& attribute) {
  return attribute && attribute->value.value_or(false);
}

wire::Empty modify_attribute(Ec2& ec2, api::Context& ctx, const aws::ec2::ModifySubnetAttributeRequest& in) {
  const auto scope = enter(ec2, ctx);
  refuse_if(asks_for(in.assign_ipv6_address_on_creation), "AssignIpv6AddressOnCreation", "subnets have IPv4 addresses");
  refuse_if(asks_for(in.enable_dns64), "EnableDns64", "subnets have IPv4 addresses");
  refuse_if(
      asks_for(in.map_customer_owned_ip_on_launch) || in.customer_owned_ipv4_pool || in.enable_lni_at_device_index,
      "An Outpost's attribute", "there are no Outposts");
  refuse_if(in.private_dns_hostname_type_on_launch.value_or("ip-name") != "ip-name" ||
                asks_for(in.enable_resource_name_dns_a_record_on_launch) ||
                asks_for(in.enable_resource_name_dns_aaaa_record_on_launch),
            "A resource name", "host names are ip-name");
  ec2.store.write([&](store::Tx& tx) {
    const auto found = tx.get<Subnet>(scope.key(*in.subnet_id));
    if (!found) subnet_not_found(*in.subnet_id);
    Subnet subnet = *found;
    if (in.map_public_ip_on_launch) subnet.map_public_ip = asks_for(in.map_public_ip_on_launch);
    tx.put(std::move(subnet));
  });
  return {};
}

Filters<Subnet> subnet_filters(const Ec2& ec2, const wire::Seq<aws::ec2::Filter>& filters) {
  const auto zone = [](const Subnet& s) { return Values{s.zone}; };
  const auto zone_ids = [&ec2](const Subnet& s) { return Values{zone_id(ec2, s)}; };
  const auto cidr = [](const Subnet& s) { return Values{s.cidr}; };
  const auto default_for_az = [](const Subnet& s) { return Values{word(s.default_for_az)}; };
  const auto count = [](const Subnet& s) { return Values{std::to_string(address_count(s))}; };
  return {filters,
          {{"subnet-id", [](const Subnet& s) { return Values{s.id}; }},
           {"subnet-arn", [](const Subnet& s) { return Values{s.arn()}; }},
           {"vpc-id", [](const Subnet& s) { return Values{s.vpc_id}; }},
           {"availability-zone", zone},
           {"availabilityZone", zone},
           {"availability-zone-id", zone_ids},
           {"availabilityZoneId", zone_ids},
           {"available-ip-address-count", count},
           {"cidr", cidr},
           {"cidrBlock", cidr},
           {"cidr-block", cidr},
           {"default-for-az", default_for_az},
           {"defaultForAz", default_for_az},
           {"ipv6-native", [](const Subnet&) { return Values{"false"}; }},
           {"map-public-ip-on-launch", [](const Subnet& s) { return Values{word(s.map_public_ip)}; }},
           {"owner-id", [](const Subnet& s) { return Values{s.scope.account}; }},
           {"state", [](const Subnet&) { return Values{"available"}; }}}};
}

aws::ec2::DescribeSubnetsResult describe(Ec2& ec2, api::Context& ctx, const aws::ec2::DescribeSubnetsRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto filters = subnet_filters(ec2, in.filters);
  for (const auto& id : in.subnet_ids) {
    if (!ec2.store.get<Subnet>(scope.key(id))) subnet_not_found(id);
  }
  answer_dry_run(in.dry_run);
  const Wanted wanted(in.subnet_ids);
  const auto page = api::page_of<Subnet>(
      ec2.store, scope.prefix(), api::ec2_page(in.next_token, in.max_results),
      [&](const Subnet& s) { return wanted.has(s.id) && filters.accept(s, resource_tags(ec2.store, scope, s.id)); });
  aws::ec2::DescribeSubnetsResult out;
  out.next_token = page.marker;
  out.subnets.present = true;
  for (const auto& s : page.items) out.subnets.add(to_wire(ec2, *s, resource_tags(ec2.store, scope, s->id)));
  return out;
}

}  // namespace

void register_subnets(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "CreateSubnet", ec2, create);
  api.on(service, "DeleteSubnet", ec2, remove);
  api.on(service, "ModifySubnetAttribute", ec2, modify_attribute);
  api.on(service, "DescribeSubnets", ec2, describe);
}

}  // namespace howdah::ec2
