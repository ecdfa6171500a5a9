#include "pg/tls.h"

#include <sys/stat.h>

#include "pg/probe.h"
#include "pg/roles.h"
#include "pg/scram.h"
#include "pg/testing.h"

namespace howdah::pg {
namespace {

using testing::Instance;
using testing::must;
using testing::Scratch;

Time now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

TEST(Tls, AuthorityIsMadeOnceAndItsKeyIsPrivate) {
  Scratch scratch;
  Ca first = must(ensure_ca(scratch.path())), second = must(ensure_ca(scratch.path()));
  EXPECT_EQ(first.certificate, second.certificate);
  struct stat st {};
  ASSERT_EQ(stat(first.key_file.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
  EXPECT_FALSE(ensure_ca(scratch.path(), "../../etc"));
  EXPECT_EQ(ca_bundle(scratch.path()), first.certificate);
}

TEST(Tls, LeafFollowsItsNamesAndItsEnd) {
  Scratch scratch;
  Ca ca = must(ensure_ca(scratch.path(), "rds-ca-ecc384-g1")), other = must(ensure_ca(scratch.path()));
  std::vector<std::string> names = {"app.0123456789ab.eu-west-2.rds.localhost", "127.0.0.9", "db.internal"};
  Time start = now();
  Leaf leaf = must(issue_leaf(ca, names, start));
  auto days = std::chrono::duration_cast<std::chrono::hours>(must(valid_till(leaf.certificate)) - start).count() / 24;
  EXPECT_NEAR(static_cast<double>(days), 396, 1);
  EXPECT_FALSE(needs_renewal(leaf.certificate, ca, names, start));
  EXPECT_FALSE(needs_renewal(leaf.certificate, ca, {names[2], names[1], names[0]}, start));
  EXPECT_TRUE(needs_renewal(leaf.certificate, ca, {names[0], names[1]}, start)) << "a name is gone";
  EXPECT_TRUE(needs_renewal(leaf.certificate, ca, names, start + std::chrono::hours(24 * 340)));
  EXPECT_TRUE(needs_renewal(leaf.certificate, other, names, start)) << "another authority";
  EXPECT_TRUE(needs_renewal("rubbish", ca, names, start));
  EXPECT_FALSE(issue_leaf(ca, {"a,DNS:evil.example"}, start)) << "a name cannot add another";
  EXPECT_FALSE(issue_leaf(ca, {}, start));
}

TEST(Probe, PassesWhereAClientCouldConnectAndSaysWhyNot) {
  NEED_POSTGRESQL();
  Instance i(2);
  Ca ca = must(ensure_ca(testing::Shared::get().scratch.path()));
  Leaf leaf = must(issue_leaf(ca, {"db.example", "127.0.0.1"}, now()));
  must(write_conf(i.layout().cert_file(), leaf.certificate, i.owner()));
  must(write_conf(i.layout().key_file(), leaf.key, i.owner()));
  i.tls = true;
  i.configure({}, {"127.0.0.0/8"}, true);
  ProbeSpec spec{.address = "127.0.0.1", .port = i.port(), .user = "somebody", .database = "postgres"};
  spec.ca_certificate = ca.certificate;
  EXPECT_TRUE(probe(spec).error().retry) << "nothing listens yet";
  auto started = i.start();
  ASSERT_TRUE(started) << started.error().message;

  for (const char* name : {"", "db.example", "127.0.0.1"}) {
    spec.verify_name = name;
    auto ok = probe(spec);
    EXPECT_TRUE(ok) << name << ": " << ok.error().message;
  }
  spec.verify_name = "other.example";
  EXPECT_NE(probe(spec).error().message.find("certificate"), std::string::npos);
  spec.verify_name = "";
  spec.tls = false;
  EXPECT_NE(probe(spec).error().message.find("no encryption"), std::string::npos) << probe(spec).error().message;
  spec.tls = true;
  spec.user = "rdsadmin";
  EXPECT_NE(probe(spec).error().message.find("pg_hba.conf rejects connection"), std::string::npos);
  spec.user = "somebody";

  // A changed certificate and HBA take effect by reload, no restart.
  i.configure({}, {"10.0.0.0/8"}, true);
  ASSERT_TRUE(reload_server(i.layout(), i.owner()));
  std::string message;
  for (int n = 0; n < 500 && message.empty(); n++) {
    auto r = probe(spec);
    if (!r) message = r.error().message;
    usleep(10000);
  }
  EXPECT_NE(message.find("no pg_hba.conf entry for host \"127.0.0.1\""), std::string::npos) << message;
}

TEST(KeyStock, HandsOutEveryKeyOnce) {
  KeyStock stock(kDefaultCa);
  const std::string first = stock.take(), second = stock.take();
  EXPECT_NE(first.find("PRIVATE KEY"), first.npos);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace howdah::pg
