#include "pg/volume_stock.h"

#include <cstdio>

#include "os/copy.h"
#include "os/files.h"
#include "pg/volume.h"
#include "util/log.h"

namespace howdah::pg {
namespace {

constexpr uint64_t kSize = 64 << 20;  // of a fresh data directory, at most

std::string ready(const std::string& variant) { return variant + ".ready"; }

Result<void> make(const std::string& variant, os::Owner owner) {
  if (os::exists(ready(variant))) return {};
  const std::string making = variant + ".making";
  if (auto gone = os::remove_tree(making); !gone) return gone;
  if (auto room = os::room_for(kSize, variant); !room) return room;
  if (auto filled = fill_volume(variant, making, owner); !filled) {
    (void)os::remove_tree(making);
    return tl::unexpected(filled.error());
  }
  if (auto synced = os::sync_fs(making); !synced) return synced;
  if (rename(making.c_str(), ready(variant).c_str()) != 0) return fail("cannot rename " + making);
  return {};
}

}  // namespace

VolumeStock::VolumeStock(std::chrono::milliseconds calm, std::function<os::Owner()> next_owner)
    : calm_(calm), next_owner_(std::move(next_owner)) {
  if (calm_.count() > 0) maker_ = std::thread([this] { refill(); });
}

VolumeStock::~VolumeStock() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (maker_.joinable()) maker_.join();
}

bool VolumeStock::take(const std::string& variant, const std::string& to) {
  if (calm_.count() <= 0) return false;
  const bool taken = rename(ready(variant).c_str(), to.c_str()) == 0;
  std::lock_guard lock(mu_);
  wanted_.insert(variant);
  last_ = std::chrono::steady_clock::now();
  changed_.notify_all();
  return taken;
}

void VolumeStock::refill() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return stopping_ || !wanted_.empty(); });
    while (!stopping_ && std::chrono::steady_clock::now() < last_ + calm_) changed_.wait_until(lock, last_ + calm_);
    if (stopping_) return;
    const auto variant = wanted_.extract(wanted_.begin());
    lock.unlock();
    if (const auto made = make(variant.value(), next_owner_ ? next_owner_() : os::Owner{});
        !made) {  // asked for again by the next creation
      log::warn("no volume was made ahead", {{"template", variant.value()}, {"reason", made.error().message}});
    }
    lock.lock();
  }
}

}  // namespace howdah::pg
