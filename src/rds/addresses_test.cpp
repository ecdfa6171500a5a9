#include "rds/addresses.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "domain/former_address.h"
#include "flow/flow.h"
#include "os/fd.h"
#include "rds/catalog_testing.h"

namespace howdah::rds {
namespace {

constexpr int kPort = 45432;

/// A socket of somebody else.
os::Fd listener(const std::string& address) {
  os::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort);
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  EXPECT_EQ(listen(fd.get(), 1), 0);
  return fd;
}

class AddressesTest : public testing::Catalogued {
 protected:
  AddressesTest() {
    store_.use<SlotHint>();
    store_.use<FormerAddress>();
    store_.use<flow::Workflow>();
    config_.names = Names::address;
    config_.instance_addresses = "127.231.7.0/28";  // 14
  }

  Instance create(const std::string& name) {
    return store_.write([&](store::Tx& tx) {
      Instance i;
      i.scope = scope_;
      i.identifier = name;
      i.resource_id = "db-" + std::to_string(++created_);
      i.port = kPort;
      choose_address(rds_, tx, i);
      tx.put(i);
      return i;
    });
  }
  Instance rename(const std::string& from, const std::string& to) {
    return store_.write([&](store::Tx& tx) {
      const Instance before = *tx.get<Instance>(scope_.key(from));
      Instance now = before;
      now.identifier = to;
      move_address(rds_, tx, before, now);
      tx.erase<Instance>(before.key());
      tx.put(now);
      return now;
    });
  }
  void remove(const std::string& name) {
    store_.write([&](store::Tx& tx) {
      keep_address(rds_, tx, *tx.get<Instance>(scope_.key(name)));
      tx.erase<Instance>(scope_.key(name));
    });
  }
  int created_ = 0;
};

TEST_F(AddressesTest, AreAnInstancesAlone) {
  EXPECT_EQ(create("a").address, "127.231.7.1");
  const auto somebody = listener("127.231.7.2");
  EXPECT_EQ(create("b").address, "127.231.7.3");
  EXPECT_EQ(create("c").slot, 3u);
  EXPECT_FALSE(can_listen("127.231.7.2", kPort));
}

TEST_F(AddressesTest, GoWithTheIdentifier) {
  const auto a = create("a").address, b = create("b").address;
  const auto aside = rename("a", "a-original").address;
  EXPECT_NE(aside, a);
  EXPECT_NE(aside, b);
  EXPECT_EQ(rename("b", "a").address, a);
  EXPECT_EQ(create("b").address, b);
  remove("a");
  EXPECT_NE(create("c").address, a);
  EXPECT_EQ(create("a").address, a);
}

TEST_F(AddressesTest, AreKeptUntilNoOthersAreLeft) {
  const auto a = create("a").address;
  remove("a");
  for (int n = 0; n < 13; n++) EXPECT_NE(create("n" + std::to_string(n)).address, a);
  EXPECT_EQ(create("last").address, a);
  remove("last");
  EXPECT_EQ(create("a").address, a);  // kept for `last`, but there is no other
  EXPECT_THROW(create("too-many"), Fault);
}

TEST_F(AddressesTest, AreNotTakenFromStrangersButFromWhoIsBeingRenamed) {
  const auto a = create("a");
  create("b");
  rename("a", "a-original");
  const auto still_there = listener(a.address);
  EXPECT_NE(create("stranger").address, a.address);
  store_.write([&](store::Tx& tx) {
    flow::Workflow w;
    w.resource = "db/" + a.resource_id;
    w.table = "rename-instance";
    tx.put(w);
  });
  EXPECT_EQ(rename("b", "a").address, a.address);
}

TEST_F(AddressesTest, StayWithServersWhereThereAreNames) {
  config_.names = Names::hosts;
  const auto a = create("a").address;
  EXPECT_EQ(rename("a", "b").address, a);
  EXPECT_NE(create("a").address, a);
  remove("b");
  EXPECT_FALSE(store_.get<FormerAddress>(scope_.key("b")));
}

}  // namespace
}  // namespace howdah::rds
