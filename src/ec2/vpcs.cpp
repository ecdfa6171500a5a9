// VPCs and their attributes.
#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/cidr.h"
#include "domain/instance.h"
#include "domain/security_group.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"
#include "util/id.h"

namespace howdah::ec2 {
namespace {

using Values = std::vector<std::string>;

std::string association_id(const Vpc& vpc) { return "vpc-cidr-assoc-" + vpc.id.substr(vpc.id.find('-') + 1); }

template <class Reader>
std::shared_ptr<const Vpc> require_vpc(const Reader& reader, const Scope& scope, const std::optional<std::string>& id) {
  if (!id || id->empty()) missing("vpcId");
  if (auto vpc = reader.template get<Vpc>(scope.key(*id))) return vpc;
  throw Fault("InvalidVpcID.NotFound", fmt::format("The vpc ID '{}' does not exist", *id));
}

aws::ec2::Vpc to_wire(const Vpc& vpc, const Tags& tags) {
  aws::ec2::Vpc out;
  out.vpc_id = vpc.id;
  out.owner_id = vpc.scope.account;
  out.cidr_block = vpc.cidr;
  out.is_default = vpc.is_default;
  out.state = "available";
  out.instance_tenancy = "default";
  out.dhcp_options_id = dhcp_options_id(vpc.scope);
  auto& association = out.cidr_block_association_set.add();
  association.association_id = association_id(vpc);
  association.cidr_block = vpc.cidr;
  association.cidr_block_state.emplace().state = "associated";
  out.tags = tags_to_wire(tags);
  return out;
}

void refuse_what_is_not_offered(const aws::ec2::CreateVpcRequest& in) {
  refuse_if(in.amazon_provided_ipv6_cidr_block.value_or(false) || in.ipv6_cidr_block || in.ipv6_pool ||
                in.ipv6_cidr_block_network_border_group || in.ipv6_ipam_pool_id || in.ipv6_netmask_length,
            "An IPv6 block", "VPCs have IPv4 addresses");
  refuse_if(in.ipv4_ipam_pool_id || in.ipv4_netmask_length, "Ipv4IpamPoolId", "give a CidrBlock");
  refuse_if(in.instance_tenancy.value_or("default") != "default", "InstanceTenancy", "only default is there");
  refuse_if(in.vpc_encryption_control.has_value(), "VpcEncryptionControl", "there is no network to encrypt");
}

aws::ec2::CreateVpcResult create(Ec2& ec2, api::Context& ctx, const aws::ec2::CreateVpcRequest& in) {
  const auto scope = enter(ec2, ctx);
  refuse_what_is_not_offered(in);
  if (!in.cidr_block) missing("cidrBlock");
  const auto cidr = parse_cidr(*in.cidr_block);
  if (!cidr || cidr->v6) {
    throw Fault(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *in.cidr_block));
  }
  if (cidr->prefix < 16 || cidr->prefix > 28) {
    throw Fault("InvalidVpc.Range", fmt::format("The CIDR '{}' is invalid.", *in.cidr_block));
  }
  const auto tags = tags_for(in.tag_specifications, "vpc");
  const Vpc vpc{.scope = scope, .id = id::ec2("vpc"), .cidr = cidr->text()};
  ec2.store.write([&](store::Tx& tx) {
    put_new_vpc(tx, vpc);
    put_resource_tags(tx, scope, vpc.id, tags);
    answer_dry_run(in.dry_run);
  });
  aws::ec2::CreateVpcResult out;
  out.vpc = to_wire(vpc, tags);
  return out;
}

aws::ec2::CreateDefaultVpcResult create_default(Ec2& ec2, api::Context& ctx,
                                                const aws::ec2::CreateDefaultVpcRequest& in) {
  const auto scope = enter(ec2, ctx);
  ec2.store.write([&](store::Tx& tx) {
    if (default_vpc(tx, scope)) {
      throw Fault("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.");
    }
    put_default_network(tx, scope, network_of(ec2));
    answer_dry_run(in.dry_run);
  });
  aws::ec2::CreateDefaultVpcResult out;
  out.vpc = to_wire(*default_vpc(ec2.store, scope), {});
  return out;
}

/// Throws DependencyViolation while the VPC holds anything but what came with it.
void check_empty(const store::Tx& tx, const Vpc& vpc) {
  const auto violation = [&](std::string_view what, std::string_view id) {
    throw Fault("DependencyViolation",
                fmt::format("The vpc '{}' has dependencies and cannot be deleted: {} {}.", vpc.id, what, id));
  };
  for (const auto& s : tx.all<Subnet>(vpc.scope.prefix())) {
    if (s->vpc_id == vpc.id) violation("subnet", s->id);
  }
  for (const auto& g : tx.all<SecurityGroup>(vpc.scope.prefix())) {
    if (g->vpc_id == vpc.id && !g->is_default()) violation("security group", g->id);
  }
  for (const auto& i : tx.all<Instance>(vpc.scope.prefix())) {
    if (i->vpc_id == vpc.id) violation("DB instance", i->identifier);
  }
}

wire::Empty remove(Ec2& ec2, api::Context& ctx, const aws::ec2::DeleteVpcRequest& in) {
  const auto scope = enter(ec2, ctx);
  ec2.store.write([&](store::Tx& tx) {
    const auto vpc = require_vpc(tx, scope, in.vpc_id);
    check_empty(tx, *vpc);
    const auto group_id = default_group_id(vpc->id);
    if (const auto group = tx.get<SecurityGroup>(scope.key(group_id))) {
      for (const auto& rule : group->rules) put_resource_tags(tx, scope, rule.id, {});
      tx.erase<SecurityGroup>(group->key());
    }
    for (const auto& id : {vpc->id, group_id, main_route_table_id(vpc->id), default_network_acl_id(vpc->id),
                           internet_gateway_id(vpc->id)}) {
      put_resource_tags(tx, scope, id, {});
    }
    tx.erase<Vpc>(vpc->key());
    answer_dry_run(in.dry_run);
  });
  return {};
}

Filters<Vpc> vpc_filters(const wire::Seq<aws::ec2::Filter>& filters) {
  const auto is_default = [](const Vpc& v) { return Values{word(v.is_default)}; };
  const auto cidr = [](const Vpc& v) { return Values{v.cidr}; };
  return {filters,
          {{"vpc-id", [](const Vpc& v) { return Values{v.id}; }},
           {"cidr", cidr},
           {"cidrBlock", cidr},
           {"cidr-block", cidr},
           {"cidr-block-association.cidr-block", cidr},
           {"cidr-block-association.association-id", [](const Vpc& v) { return Values{association_id(v)}; }},
           {"cidr-block-association.state", [](const Vpc&) { return Values{"associated"}; }},
           {"dhcp-options-id", [](const Vpc& v) { return Values{dhcp_options_id(v.scope)}; }},
           {"is-default", is_default},
           {"isDefault", is_default},
           {"owner-id", [](const Vpc& v) { return Values{v.scope.account}; }},
           {"state", [](const Vpc&) { return Values{"available"}; }}}};
}

aws::ec2::DescribeVpcsResult describe(Ec2& ec2, api::Context& ctx, const aws::ec2::DescribeVpcsRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto filters = vpc_filters(in.filters);
  for (const auto& id : in.vpc_ids) require_vpc(ec2.store, scope, id);
  answer_dry_run(in.dry_run);
  const Wanted wanted(in.vpc_ids);
  const auto page = api::page_of<Vpc>(
      ec2.store, scope.prefix(), api::ec2_page(in.next_token, in.max_results),
      [&](const Vpc& v) { return wanted.has(v.id) && filters.accept(v, resource_tags(ec2.store, scope, v.id)); });
  aws::ec2::DescribeVpcsResult out;
  out.next_token = page.marker;
  out.vpcs.present = true;
  for (const auto& v : page.items) out.vpcs.add(to_wire(*v, resource_tags(ec2.store, scope, v->id)));
  return out;
}

aws::ec2::DescribeVpcAttributeResult describe_attribute(Ec2& ec2, api::Context& ctx,
                                                        const aws::ec2::DescribeVpcAttributeRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto vpc = require_vpc(ec2.store, scope, in.vpc_id);
  answer_dry_run(in.dry_run);
  aws::ec2::DescribeVpcAttributeResult out;
  out.vpc_id = vpc->id;
  const auto attribute = in.attribute.value_or("");
  if (attribute == "enableDnsSupport") {
    out.enable_dns_support.emplace().value = vpc->dns_support;
  } else if (attribute == "enableDnsHostnames") {
    out.enable_dns_hostnames.emplace().value = vpc->dns_hostnames;
  } else if (attribute == "enableNetworkAddressUsageMetrics") {
    out.enable_network_address_usage_metrics.emplace().value = vpc->address_usage_metrics;
  } else {
    throw Fault("InvalidParameterValue", fmt::format("Value ({}) for parameter attribute is invalid.", attribute));
  }
  return out;
}

wire::Empty modify_attribute(Ec2& ec2, api::Context& ctx, const aws::ec2::ModifyVpcAttributeRequest& in) {
  const auto scope = enter(ec2, ctx);
  const int asked = in.enable_dns_hostnames.has_value() + in.enable_dns_support.has_value() +
                    in.enable_network_address_usage_metrics.has_value();
  if (asked != 1) {
    throw Fault("InvalidParameterCombination",
                fmt::format("Exactly one VPC attribute can be modified at a time; the request has {}.", asked));
  }
  ec2.store.write([&](store::Tx& tx) {
    Vpc vpc = *require_vpc(tx, scope, in.vpc_id);
    if (in.enable_dns_support) vpc.dns_support = in.enable_dns_support->value.value_or(false);
    if (in.enable_dns_hostnames) vpc.dns_hostnames = in.enable_dns_hostnames->value.value_or(false);
    if (in.enable_network_address_usage_metrics) {
      vpc.address_usage_metrics = in.enable_network_address_usage_metrics->value.value_or(false);
    }
    tx.put(std::move(vpc));
  });
  return {};
}

}  // namespace

void register_vpcs(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "CreateVpc", ec2, create);
  api.on(service, "CreateDefaultVpc", ec2, create_default);
  api.on(service, "DeleteVpc", ec2, remove);
  api.on(service, "DescribeVpcs", ec2, describe);
  api.on(service, "DescribeVpcAttribute", ec2, describe_attribute);
  api.on(service, "ModifyVpcAttribute", ec2, modify_attribute);
}

}  // namespace howdah::ec2
