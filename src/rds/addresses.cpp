#include "rds/addresses.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <optional>

#include "domain/config.h"
#include "domain/former_address.h"
#include "os/fd.h"
#include "rds/flows.h"
#include "rds/hosts.h"
#include "util/fault.h"

namespace howdah::rds {
namespace {

/// The first one from the address of slot `first` on. What is kept for an identifier comes last.
std::string free_address(const Rds& rds, store::Tx& tx, uint32_t first, int32_t port) {
  const std::string& range = rds.config.instance_addresses;
  const uint32_t count = slot_count(range);
  for (const bool kept : {false, true}) {
    for (uint32_t n = 0; n < count; n++) {
      std::string address = slot_address(range, (first - 1 + n) % count + 1);
      if (tx.find<Instance>(Instance::by_address(address))) continue;
      const auto former = tx.find<FormerAddress>(address);
      if ((former && !kept) || !can_listen(address, port)) continue;
      if (former) tx.erase<FormerAddress>(former->key());
      return address;
    }
  }
  throw Fault("InsufficientDBInstanceCapacity",
              "All addresses of this machine's instance range are in use. Delete an instance or configure a larger "
              "instance_addresses.");
}

/// The address that is kept for the identifier of `i`, if nobody but its former holder listens there.
std::optional<std::string> kept_address(store::Tx& tx, const Instance& i) {
  const auto former = tx.get<FormerAddress>(i.key());
  if (!former) return {};
  const auto holder = tx.get<flow::Workflow>("db/" + former->holder);
  const bool lets_go = holder && holder->table == kRenameInstance;
  if (!lets_go && !can_listen(former->address, i.port)) return {};
  tx.erase<FormerAddress>(i.key());
  return former->address;
}

}  // namespace

void choose_address(const Rds& rds, store::Tx& tx, Instance& i) {
  i.slot = allocate_slot(tx, slot_count(rds.config.instance_addresses));
  const auto kept = keeps_hosts(rds) ? std::nullopt : kept_address(tx, i);
  i.address = kept ? *kept : free_address(rds, tx, i.slot, i.port);
}

void move_address(const Rds& rds, store::Tx& tx, const Instance& before, Instance& now) {
  if (keeps_hosts(rds)) return;
  const auto kept = kept_address(tx, now);
  now.address = kept ? *kept : free_address(rds, tx, now.slot, now.port);
  keep_address(rds, tx, before);
}

void keep_address(const Rds& rds, store::Tx& tx, const Instance& i) {
  if (!keeps_hosts(rds)) tx.put(FormerAddress{i.key(), i.address, i.resource_id});
}

bool can_listen(const std::string& address, int32_t port) {
  const os::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

}  // namespace howdah::rds
