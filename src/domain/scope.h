#pragma once
#include <string>
#include <string_view>

#include <concepts>
#include <type_traits>

namespace howdah {

/// Whose and where: every resource belongs to one account and one region.
struct Scope {
  std::string account, region;

  /// Prefix of the keys of this scope's records: "123456789012/eu-west-2/".
  std::string prefix() const { return account + "/" + region + "/"; }
  std::string key(std::string_view id) const { return prefix() + std::string(id); }
  /// arn:aws:<service>:<region>:<account>:<rest>
  std::string arn(std::string_view service, std::string_view rest) const {
    return "arn:aws:" + std::string(service) + ":" + region + ":" + account + ":" + std::string(rest);
  }
  friend bool operator==(const Scope&, const Scope&) = default;
};

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, Scope>
void fields(V& v, T& s) {
  v("account", s.account);
  v("region", s.region);
}

}  // namespace howdah
