#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "api/api.h"
#include "api/holds.h"
#include "aws/rds.h"
#include "backup/restore.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "domain/instance.h"
#include "domain/parameter_group.h"
#include "domain/snapshot.h"
#include "domain/subnet_group.h"
#include "domain/timekeeping.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/tls.h"
#include "pg/volume_stock.h"
#include "rds/rds.h"
#include "rds/restorable_times.h"
#include "rds/snapshot_progress.h"

/// What the tests of this folder share: handlers over a store in memory, with invented engines. Only for *_test.cpp.
namespace howdah::rds::testing {

/// A directory of engine descriptions, each with a `postgres` that only knows its version.
class FakeEngines {
 public:
  explicit FakeEngines(std::initializer_list<const char*> versions) {
    std::string name = "/var/tmp/howdah-rds-XXXXXX";
    path_ = mkdtemp(name.data());
    for (const std::string version : versions) add(version);
  }
  ~FakeEngines() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  void add(const std::string& version) {
    const std::string tree = path_ + "/" + version;
    for (const char* dir : {"/bin", "/share/extension", "/lib"}) std::filesystem::create_directories(tree + dir);
    std::ofstream(tree + "/bin/postgres") << "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n";
    std::filesystem::permissions(tree + "/bin/postgres", std::filesystem::perms(0755));
    std::ofstream(tree + "/share/postgres.bki");
    std::ofstream(tree + "/lib/plpgsql.so");
    std::ofstream(path_ + "/" + version + ".json") << "{\"bindir\": \"" + tree + "/bin\"}\n";
  }
  std::string path_;
};

/// The environment of handlers. Engines of this machine are there as well: tests that count use majors of their own.
class Catalogued : public ::testing::Test {
 protected:
  static constexpr const char* kAccount = "123456789012";

  Catalogued() {
    store_.use<Instance>();
    store_.use<Condition>();
    store_.use<ParameterGroup>();
    store_.use<Snapshot>();
    store_.use<SubnetGroup>();
    store_.use<Timekeeping>();
    store_.use<Vpc>();
    store_.use<Subnet>();
    config_.quotas = {{"AllocatedStorage", 100000}, {"DBInstances", 40}, {"DBParameterGroups", 50}};
  }

  api::Context context(const char* operation = "DescribeDBInstances") {
    return {.caller = {.account = kAccount, .administrator = true},
            .region = "eu-west-2",
            .clock = clock_,
            .store = store_,
            .holds = holds_,
            .service = aws::rds::kService,
            .operation = *aws::rds::kService.find(operation)};
  }
  template <class Out, class In>
  Out call(Out (*handler)(Rds&, api::Context&, const In&), const In& in) {
    api::Context ctx = context();
    return handler(rds_, ctx, in);
  }
  /// The code of the fault that the call ends in, "" when it ends well.
  template <class Out, class In>
  std::string fault(Out (*handler)(Rds&, api::Context&, const In&), const In& in) {
    try {
      call(handler, in);
      return "";
    } catch (const Fault& f) {
      message_ = f.what();
      return f.code();
    }
  }
  Instance put_instance(const std::string& name, uint32_t slot = 1) {
    Instance i;
    i.scope = scope_;
    i.identifier = name;
    i.resource_id = "db-" + name;
    i.slot = slot;
    i.parameter_group = "default.postgres94";
    store_.write([&](store::Tx& tx) { tx.put(i); });
    return i;
  }

  const Scope scope_{kAccount, "eu-west-2"};
  FakeEngines fake_{"94.1", "94.3", "94.12", "95.0", "96.2"};
  FakeClock clock_;
  store::Store store_{store::open_memory()};
  api::Holds holds_{store_, 2};
  flow::Runner flows_{store_, clock_, {1, 1, 1}};
  Config config_;
  pg::Catalog engines_ = pg::Catalog::discover(fake_.path(), fake_.path());
  os::Identity identity_;  // not chosen: only the tests that need a real server do
  pg::Ca ca_;
  pg::KeyStock keys_{"rds-ca-ecc384-g1"};
  pg::VolumeStock volumes_{Millis(0)};
  RestorableTimes restorable_{store_, config_.state_dir};
  SnapshotProgress progress_;
  backup::CheckedWays ways_;
  Rds rds_{store_, clock_, flows_, config_, engines_, identity_, ca_, keys_, volumes_, restorable_, progress_, ways_};
  std::string message_;  ///< of the last fault
};

}  // namespace howdah::rds::testing
