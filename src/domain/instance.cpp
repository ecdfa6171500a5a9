#include "domain/instance.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <stdexcept>

#include "domain/json.h"

namespace howdah {
namespace {

constexpr std::string_view kRestWords[] = {
    "creating", "available", "stopped", "failed", "incompatible-parameters", "incompatible-restore"};

Rest rest_of(std::string_view word) {
  for (size_t i = 0; i < std::size(kRestWords); i++) {
    if (kRestWords[i] == word) return static_cast<Rest>(i);
  }
  throw std::runtime_error(fmt::format("unknown state '{}'", word));
}

template <class V, class T>
void list(V& v, T& i) {
  v("scope", i.scope);
  v("identifier", i.identifier);
  v("resource_id", i.resource_id);
  v("slot", i.slot);
  v("address", i.address);
  v("endpoint", i.endpoint);
  v("class", i.instance_class);
  v("engine", i.engine);
  v("engine_version", i.engine_version);
  v("license_model", i.license_model);
  v("master_username", i.master_username);
  v("pending_verifier", i.pending_verifier);
  v("db_name", i.db_name);
  v("port", i.port);
  v("allocated_storage", i.allocated_storage);
  v("max_allocated_storage", i.max_allocated_storage);
  v("iops", i.iops);
  v("storage_throughput", i.storage_throughput);
  v("storage_type", i.storage_type);
  v("storage_encrypted", i.storage_encrypted);
  v("kms_key_id", i.kms_key_id);
  v("availability_zone", i.availability_zone);
  v("vpc_id", i.vpc_id);
  v("subnet_group", i.subnet_group);
  v("security_groups", i.security_groups);
  v("publicly_accessible", i.publicly_accessible);
  v("parameter_group", i.parameter_group);
  v("started_group", i.started_group);
  v("ca_certificate", i.ca_certificate);
  v("certificate_valid_till", i.certificate_valid_till);
  v("backup_retention", i.backup_retention);
  v("backup_window", i.backup_window);
  v("maintenance_window", i.maintenance_window);
  v("last_backup", i.last_backup);
  v("backing_up", i.backing_up);
  v("restorable_from", i.restorable_from);
  v("auto_minor_version_upgrade", i.auto_minor_version_upgrade);
  v("copy_tags_to_snapshot", i.copy_tags_to_snapshot);
  v("deletion_protection", i.deletion_protection);
  v("performance_insights", i.performance_insights);
  v("performance_insights_retention", i.performance_insights_retention);
  v("performance_insights_key", i.performance_insights_key);
  v("lifecycle_support", i.lifecycle_support);
  v("tags", i.tags);
  v("rest_reason", i.rest_reason);
  v("created", i.created);
  v("server_started", i.server_started);
  v("restart_at", i.restart_at);
  v("crashes", i.crashes);
  v("pending", i.pending);
}

struct Range {
  uint32_t network;  // host byte order
  uint32_t size;     // addresses, a power of two
};

Range parse_range(std::string_view text) {
  const auto slash = text.find('/');
  in_addr address{};
  const std::string network(text.substr(0, slash));
  int prefix = 0;
  try {
    prefix = slash == text.npos ? -1 : std::stoi(std::string(text.substr(slash + 1)));
  } catch (const std::exception&) {
    prefix = -1;
  }
  if (inet_pton(AF_INET, network.c_str(), &address) != 1 || prefix < 8 || prefix > 30 ||
      ntohl(address.s_addr) >> 24 != 127) {
    throw std::invalid_argument(
        fmt::format("address range '{}' must be a network inside 127.0.0.0/8, e.g. 127.20.0.0/16", text));
  }
  const uint32_t size = 1u << (32 - prefix);
  return {ntohl(address.s_addr) & ~(size - 1), size};
}

/// Usable numbers of the last octet: 1 to 254, so that no address looks like a network or a broadcast.
constexpr uint32_t kPerBlock = 254;

}  // namespace

std::string_view status_word(Rest rest) { return kRestWords[static_cast<size_t>(rest)]; }

std::string Instance::encode() const {
  return json::write([&](auto& v) {
    list(v, *this);
    v("rest", std::string(status_word(rest)));
  });
}

Instance Instance::decode(std::string_view text) {
  Instance i;
  std::string word = "creating";
  json::read(text, [&](auto& v) {
    list(v, i);
    v("rest", word);
  });
  i.rest = rest_of(word);
  return i;
}

uint32_t slot_count(std::string_view range) {
  const uint32_t size = parse_range(range).size;
  return size >= 256 ? size / 256 * kPerBlock : size - 2;
}

std::string slot_address(std::string_view range, uint32_t slot) {
  const Range r = parse_range(range);
  const uint32_t n = slot - 1;
  const uint32_t host = htonl(r.network + n / kPerBlock * 256 + n % kPerBlock + 1);
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &host, text, sizeof text);
  return text;
}

uint32_t allocate_slot(store::Tx& tx, uint32_t count) {
  const auto hint = tx.get<SlotHint>("next");
  uint32_t slot = hint ? hint->next : 1;
  for (uint32_t tried = 0; tried < count; tried++, slot++) {
    if (slot > count) slot = 1;
    if (tx.find<Instance>(Instance::by_slot(slot))) continue;
    tx.put(SlotHint{slot + 1});
    return slot;
  }
  throw Fault(
      "InsufficientDBInstanceCapacity",
      fmt::format("All {} addresses of this machine's instance range are in use. Delete an instance or configure "
                  "a larger address_range.",
                  count));
}

}  // namespace howdah
