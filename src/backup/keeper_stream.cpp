#include "backup/keeper_stream.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include <fmt/format.h>

#include "backup/keeper_flush.h"
#include "backup/keeper_inbox.h"
#include "backup/keeper_journal.h"
#include "backup/keeper_signals.h"
#include "backup/keeper_slot.h"
#include "backup/keeper_spec.h"
#include "backup/keeper_tail.h"
#include "backup/keeper_way.h"
#include "backup/losses.h"
#include "backup/sync_guard.h"
#include "os/files.h"
#include "pg/replication.h"
#include "pg/server.h"
#include "util/log.h"

namespace howdah::backup {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using Kind = pg::Replication::Message::Kind;

constexpr auto kReport = 1s;      ///< at the latest, when nothing moves
constexpr auto kRetry = 500ms;    ///< between two attempts to connect
constexpr Lsn kAtOnce = 4 << 20;  ///< received before it is made durable
constexpr Millis kGone{3'000}, kLate{60'000};

Time now() { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

class Stream {
 public:
  explicit Stream(const KeeperSpec& spec)
      : spec_(spec),
        root_(Vault(spec.state, spec.resource_id).root()),
        inbox_(root_),
        journal_(root_),
        flush_(spec.layout, spec.port) {}

  int run() {
    for (;;) {
      auto ended = connect();
      while (ended && signal_ == 0) ended = step();
      connection_.reset();
      if (ended) return finish();
      complain(ended.error().message);
      const auto drained = drain();
      if (!os::exists(lock_path(root_))) return 0;  // the vault itself was removed
      if (gone(drained)) {
        log::info("pg_wal is gone; the vault ends here", {{"why", ended.error().message}});
        return 0;
      }
      wait(kRetry);
      if (signal_ != 0) return finish();
    }
  }

 private:
  os::Owner self() const { return {geteuid(), getegid()}; }

  int finish() {
    if (signal_ == SIGINT) return 0;
    return drain() ? 0 : 1;
  }

  /// Begins to receive from the start of the segment that the vault ends in, on the timeline that it ends on.
  Result<void> connect() {
    auto sql = pg::Client::connect(spec_.layout, spec_.port, "postgres", 10s);
    if (!sql) return tl::unexpected(sql.error());
    const auto reserved = hold_slot(*sql);
    if (!reserved) return tl::unexpected(reserved.error());
    auto connection = pg::Replication::connect(spec_.layout, spec_.port, kSlot);
    if (!connection) return tl::unexpected(connection.error());
    connection_.emplace(std::move(*connection));
    const auto system = connection_->identify();
    if (!system) return tl::unexpected(system.error());

    if (auto cleared = inbox_.clear(); !cleared) return cleared;
    if (auto fetched = fetch_histories(system->timeline); !fetched) return fetched;
    rest_.reset();
    tail_.emplace(root_, inbox_.data(), self());
    if (auto begun = tail_->copy(); !begun && tail_->begun()) return tl::unexpected(begun.error());
    Position from{system->timeline, segment_begin(*reserved)};  // of an empty vault
    if (tail_->begun()) {
      from = {tail_->end().timeline, lost_ ? segment_begin(tail_->end().lsn) : tail_->wanted()};
      if (lost_ && from.lsn < segment_begin(*reserved)) {
        if (auto noted = skip_to({from.timeline, segment_begin(*reserved)}); !noted) return noted;
        return fail_for_now("the server no longer has the WAL that follows in the vault");
      }
    }
    lost_ = false;
    reserved_ = *reserved;
    if (auto begun = begin(from); !begun) return begun;
    log::info("receiving WAL", {{"from", lsn_text(from.lsn)}, {"timeline", from.timeline}});
    failing_.clear();
    return {};
  }

  Result<void> begin(Position from) {
    // The vault may hold all of its timeline already: then the server has nothing to send there.
    auto history = read_history(root_, newest_);
    if (!history) return tl::unexpected(history.error());
    if (from.timeline != newest_ && !history->contains(from)) from = {newest_, from.lsn};
    timeline_ = from.timeline;
    received_ = from.lsn;
    reported_ = 0;
    return connection_->start(kSlot, from.lsn, from.timeline);
  }

  /// Of the server's timeline and those before it, as far as the vault does not have them.
  Result<void> fetch_histories(uint32_t timeline) {
    newest_ = timeline;
    if (timeline == 1) return {};
    const auto text = connection_->timeline_history(timeline);
    if (!text) return tl::unexpected(text.error());
    if (auto added = inbox_.add_history(timeline, *text); !added) return added;
    const auto history = History::parse(timeline, *text);
    if (!history) return tl::unexpected(history.error());
    for (const uint32_t parent : history->ancestors()) {
      if (parent == 1 || os::exists(wal_dir(root_) + "/" + history_name(parent))) continue;
      const auto older = connection_->timeline_history(parent);
      if (!older) continue;  // a server that was restored need not have it; the newest names all switches
      if (auto added = inbox_.add_history(parent, *older); !added) return added;
    }
    return {};
  }

  /// The server no longer has what would follow: only later WAL can be kept.
  Result<void> skip_to(Position to) {
    const Loss gap{Loss::Kind::gap, tail_->end(), to.lsn, now()};
    if (auto recorded = record_loss(root_, gap); !recorded) return recorded;
    log::error("the vault has a gap, a new base is needed", {{"why", text_of(gap)}});
    lost_ = false;
    return journal_.publish_step(to);
  }

  /// Receives what has come, makes it durable and says so; waits when nothing has come.
  Result<void> step() {
    if (auto received = receive(); !received) return received;
    if (auto kept = keep(); !kept) return kept;
    if (const auto sample = flush_.reached(tail_->begun() ? tail_->compared() : 0)) {
      if (auto told = journal_.publish(tail_->end(), sample->before, now()); !told) complain(told.error().message);
    }
    if (!pending_) wait(std::chrono::duration_cast<Millis>(kReport), connection_->socket());
    return {};
  }

  Result<void> receive() {
    pending_ = false;
    if (!failing_.empty()) return {};  // what has come is not durable yet: no more for now
    for (const Lsn begun = received_; received_ < begun + kAtOnce;) {
      auto message = connection_->receive();
      if (!message) {
        lost_ = connection_->removed();
        return tl::unexpected(message.error());
      }
      if (message->kind == Kind::none) return {};
      if (message->kind == Kind::keepalive) answer_ |= message->wants_answer;
      if (message->kind == Kind::end_of_timeline) return go_over(message->next_timeline);
      if (message->kind != Kind::wal) continue;
      if (message->lsn != received_) {
        return fail_for_now(
            fmt::format("the server sends WAL of {} where {} follows", lsn_text(message->lsn), lsn_text(received_)));
      }
      if (auto added = inbox_.add(timeline_, message->lsn, message->bytes); !added) return added;
      received_ += message->bytes.size();
    }
    pending_ = true;  // there may be more
    return {};
  }

  Result<void> go_over(uint32_t timeline) {
    if (auto kept = keep(); !kept) return kept;
    if (auto fetched = fetch_histories(timeline); !fetched) return fetched;
    tail_->new_names();
    if (auto taken = tail_->copy(); !taken) return tl::unexpected(taken.error());
    log::info("going over to a timeline", {{"timeline", timeline}});
    return begin({timeline, segment_begin(tail_->end().lsn)});
  }

  /// Copies from the inbox into the vault, then acknowledges. What cannot be copied is tried again.
  Result<void> keep() {
    if (timeline_ != (tail_->begun() ? tail_->end().timeline : 0)) tail_->new_names();
    auto moved = tail_->copy();
    for (;;) {
      if (!moved && tail_->begun()) {
        complain(moved.error().message);
        break;
      }
      if (!moved) return {};  // of an empty vault: nothing has come yet
      failing_.clear();
      if (auto told = journal_.publish_step(tail_->end()); !told) complain(told.error().message);
      if (!tail_->more()) break;
      moved = tail_->copy();
    }
    const Lsn end = tail_->compared();
    const auto at = Steady::now();
    if (end == reported_ && !answer_ && at - reported_at_ < kReport) return {};
    reported_ = end;
    reported_at_ = at;
    answer_ = false;
    inbox_.forget(tail_->wanted());
    // A slot goes back to what is reported, and nothing may be said of what it does not keep: a gap would be hidden.
    return connection_->report(received_, end >= reserved_ ? end : 0);
  }

  /// The server is gone, or what it sends can't be received: what is in pg_wal. True when there was something to read.
  /// Commits that wait for an acknowledgement get none by it: then the clock, which their guard watches, stands still.
  bool drain() {
    if (way_of(spec_.state, spec_.resource_id) == Way::only_stream) return true;
    tail_.reset();
    if (!rest_) rest_.emplace(root_, spec_.layout.data, spec_.owner);
    (void)rest_->look_around();
    rest_->new_names();
    for (;;) {
      const Time before = now();
      if (!rest_->copy()) return false;
      const Position end = rest_->end();
      const auto told =
          rest_->more() || unanswered() ? journal_.publish_step(end) : journal_.publish(end, before, now());
      if (!told) return false;
      if (!rest_->more()) return true;
    }
  }

  bool unanswered() const {
    return commits_wait(root_) && pg::observe(spec_.layout, spec_.owner).state == pg::ServerState::kReady;
  }

  bool gone(bool drained) {
    const auto at = Steady::now();
    if (os::exists(spec_.layout.data + "/pg_wal")) missing_since_ = at;
    return at - missing_since_ >= (drained || os::exists(root_ + "/position") ? kGone : kLate);
  }

  /// Until the socket, a sample or a signal comes, or `most` has passed.
  void wait(Millis most, int socket = -1) {
    pollfd three[3] = {{signals_.descriptor(), POLLIN, 0}, {flush_.descriptor(), POLLIN, 0}, {socket, POLLIN, 0}};
    if (!failing_.empty()) three[2].fd = -1;
    poll(three, 3, static_cast<int>(most.count()));
    if (socket < 0 && three[1].revents != 0) (void)flush_.reached(0);
    const int signal = signals_.take();
    if (signal != 0 && signal != KeeperSignals::kHurry) signal_ = signal;  // a stream is copied at once as it is
  }

  void complain(const std::string& why) {
    if (why != failing_) log::warn("WAL is not received; trying again", {{"why", why}});
    failing_ = why;
  }

  KeeperSpec spec_;
  std::string root_;
  Inbox inbox_;
  Journal journal_;
  FlushWatch flush_;
  KeeperSignals signals_;
  std::optional<pg::Replication> connection_;
  std::optional<Tail> tail_;            ///< of the inbox, while connected
  std::optional<Tail> rest_;            ///< of pg_wal, while not
  uint32_t timeline_ = 0, newest_ = 0;  ///< that is received; the server's
  Lsn received_ = 0, reported_ = 0;
  Lsn reserved_ = 0;  ///< where the slot stood when this connection began
  Steady::time_point reported_at_{}, missing_since_ = Steady::now();
  bool pending_ = false, answer_ = false;
  bool lost_ = false;  ///< the server had removed what was asked for
  int signal_ = 0;
  std::string failing_;
};

}  // namespace

int run_stream_keeper(const KeeperSpec& spec) { return Stream(spec).run(); }

}  // namespace howdah::backup
