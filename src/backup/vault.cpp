#include "backup/vault.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "backup/losses.h"
#include "backup/vault_files.h"
#include "os/files.h"
#include "util/utc.h"

namespace howdah::backup {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::microseconds kLongestPause{10'000};

/// True when all WAL before `position` is durable, also when the server has gone on to a later timeline since.
bool reached(const std::string& root, const std::optional<Durable>& durable, Position position) {
  if (!durable) return false;
  if (durable->position.timeline == position.timeline) return durable->position.lsn >= position.lsn;
  if (durable->position.timeline < position.timeline) return false;
  const auto history = read_history(root, durable->position.timeline);
  return history && history->contains(position);
}

tl::unexpected<Error> missing(const std::string& segment) {
  return fail(fmt::format("WAL segment {} is missing from the vault", segment));
}

/// Checks one segment of which the first `needed` bytes are wanted; its path.
Result<std::string> checked_segment(const std::string& root, uint32_t timeline, Lsn lsn, uint64_t needed,
                                    uint32_t page_timeline, uint64_t system_identifier) {
  const std::string name = segment_name(timeline, lsn);
  std::string path = segment_path(root, timeline, lsn);
  bool complete = os::exists(path);
  if (!complete) path += ".partial";
  os::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && !complete) {  // completed between the two looks
    complete = true;
    path = segment_path(root, timeline, lsn);
    fd = os::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  }
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0) return missing(name);
  if (complete) needed = kSegmentSize;
  const auto size = static_cast<uint64_t>(st.st_size);
  if (size < needed || size > kSegmentSize) {
    return fail(fmt::format("WAL segment {} is damaged: it has {} bytes where {} are needed", name, size, needed));
  }
  char head[kLongHeader];
  if (pread(fd.get(), head, sizeof head, 0) != sizeof head) {
    return fail(fmt::format("WAL segment {} cannot be read", name));
  }
  const auto header = parse_page_header(head, segment_begin(lsn));
  if (!header) return fail(fmt::format("WAL segment {} is damaged: its first page has no valid header", name));
  if (header->timeline != page_timeline) {
    return fail(fmt::format("WAL segment {} is damaged: its first page is of timeline {} instead of {}", name,
                            header->timeline, page_timeline));
  }
  if (header->system_identifier != system_identifier) {
    return fail(
        fmt::format("WAL segment {} belongs to system {}, not {}", name, header->system_identifier, system_identifier));
  }
  return path;
}

constexpr int64_t kPostgresEpochMs = 946'684'800'000;  // 2000-01-01

/// Calls `look` with each record that begins from `begin` on and before `end`, until it answers true.
Result<void> walk(const std::string& root, const History& history, Lsn begin, Lsn end,
                  const std::function<bool(const Record&)>& look) {
  const auto unreadable = [&](std::string reason) -> Result<void> {
    if (auto whole = check_no_loss(root, history, begin, end); !whole) return whole;
    return fail(std::move(reason));
  };
  VaultSource source(root, history);
  WalReader reader = source.reader();
  if (!reader.seek_first(begin)) {
    return unreadable(fmt::format("WAL segment {} cannot be read", segment_name(history.of_segment(begin), begin)));
  }
  while (reader.position() < end) {
    const Lsn at = reader.position();
    const auto record = reader.next();
    if (!record) {
      return unreadable(fmt::format("the WAL in the vault is damaged at {} (segment {})", lsn_text(at),
                                    segment_name(history.at(at), at)));
    }
    if (record->start >= begin && look(*record)) break;
  }
  return {};
}

int64_t wal_time(Time t) { return (t.time_since_epoch().count() - kPostgresEpochMs) * 1000; }

