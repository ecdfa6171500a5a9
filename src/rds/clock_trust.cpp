#include "rds/clock_trust.h"

#include <fmt/format.h>

#include "domain/timekeeping.h"
#include "util/log.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kLeap{1};    // smaller ones expire nothing that matters
constexpr std::chrono::hours kAway{24};   // so long the machine may have been off
constexpr std::chrono::hours kDoubt{24};  // for somebody to set the clock right
constexpr std::chrono::hours kNoteEvery{1};

std::string span_text(Millis span) {
  const auto hours = std::chrono::round<std::chrono::hours>(span).count();  // clocks are slewed, too
  return hours < 48 ? fmt::format("{} hours", hours) : fmt::format("{} days", (hours + 12) / 24);
}

void tell(const Rds& rds, store::Tx& tx, const std::string& message) {
  for (const auto& i : tx.all<Instance>()) {
    if (i->backup_retention > 0) append_event(rds, tx, *i, 204, message);
  }
}

}  // namespace

bool ClockTrust::look() {
  const Time now = rds_.clock.now();
  const auto known = rds_.store.get<Timekeeping>(Timekeeping::kOnly);
  const Timekeeping before = known ? *known : Timekeeping{now};
  const bool same_boot = !before.boot.empty() && before.boot == boot_;
  if (begun_ && same_boot) set_to_ = Millis(before.set_to);  // as if there had always been a daemon
  Millis ahead = rds_.clock.set_to() - set_to_;
  bool leapt = ahead > kLeap;
  if (begun_ && known && !same_boot && !leapt) {
    ahead = *begun_ - before.seen;
    leapt = ahead > kAway;
  }
  begun_.reset();
  if (leapt || -ahead > kLeap) set_to_ = rds_.clock.set_to();
  const bool doubted = before.doubted_until != Time{};
  if (leapt) {
    doubt(ahead, now);
  } else if (doubted && -ahead > kLeap) {
    believe(now, "was set right");
  } else if (doubted && before.doubted_until <= now) {
    believe(now, "has gone on for a day and counts as right");
  } else if (!known || before.boot != boot_ || now - before.seen >= kNoteEvery || set_back_since(before.seen, now)) {
    rds_.store.write([&](store::Tx& tx) { note(tx, now, before.doubted_until); });
  }
  return rds_.store.get<Timekeeping>(Timekeeping::kOnly)->doubted_until == Time{};
}

void ClockTrust::note(store::Tx& tx, Time now, Time doubted_until) {
  tx.put(Timekeeping{now, doubted_until, boot_, set_to_.count()});
}

void ClockTrust::doubt(Millis ahead, Time now) {
  const Time until = now + kDoubt;
  const std::string message = fmt::format(
      "The clock of this machine is {} ahead of where it was when it was last looked at. If it is wrong, set "
      "it right: no automated backup expires before {}, when it counts as right.",
      span_text(ahead), wire::format_iso8601(wire::to_timestamp(until)));
  log::warn("the clock has leapt ahead: no backup expires", {{"ahead", span_text(ahead)}});
  rds_.store.write([&](store::Tx& tx) {
    note(tx, now, until);
    tell(rds_, tx, message);
  });
}

void ClockTrust::believe(Time now, const std::string& why) {
  log::info("backups expire again", {{"clock", why}});
  rds_.store.write([&](store::Tx& tx) {
    note(tx, now, {});
    tell(rds_, tx, fmt::format("The clock of this machine {}: automated backups expire as before.", why));
  });
}

}  // namespace howdah::rds
