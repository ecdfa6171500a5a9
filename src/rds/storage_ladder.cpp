#include "rds/storage_ladder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "domain/condition.h"
#include "domain/config.h"
#include "os/copy.h"
#include "os/fd.h"
#include "os/files.h"
#include "pg/client.h"
#include "pg/layout.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr double kLow = 0.10, kFull = kStorageFull, kRelief = 0.02;
constexpr Millis kOften{100}, kSeldom{5'000};
constexpr Millis kAfterFailure{1'000};
constexpr uint64_t kReserve = 64 << 20;

/// What is free on the disks of the instance and of its vault, whichever is shorter of it.
Room room_around(const Rds& rds, const Instance& i) {
  Room least;
  for (const std::string& path : {layout_of(rds, i).root, rds.config.state_dir}) {
    const auto space = os::disk_space(path);
    if (!space || space->total == 0) continue;
    const Room here = room(space->free, std::min(space->total, os::kMostOfDisk));
    if (here.free < least.free) least = here;
  }
  return least;
}

/// What began to write before transactions became read-only, or set that off, ends with an error instead of a panic.
void cancel_writers(const Rds& rds, const Instance& i) {
  auto client = pg::Client::connect(layout_of(rds, i), i.port);
  if (!client) return;
  (void)client->query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
      "WHERE backend_xid IS NOT NULL AND backend_type = 'client backend' AND usename <> current_user");
}

}  // namespace

bool little_is_left(const std::string& directory, uint64_t taken) {
  const auto space = os::disk_space(directory);
  if (!space || space->total == 0) return false;
  const uint64_t free = space->free - std::min(space->free, taken);
  return storage_level(0, room(free, std::min(space->total, os::kMostOfDisk)).free) > 0;
}

void keep_reserve(const std::string& directory) {
  const std::string path = directory + "/reserve";
  const auto space = os::disk_space(directory);
  if (!space) return;
  const uint64_t size = std::min(kReserve, space->total / 64);
  if (os::exists(path)) {
    if (space->free >= size / 2) return;
    if (unlink(path.c_str()) == 0) log::warn("the disk is full: its reserve is given up", {{"file", path}});
  } else if (static_cast<double>(space->free - std::min(space->free, size)) >
             (kFull + kRelief) * static_cast<double>(space->total)) {
    const os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd && fallocate(fd.get(), 0, 0, static_cast<off_t>(size)) != 0) unlink(path.c_str());
  }
}

int storage_level(int now, double free) {
  if (free <= kFull || (now == 2 && free < kFull + kRelief)) return 2;
  return free <= kLow || (now >= 1 && free < kLow + kRelief) ? 1 : 0;
}

Millis StorageLadder::look() {
  keep_reserve(rds_.config.state_dir);  // first: on a full disk it is what the records below are written into
  Room own;  // also without an instance: the first may come, and fill the disk, before the next look
  if (const auto space = os::disk_space(rds_.config.state_dir); space && space->total > 0) {
    own = room(space->free, space->total);
  }
  Millis next = until_filled(own, kSeldom);
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available) continue;
    const auto used = use_.of(i->resource_id);
    const Room within = used ? room_within(*i, *used) : Room(), around = room_around(rds_, *i);
    const Room& least = within.free < around.free ? within : around;
    const int before = Condition::of(rds_.store, i->resource_id).storage_level;
    const int level = std::max(storage_level(before, least.free), used ? 0 : before);  // nothing heals uncounted
    // Writers first: what they leave is what the record needs.
    if (level == 2 && least.free < kFull / 2) cancel_writers(rds_, *i);
    next = std::min(next, until_filled(least, kSeldom));
    const bool grows = within.free <= kLow && i->max_allocated_storage.value_or(0) > i->allocated_storage;
    if (level == before && !grows) continue;
    try {
      if (grows) {
        grow(*i);
        next = kOften;
      } else {
        move(*i, level, least.free, least.of);
      }
    } catch (const std::exception& e) {
      log::error("a change of free storage was not recorded; it is tried again",
                 {{"instance", i->resource_id}, {"free", fmt::format("{:.3f}", least.free)}, {"error", e.what()}});
      next = std::min(next, kAfterFailure);
    }
  }
  return next;
}

/// By a tenth or 10 GiB, whichever is more, as on AWS.
void StorageLadder::grow(const Instance& i) {
  rds_.store.write([&](store::Tx& tx) {
    const auto found = tx.find<Instance>(Instance::by_id(i.resource_id));
    const int32_t most = found ? found->max_allocated_storage.value_or(0) : 0;
    if (!found || found->rest != Rest::available || most <= found->allocated_storage) return;
    Instance now = *found;
    now.allocated_storage = std::min(most, now.allocated_storage + std::max(10, now.allocated_storage / 10));
    append_event(rds_, tx, now, 217);
    append_event(rds_, tx, now, 218,
                 fmt::format("Finished applying autoscaling-initiated modification to allocated storage: {} GiB.",
                             now.allocated_storage));
    tx.put(std::move(now));
  });
}

void StorageLadder::move(const Instance& i, int level, double free, uint64_t of) {
  const std::string state =
      fmt::format("Free: {:.1f} % of {:.1f} GiB.", free * 100, static_cast<double>(of) / (1 << 30));
  rds_.store.write([&](store::Tx& tx) {
    const auto found = tx.find<Instance>(Instance::by_id(i.resource_id));
    Condition now = Condition::of(tx, i.resource_id);
    if (!found || found->rest != Rest::available || now.storage_level == level) return;
    if (level == 1 && now.storage_level == 0) {
      append_event(rds_, tx, *found, 89,
                   fmt::format("The free storage capacity for DB instance {} is low. {}", found->identifier, state));
    } else if (level == 2) {
      append_event(
          rds_, tx, *found, 7,
          fmt::format(
              "Allocated storage has been exhausted: transactions are read-only by default. Make room "
              "(SET default_transaction_read_only = off admits it), or enlarge the disk or AllocatedStorage. {}",
              state));
    } else if (now.storage_level == 2) {
      append_event(rds_, tx, *found, 202, "There is storage again: transactions may write. " + state);
    }
    now.storage_level = level;
    tx.put(std::move(now));
    tx.put(Instance(*found));  // its settings are written again and the server reloads them
  });
}

}  // namespace howdah::rds