constexpr Millis kWatched{10'000};  // records of the index that are farther apart: no keeper was there
constexpr Millis kSlack{3'000};     // transactions end in another order than their times say

/// Between two records of the index that nobody watched only the server's clock says what was when. It did not if it
/// was set meanwhile: then what was there at `instant`, which lies between them or was shown twice, can't be told. WAL
/// that is missing there is no matter of this.
Result<void> check_unwatched(const std::string& root, const History& history, const ClockRecord& from,
                             const ClockRecord& to, Time instant) {
  if (!history.contains(from.position)) return {};
  const bool around = from.after <= instant;
  const int64_t earliest = wal_time(from.before - kSlack), latest = wal_time(to.after + kSlack);
  const int64_t wanted = wal_time(instant), slack = Millis(kSlack).count() * 1000;
  int64_t newest = earliest;
  bool set = false;
  (void)walk(root, history, from.position.lsn, to.position.lsn, [&](const Record& record) {
    const auto ended = record.transaction_end();
    if (!ended) return false;
    set = around ? *ended < std::max(earliest, newest - slack) || *ended > latest : *ended <= wanted;
    newest = std::max(newest, *ended);
    return set;
  });
  if (!set) return {};
  return fail(
      fmt::format("somebody set the clock between {} and {} while no keeper watched the server: what was there at {} "
                  "can't be told",
                  utc_text(from.after), utc_text(to.before), utc_text(instant)));
}

}  // namespace

Vault::Vault(const std::string& state, std::string resource_id) : root_(state + "/vault/" + std::move(resource_id)) {}

std::optional<Durable> Vault::durable() const { return PositionFile(root_).read(); }

std::optional<Time> Vault::latest_restorable() const {
  const auto d = durable();
  return d ? std::optional(d->clock) : std::nullopt;
}

bool Vault::await(Position position, std::chrono::milliseconds timeout) const {
  position.lsn = record_end(position.lsn);
  const auto deadline = Steady::now() + timeout;
  // Looked at ever more rarely instead of watched: the kernel takes 15 ms to end a watch, longer than most wait here.
  for (std::chrono::microseconds pause{300};; pause = std::min(pause * 5 / 4, kLongestPause)) {
    if (reached(root_, durable(), position)) return true;
    const auto left = deadline - Steady::now();
    if (left <= left.zero()) return false;
    std::this_thread::sleep_for(std::min<Steady::duration>(pause, left));
  }
}

Result<History> Vault::way(Position from, Position to) const {
  const auto d = durable();
  if (!d) return fail("the WAL vault is empty: nothing has been copied into it yet");
  if (!reached(root_, d, to)) {
    return fail(fmt::format("WAL is in the vault up to {} on timeline {}, not up to {} on timeline {}",
                            lsn_text(d->position.lsn), d->position.timeline, lsn_text(to.lsn), to.timeline));
  }
  auto history = read_history(root_, to.timeline);
  if (!history) return tl::unexpected(history.error());
  if (!history->contains(from) || from.lsn > to.lsn) {
    return fail(fmt::format("{} on timeline {} cannot be reached from {} on timeline {}{}", lsn_text(to.lsn),
                            to.timeline, lsn_text(from.lsn), from.timeline,
                            history->ancestors().empty() && to.timeline > 1
                                ? ": " + history_name(to.timeline) + " is missing from the vault"
                                : ""));
  }
  if (auto whole = check_no_loss(root_, *history, from.lsn, to.lsn); !whole) return tl::unexpected(whole.error());
  return history;
}

Result<std::string> Vault::segment_on(const History& way, Lsn at, Position to, uint64_t system_identifier) const {
  const uint64_t needed = std::min<uint64_t>(page_start(to.lsn + kWalPage - 1) - at, kSegmentSize);
  const uint32_t timeline = std::min(way.of_segment(at), to.timeline);
  return checked_segment(root_, timeline, at, needed, way.at(at), system_identifier);
}

Result<std::vector<std::string>> Vault::chain(Position from, Position to, uint64_t system_identifier) const {
  const auto history = way(from, to);
  if (!history) return tl::unexpected(history.error());
  std::vector<std::string> out;
  auto timelines = history->ancestors();
  timelines.push_back(to.timeline);
  for (uint32_t timeline : timelines) {
    const std::string path = wal_dir(root_) + "/" + history_name(timeline);
    if (os::exists(path)) out.push_back(path);
  }
  // A record may begin where the stretch ends: an empty stretch still needs the segment that it lies in.
  for (Lsn at = segment_begin(from.lsn); at < to.lsn; at += kSegmentSize) {
    auto path = segment_on(*history, at, to, system_identifier);
    if (!path) return tl::unexpected(path.error());
    out.push_back(std::move(*path));
  }
  return out;
}

Result<void> Vault::check(Position from, Position seen, Position to, uint64_t system_identifier) const {
  const auto history = way(from, to);
  if (!history) return tl::unexpected(history.error());
  Lsn at = segment_begin(from.lsn);
  if (history->contains(seen) && seen.lsn <= to.lsn) {
    const auto held = list_segments(root_);
    for (; at < segment_begin(seen.lsn); at += kSegmentSize) {
      const Position wanted{std::min(history->of_segment(at), to.timeline), at};
      const auto found = std::lower_bound(held.begin(), held.end(), wanted,
                                          [](const SegmentFile& f, Position p) { return f.start < p; });
      if (found == held.end() || found->start != wanted) return missing(segment_name(wanted.timeline, at));
    }
  }
  for (; at < to.lsn; at += kSegmentSize) {
    if (auto path = segment_on(*history, at, to, system_identifier); !path) return tl::unexpected(path.error());
  }
  return {};
}

Result<Position> Vault::locate(Time instant, Position from) const {
  const auto d = durable();
  if (!d || instant > d->clock) {
    return fail(fmt::format("the requested instant is later than the latest restorable time of the vault {}", root_));
  }
  if (instant == d->clock) return d->position;  // the latest: also what became durable since the clock was read
  auto history = read_history(root_, d->position.timeline);
  if (!history) return tl::unexpected(history.error());
  if (!history->contains(from)) {
    return fail(fmt::format("{} on timeline {} is not on the way to timeline {}", lsn_text(from.lsn), from.timeline,
                            d->position.timeline));
  }
  ClockFile clock(root_);
  Lsn begin = from.lsn;
  const auto early = clock.last_until(instant);
  if (early && history->contains(early->position)) begin = std::max(begin, early->position.lsn);
  // The server's clock may be slow or have been set back: what we saw appear well after the instant is after it,
  // whatever its own time says. Two seconds are left for transactions that were about to end.
  Lsn bound = d->position.lsn;
  const auto late = clock.first_from(instant, std::chrono::seconds(2));
  if (late && history->contains(late->position)) bound = std::max(begin, late->position.lsn);
  auto unwatched = clock.steps_after(instant);
  const ClockRecord next = late.value_or(ClockRecord{d->clock, d->clock, d->position});
  const bool known = !unwatched.empty() && unwatched.front().second.position == next.position;
  if (early && !known && next.before - early->after > kWatched) unwatched.emplace_back(*early, next);
  for (const auto& [from_there, to_there] : unwatched) {
    if (auto told = check_unwatched(root_, *history, from_there, to_there, instant); !told) {
      return tl::unexpected(told.error());
    }
  }
  const int64_t wanted = wal_time(instant);

  if (begin >= d->position.lsn) return d->position;
  Position found = d->position;
  const auto read = walk(root_, *history, begin, d->position.lsn, [&](const Record& record) {
    const auto ended = record.transaction_end();
    if (!ended || (*ended <= wanted && record.start < bound)) return false;
    found = {history->at(record.start), record.start};
    return true;
  });
  return read ? Result<Position>(found) : tl::unexpected(read.error());
}

Result<std::optional<RestorePoint>> Vault::first_restore_point(std::string_view name, Time since,
                                                               Position until) const {
  const auto history = read_history(root_, until.timeline);
  if (!history) return tl::unexpected(history.error());
  const auto segments = list_segments(root_);
  if (segments.empty()) return fail("the WAL vault is empty: nothing has been copied into it yet");
  Lsn begin = segments.front().start.lsn;
  if (const auto early = ClockFile(root_).last_before_any_after(since - std::chrono::minutes(1));
      early && history->contains(early->position)) {
    begin = std::max(begin, early->position.lsn);
  }
  std::optional<RestorePoint> found;
  const auto read = walk(root_, *history, begin, until.lsn, [&](const Record& record) {
    const auto point = record.restore_point();
    if (!point || point->name != name) return false;
    found = {{history->at(record.start), record.data_end}, Time(Millis(point->time / 1000 + kPostgresEpochMs))};
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<void> Vault::expire(Position position) const {
  bool removed = false;
  for (const auto& segment : list_segments(root_)) {
    const bool before = segment.start.lsn + kSegmentSize <= position.lsn && segment.start.timeline <= position.timeline;
    if (!before) continue;
    const std::string path = segment.partial ? partial_path(root_, segment.start.timeline, segment.start.lsn)
                                             : segment_path(root_, segment.start.timeline, segment.start.lsn);
    if (auto gone = os::remove_tree(path); !gone) return gone;
    removed = true;
  }
  if (!removed) return {};
  if (auto synced = os::sync_dir(wal_dir(root_)); !synced) return synced;
  return ClockFile(root_).expire(position.lsn);
}

Result<void> Vault::remove() const {
  const auto slash = root_.rfind("/vault/");
  if (keeper_runs(root_.substr(0, slash), root_.substr(slash + 7))) {
    return fail_for_now(fmt::format("the vault {} has a keeper that still runs", root_));
  }
  return os::remove_tree(root_);
}

}  // namespace howdah::backup
