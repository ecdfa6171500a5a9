#include "cli/temporary_clone.h"

#include <fmt/format.h>

#include "cli/control.h"
#include "util/id.h"

namespace howdah::cli {
namespace {

constexpr size_t kLongestSource = 40;  // of the 63 characters that an identifier may have

}  // namespace

Result<std::unique_ptr<TemporaryClone>> TemporaryClone::of(const Config& config, const std::string& instance,
                                                           const std::string& user, const std::string& password) {
  const auto source = call(config, "DescribeInstance", {{"Instance", instance}});
  if (!source) return tl::unexpected(source.error());
  auto master = source->value("MasterUsername", "") == user ? Result<std::string>(password) : random_password();
  if (!master) return tl::unexpected(master.error());
  std::string stem = instance.substr(0, kLongestSource);
  while (stem.ends_with('-')) stem.pop_back();
  const std::string name = stem + "-copy-" + id::random("abcdefghijklmnopqrstuvwxyz", 8);
  const auto begun =
      call(config, "CloneInstance", {{"Source", instance}, {"Target", name}, {"MasterUserPassword", *master}});
  if (!begun) return tl::unexpected(begun.error());
  std::unique_ptr<TemporaryClone> out(new TemporaryClone(config, name));
  const auto rests = await_rest(config, name);
  if (!rests) return tl::unexpected(rests.error());
  if (rests->value("Status", "") != "available") {
    return fail(fmt::format("the clone {} is {}: {}", name, rests->value("Status", ""), rests->value("Reason", "")));
  }
  out->host_ = rests->value("Endpoint", "");
  out->port_ = rests->value("Port", 0);
  return out;
}

TemporaryClone::~TemporaryClone() {
  if (const auto gone = call(config_, "RemoveClone", {{"Instance", name_}}); !gone) {
    fmt::print(stderr, "howdah: the clone {} stays: {}\n", name_, gone.error().message);
  }
}

std::string TemporaryClone::redirect(const std::string& url) const {
  if (url.find("://") == url.npos) return fmt::format("{} host='{}' hostaddr='' port={}", url, host_, port_);
  return fmt::format("{}{}host={}&hostaddr=&port={}", url, url.find('?') == url.npos ? "?" : "&", host_, port_);
}

}  // namespace howdah::cli
