#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace howdah {

/// The address that an identifier led to before its instance was renamed or deleted. It is kept for the next instance
/// of that identifier, unless all others are in use. Keyed by scope and identifier; there is one an address.
struct FormerAddress {
  static constexpr std::string_view kKind = "former-address";

  std::string name;     ///< Instance::key() of that time
  std::string address;  ///< 127.x.y.z
  std::string holder;   ///< resource id of that instance, which may still be letting go of it

  std::string key() const { return name; }
  std::vector<std::string> aliases() const { return {address}; }
  std::string encode() const;
  static FormerAddress decode(std::string_view text);
};

}  // namespace howdah
