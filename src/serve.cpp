#include "serve.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "api/dispatch.h"
#include "api/local_routes.h"
#include "api/never.h"
#include "aws/cloudwatch.h"
#include "aws/control.h"
#include "aws/ec2.h"
#include "aws/iam.h"
#include "aws/kms.h"
#include "aws/logs.h"
#include "aws/pi.h"
#include "aws/rds.h"
#include "aws/route53.h"
#include "aws/secretsmanager.h"
#include "aws/sns.h"
#include "aws/sts.h"
#include "domain/principal.h"
#include "net/http_server.h"
#include "net/sd_notify.h"
#include "os/files.h"
#include "os/lock.h"
#include "rds/storage_ladder.h"
#include "services.h"
#include "util/fault_point.h"
#include "util/log.h"

namespace howdah {
namespace {

constexpr std::chrono::seconds kGrace{15};  // for requests
constexpr std::chrono::seconds kLeave{5};   // for steps of workflows, after it

/// Thrown while starting; ends the process with this sentence.
struct CannotStart {
  std::string why;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw CannotStart{result.error().message};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// No secret reaches a core dump, no file is made that others can read, enough descriptors for every connection.
void harden() {
  umask(077);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65536);
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

/// Blocked in every thread, so that only wait_for_stop() sees them. SIGHUP stays ignored under nohup.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

void wait_for_stop(const sigset_t& set) {
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  log::info("stopping", {{"signal", signal}});
}

/// Ends the process in kLeave if it hasn't ended by then: a copy of a large database may take hours, and what stands in
/// the middle of a step goes on from there with the next start, as after a kill -9.
void leave_in_time() {
  std::thread([] {
    std::this_thread::sleep_for(kLeave);
    log::info("ended in the middle of work, which the next start goes on with");
    _exit(0);
  }).detach();
}

/// Servers run under other users and must pass through it, not list it.
void make_state_dir(const std::string& path) {
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  if (ec) throw CannotStart{"cannot make the parent of state directory " + path + ": " + ec.message()};
  must(os::ensure_dir(path, 0711));
}

/// What is modelled but not answered yet says so, instead of pretending that the service does not exist.
void add_services(api::Api& api) {
  for (const wire::Service* service :
       {&aws::rds::kService, &aws::ec2::kService, &aws::sts::kService, &aws::iam::kService, &aws::kms::kService,
        &aws::secretsmanager::kService, &aws::cloudwatch::kService, &aws::logs::kService, &aws::pi::kService,
        &aws::route53::kService, &aws::sns::kService, &aws::control::kService}) {
    api.add(*service);
  }
}

net::HttpServerOptions server_options(const Config& config) {
  net::HttpServerOptions o;
  o.address = config.listen_address;
  o.port = config.listen_port;
  o.tls_certificate = config.tls_certificate;
  o.tls_key = config.tls_key;
  o.workers = config.workers;
  return o;
}

int run(const Config& config) {
  log::set_level(config.log_level);
  harden();
  const sigset_t signals = block_signals();
  make_state_dir(config.state_dir);
  const auto lock = must(os::LockFile::acquire(config.state_dir + "/lock", "state directory " + config.state_dir));
  rds::keep_reserve(config.state_dir);

  store::Store store(store::open_sqlite(config.state_dir + "/state.db"));
  use_principals(store);
  SystemClock clock;       // tests move it
  const SystemClock wall;  // nobody does
  const AccessKey admin = ensure_administrator(store, clock, config.account_id);
  must(os::write_file_atomic(config.credentials_file(), credentials_text(admin), 0600));

  api::Api api;
  add_services(api);
  api::register_never(api);
  api::Holds holds(store, config.workers / 2);
  Services services(config, store, clock, api, holds);
  const api::Dispatch dispatch(api, store, holds, clock, wall);

  api::LocalRoutes local;
  local.test_hooks = config.test_hooks;
  local.bundle = [&services] { return services.bundle(); };
  local.advance = [&](Millis by) {
    clock.advance(by);
    services.clock_moved();
  };
  local.leap = [&](Millis by) {
    clock.leap(by);
    services.clock_moved();
  };
  local.reset = [&](Millis patience) {
    auto done = services.reset(patience, [&clock] { clock.restore(); });
    services.clock_moved();
    return done;
  };
  local.flows = [&services] { return services.flows(); };
  local.register_instances = [&services](const std::string& region, int count) {
    services.register_instances(region, count);
  };
  if (config.test_hooks) fault::enable();

  const auto server = must(net::HttpServer::start(server_options(config), [&](const wire::HttpRequest& request) {
    if (auto answer = local.answer(request)) return std::move(*answer);
    return dispatch(request);
  }));
  services.start();
  log::info("serving", {{"url", config.url()}, {"account", config.account_id}, {"state", config.state_dir}});
  net::sd_notify("READY=1");

  wait_for_stop(signals);
  net::sd_notify("STOPPING=1");
  holds.stop();
  server->stop(kGrace);
  leave_in_time();
  services.stop();
  return 0;
}

}  // namespace

int serve(const Config& config) {
  try {
    return run(config);
  } catch (const CannotStart& e) {
    fmt::print(stderr, "howdah: {}\n", e.why);
  } catch (const std::exception& e) {
    fmt::print(stderr, "howdah: {}\n", e.what());
  }
  return 1;
}

}  // namespace howdah
