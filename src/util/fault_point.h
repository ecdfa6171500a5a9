#pragma once
#include <string>
#include <string_view>

/// Named places where tests make the process die or fail. Nothing happens unless `enable()` was called, which only
/// `serve --test-hooks` does; the cost otherwise is one relaxed atomic load. Thread-safe.
namespace howdah::fault {

void enable();

/// Arms `point` to act at its `nth` passing (1 = the next). `action`: "kill" = SIGKILL to ourselves, "error" = throw
/// std::runtime_error, "hold" = keep the thread there until "release" comes for the same point (120 s at most: a test
/// that died holds nobody for ever); "release" also disarms a point nobody has passed yet. Returns false for an unknown
/// action.
bool arm(std::string_view point, std::string_view action, int nth = 1);
/// Forgets what is armed and lets go of every held thread.
void disarm_all();

/// Passes the point `name`. `detail` narrows it: arming "flow.step:create-instance/start-server" matches
/// point("flow.step", "create-instance/start-server") only, arming "flow.step" matches every detail.
void point(std::string_view name, std::string_view detail = {});

}  // namespace howdah::fault
