#include "rds/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>

#include "domain/event.h"
#include "domain/window.h"
#include "os/identity.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "pg/tls.h"
#include "rds/change.h"
#include "rds/drills.h"
#include "rds/flows.h"
#include "rds/hosts.h"
#include "rds/log_janitor.h"
#include "rds/server_files.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr int kLookEveryMs = 30'000;
constexpr std::chrono::seconds kTickEvery{5};
constexpr std::chrono::hours kLogsEvery{1};

/// Also where none was recorded: an instance that is available has one.
bool certificate_ends(const Instance& i, Time now) { return i.certificate_valid_till - now < pg::kRenewBefore; }

}  // namespace

Supervisor::Supervisor(Rds& rds)
    : rds_(rds),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      backups_(rds),
      use_(rds),
      storage_(rds, use_),
      sync_(rds),
      roles_(rds) {
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.fd = wake_.get();
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &e);
  rds_.store.on_commit(Instance::kKind, [this] {
    access_changed_ = true;
    poke();
  });
  rds_.store.on_commit(flow::Workflow::kKind, [this] { poke(); });  // an instance that is left alone again is ours
  for (const char* kind : {"security-group", "parameter-group"}) {
    rds_.store.on_commit(kind, [this] {
      access_changed_ = true;
      poke();
    });
  }
}

Supervisor::~Supervisor() { stop(); }

void Supervisor::start() {
  servers_ = std::thread([this] { watch_servers(); });
  time_ = std::thread([this] { keep_time(); });
  counts_ = std::thread([this] { guard([this] { return use_.look(); }); });
  disks_ = std::thread([this] { guard([this] { return storage_.look(); }); });
  vaults_ = std::thread([this] { guard([this] { return sync_.look(); }); });
  catalogs_ = std::thread([this] { guard([this] { return roles_.look(); }); });
}

void Supervisor::stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  poke();
  for (std::thread* thread : {&servers_, &time_, &counts_, &disks_, &vaults_, &catalogs_}) {
    if (thread->joinable()) thread->join();
  }
}

void Supervisor::poke() {
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0) {
    // The counter is full: a wake-up is pending anyway.
  }
}

void Supervisor::clock_moved() {
  {
    std::lock_guard lock(mu_);
    poked_ = true;
  }
  changed_.notify_all();
}

void Supervisor::watch_servers() {
  for (;;) {
    {
      std::lock_guard lock(mu_);
      if (stopping_) return;
    }
    try {
      look_at_servers();
      if (access_changed_.exchange(false)) refresh_access();
    } catch (const std::exception& e) {
      log::error("supervision failed; it goes on", {{"error", e.what()}});
    }
    epoll_event events[16];
    const int n = epoll_wait(epoll_.get(), events, 16, kLookEveryMs);
    for (int k = 0; k < n; k++) {
      uint64_t drained = 0;
      if (events[k].data.fd == wake_.get() && read(wake_.get(), &drained, sizeof drained) < 0) continue;
    }
  }
}

/// Watches what should run and isn't watched, and lets go of what no longer should.
void Supervisor::look_at_servers() {
  std::map<std::string, os::Fd> kept;
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available || rds_.store.get<flow::Workflow>(i->workflow())) continue;
    auto node = watched_.extract(i->resource_id);
    if (node) {
      pollfd state{node.mapped().get(), POLLIN, 0};
      if (poll(&state, 1, 0) == 0) {  // not readable: the process lives
        kept.insert(std::move(node));
        continue;
      }
    }
    adopt_or_recover(*i);
    auto fresh = watched_.extract(i->resource_id);
    if (fresh) kept.insert(std::move(fresh));
  }
  watched_ = std::move(kept);
}

void Supervisor::adopt_or_recover(const Instance& i) {
  auto seen = pg::observe(layout_of(rds_, i), owner_of(rds_, i));
  if (seen.running()) {
    epoll_event e{};
    e.events = EPOLLIN | EPOLLONESHOT;
    e.data.fd = seen.pidfd.get();
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, seen.pidfd.get(), &e);
    watched_.insert_or_assign(i.resource_id, std::move(seen.pidfd));
    return;
  }
  log::warn("server is down; recovering it", {{"instance", i.resource_id}, {"state", pg::name_of(seen.state)}});
  rds_.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    if (!now || now->rest != Rest::available || flow::Runner::busy(tx, now->workflow())) return;
    rds_.flows.start(tx, kRecoverInstance, now->workflow());
  });
}

