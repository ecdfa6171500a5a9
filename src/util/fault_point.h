#pragma once
#include <string>
#include <string_view>

#include "util/result.h"

/// Named places where tests make the process die or fail. Nothing happens unless `enable()` was called, which only
/// `serve --test-hooks` does; the cost otherwise is one relaxed atomic load. Thread-safe.
namespace howdah::fault {

/// All points but those that add() names.
inline constexpr std::string_view kPoints[] = {
    "backup.base:published",
    "backup.base:started",
    "backup.base:synced",
    "backup.feed:brought",
    "backup.recover:promoted",
    "backup.recover:stopped",
    "backup.remove:renamed",
    "backup.roll:copied",
    "backup.roll:promoted",
    "backup.roll:replayed",
    "backup.volume:copied",
    "backup.volume:made",
    "os.pace:rested",
    "pg.engine:built",
    "pg.start:spawned",
    "pg.template:bootstrap",
    "pg.template:filled",
    "pg.template:initdb",
    "pg.volume:copied",
    "pg.volume:made",
    "pg.volume:synced",
    "rds.storage-use",
    "repository.gc:marked",
    "repository.gc:removed",
    "repository.key:made",
    "repository.key:retired",
    "repository.key:stored",
    "repository.key:switched",
    "repository.manifest:before",
    "repository.manifest:stored",
    "repository.pack:sealed",
    "repository.pack:stored",
    "repository.put:named",
    "repository.put:written",
};

/// One of kPoints: any other name does not compile.
class Point {
 public:
  consteval Point(const char* name) : name_(name) {  // NOLINT(google-explicit-constructor)
    bool known = false;
    for (const auto one : kPoints) known = known || one == name_;
    if (!known) throw "not in kPoints";
  }
  std::string_view name() const { return name_; }

 private:
  std::string_view name_;
};

void enable();

/// Further points, "<kind>:<detail>", whose details are known at run time: the steps of flows.
void add(std::string_view kind, std::string_view detail);

/// Arms `point` to act at its `nth` passing (1 = the next); the part before a colon stands for every point of that
/// kind. `action`: "kill" = SIGKILL to ourselves, "error" = throw std::runtime_error, "hold" = keep the thread there
/// until "release" comes for the same point (120 s at most: a test that died holds nobody for ever); "release" also
/// disarms a point nobody has passed yet. Fails for an unknown action, and for a point that is not there, naming some
/// that are.
Result<void> arm(std::string_view point, std::string_view action, int nth = 1);
/// Forgets what is armed and lets go of every held thread.
void disarm_all();

void point(Point at);                                        ///< passes the point
void point(std::string_view kind, std::string_view detail);  ///< passes one that was added

}  // namespace howdah::fault
