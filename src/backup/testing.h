#pragma once
#include <string>

#include <gtest/gtest.h>

#include "backup/base.h"
#include "backup/restore.h"
#include "pg/testing.h"

/// What the tests of bases and restores share. Only for *_test.cpp.
namespace howdah::backup::testing {

using pg::testing::must;
using pg::testing::Shared;

inline Time now() { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }
inline const std::string& state() { return Shared::get().scratch.path(); }

inline BaseSpec spec_of(const std::string& id, const pg::testing::Instance& from) {
  return {.state = state(),
          .id = id,
          .resource_id = from.layout().root.substr(from.layout().root.rfind('/') + 1),
          .engine = Shared::get().engine,
          .layout = from.layout(),
          .owner = from.owner(),
          .port = from.port(),
          .progress = {},
          .now = now};
}

/// Removes a base at the end of its test.
struct BaseGuard {
  std::string id;
  ~BaseGuard() { (void)remove_base(state(), id); }
};

inline std::string one(pg::Client& client, const std::string& sql) {
  auto rows = client.query(sql);
  if (!rows) throw std::runtime_error(rows.error().message);
  return rows->empty() ? "" : std::string(rows->get(0, 0));
}

/// A connection that works in the schema public.
inline pg::Client session(pg::testing::Instance& db) {
  auto client = db.connect();
  one(client, "SET search_path = public");
  return client;
}

/// An instance that a plan is restored into. An Instance whose template data is thrown away first.
class Restored : public pg::testing::Instance {
 public:
  explicit Restored(unsigned slot) : Instance(slot) { must(os::remove_tree(layout().data)); }

  Result<Recovered> restore(const Plan& plan) {
    if (auto made = make_volume(state(), plan, layout(), owner()); !made) return tl::unexpected(made.error());
    return recover(plan, Shared::get().engine, layout(), owner(), std::chrono::seconds(120));
  }
  pg::Client open() {
    auto started = start(std::chrono::seconds(60));
    if (!started) throw std::runtime_error(started.error().message);
    return session(*this);
  }
};

}  // namespace howdah::backup::testing
