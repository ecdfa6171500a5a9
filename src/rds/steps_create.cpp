// CreateDBInstance's table. What a crash can leave behind at any step is under the instance's own directory, named by
// its resource id, and is found again by the same step or removed by delete-instance.
#include <future>

#include "domain/config.h"
#include "os/identity.h"
#include "pg/client.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/roles.h"
#include "pg/template.h"
#include "pg/volume.h"
#include "pg/volume_stock.h"
#include "rds/backup_work.h"
#include "rds/server_files.h"
#include "rds/steps.h"

namespace howdah::rds {
namespace {

/// The first instance of an engine build pays for its template
/// (about two seconds); later ones find it.
Outcome make_volume(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer(engine.error());
  const auto made = pg::ensure_template(*engine, rds.config.state_dir, rds.identity);
  if (!made) return answer(made.error());
  const auto layout = layout_of(rds, *i);
  const os::Owner owner = owner_of(rds, *i);
  if (auto r = pg::make_layout(rds.config.state_dir, layout, owner); !r) return answer(r.error());
  const bool with_database = !i->db_name.empty();
  if (auto r = pg::create_volume(*made, with_database, layout, owner, &rds.volumes); !r) {
    return answer(r.error());
  }
  return flow::next();
}

/// The volume is synced beside the start: neither waits for the other. What a power cut took of it is made again first.
Outcome start_in_volume(Rds& rds, const Workflow& w) {
  if (auto made = make_volume(rds, w); made.verdict != Outcome::Verdict::next) return made;
  auto settled = std::async(std::launch::async, pg::settle_volume, layout_of(rds, *instance_of(rds, w)));
  Outcome started = start_server(rds, w);
  if (const auto r = settled.get(); !r) return answer(r.error());
  return started;
}

Outcome set_up_database(Rds& rds, const Workflow& w, const Instance& i) {
  auto client = pg::Client::connect(layout_of(rds, i), i.port);
  if (!client) return await_server(rds, w, client.error());
  if (auto r = pg::ensure_set_up(*client, {i.master_username, i.pending_verifier, i.db_name}); !r) {
    return answer(r.error());
  }
  if (const auto r = pg::follow_replication(*client); !r) return answer(r.error());
  if (auto r = begin_protection(rds, i, *client); !r) return answer(r.error());
  return flow::next();
}

/// The endpoint is tried from outside meanwhile: a server asks for the password before it looks for role and database.
Outcome open_to_clients(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  auto reached = std::async(std::launch::async, try_connection, std::ref(rds), std::cref(w));
  const Outcome made = set_up_database(rds, w, *i);
  const Outcome seen = reached.get();
  if (made.verdict != Outcome::Verdict::next) return made;
  if (seen.verdict != Outcome::Verdict::next) return seen;
  return flow::done(change(w, [&rds, applied = i->pending_verifier](Instance& now, store::Tx& tx) {
    if (now.pending_verifier == applied) {
      now.pending_verifier.clear();
      now.pending.erase("MasterUserPassword");
    }
    now.rest = Rest::available;
    now.rest_reason.clear();
    now.created = rds.clock.now();
    now.endpoint = endpoint_of(rds, now);
    append_event(rds, tx, now, 5);
    begin_automated_snapshot(rds, tx, now);
  }));
}

constexpr flow::Step<Rds> kSteps[] = {
    {"write-files", "creating", write_files},
    {"make-volume", "creating", make_volume},
    {"start-server", "creating", start_in_volume},
    {"open-to-clients", "creating", open_to_clients},
};
constexpr flow::Table<Rds> kTable{kCreateInstance, kSteps, record_failure};

}  // namespace

void register_create(flow::Runner& runner, Rds& rds) { runner.add(kTable, rds); }

}  // namespace howdah::rds