void Supervisor::refresh_access() {
  std::map<std::string, Rendered> kept;
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available || rds_.store.get<flow::Workflow>(i->workflow())) continue;
    Rendered& seen = kept[i->resource_id] = std::move(rendered_[i->resource_id]);
    const auto changed = refresh_running(rds_, i, seen);
    if (!changed) {
      log::error("settings or access rules could not be written",
                 {{"instance", i->resource_id}, {"error", changed.error().message}});
      access_changed_ = true;  // again at the next look
    } else if (*changed) {
      (void)pg::reload_server(layout_of(rds_, *i), owner_of(rds_, *i));
    }
  }
  rendered_ = std::move(kept);
  if (auto r = write_hosts(rds_); !r) log::error("hosts file could not be written", {{"error", r.error().message}});
}

void Supervisor::keep_time() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    lock.unlock();
    try {
      tick();
    } catch (const std::exception& e) {
      log::error("the clock's work failed; it goes on", {{"error", e.what()}});
    }
    lock.lock();
    changed_.wait_for(lock, kTickEvery, [this] { return stopping_ || poked_; });
    poked_ = false;
  }
}

/// What cannot wait for the tick.
void Supervisor::guard(const std::function<Millis()>& look) {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    lock.unlock();
    Millis next = kTickEvery;
    try {
      next = look();
    } catch (const std::exception& e) {
      log::error("disks, vaults or roles could not be looked at; it goes on", {{"error", e.what()}});
    }
    lock.lock();
    changed_.wait_for(lock, next, [this] { return stopping_; });
  }
}

void Supervisor::tick() {
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest == Rest::stopped && i->restart_at <= rds_.clock.now()) start_if_due(*i);
    if (i->rest == Rest::available && !i->pending.empty()) apply_in_window(*i);
    if (i->rest == Rest::available && certificate_ends(*i, rds_.clock.now())) renew_certificate(*i);
  }
  backups_.tick();
  drill_if_due(rds_);
  rds_.store.prune(kEventLog, rds_.clock.now() - kEventRetention);
  const Time now = rds_.clock.now();
  if (now - logs_looked_at_ < kLogsEvery && !set_back_since(logs_looked_at_, now)) return;
  logs_looked_at_ = now;
  remove_old_logs(rds_);
}

void Supervisor::start_if_due(const Instance& i) {
  rds_.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    if (!now || now->rest != Rest::stopped || flow::Runner::busy(tx, now->workflow())) return;
    append_event(rds_, tx, *now, 154);
    rds_.flows.start(tx, kStartInstance, now->workflow());
  });
}

/// A change of nothing: its first step issues what is due, and the server reloads it.
void Supervisor::renew_certificate(const Instance& i) {
  rds_.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    if (!now || now->rest != Rest::available || !left_alone(tx, *now)) return;
    log::info("the server's certificate is renewed", {{"instance", i.resource_id}});
    rds_.flows.start(tx, kModifyInstance, now->workflow());
  });
}

void Supervisor::apply_in_window(const Instance& i) {
  if (!window::contains(window::parse_weekly(i.maintenance_window), rds_.clock.now())) return;
  rds_.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(i.resource_id));
    if (!now || now->rest != Rest::available || !left_alone(tx, *now)) return;
    Change c{.before = *now, .now = *now};
    try {
      apply_queue(rds_, tx, c);
    } catch (const Fault& e) {  // the new name was taken meanwhile
      c = Change{.before = *now, .now = *now};
      c.now.pending.erase("DBInstanceIdentifier");
      append_event(rds_, tx, *now, own_event(2), fmt::format("The pending rename was dropped: {}", e.what()));
    }
    if (c.now.encode() != now->encode()) begin_change(rds_, tx, c);
  });
}

}  // namespace howdah::rds
