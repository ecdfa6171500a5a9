#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// Somebody who signs requests: a user of an account.
struct Principal {
  static constexpr std::string_view kKind = "principal";
  std::string account;
  std::string name;
  std::string path = "/";
  std::string user_id;         ///< "AIDA" + 17
  bool administrator = false;  ///< allowed everything in its account
  Time created{};

  static std::string key_of(std::string_view account, std::string_view name) {
    return std::string(account) + "/user/" + std::string(name);
  }
  std::string key() const { return key_of(account, name); }
  std::string arn() const { return "arn:aws:iam::" + account + ":user" + path + name; }
  std::string encode() const;
  static Principal decode(std::string_view text);
};

/// Long-lived credentials. The secret is kept readable: signatures are checked by computing them.
struct AccessKey {
  static constexpr std::string_view kKind = "access-key";
  std::string id;
  std::string secret;
  std::string principal;  ///< Principal::key()
  bool active = true;
  Time created{};

  std::string key() const { return id; }
  std::string encode() const;
  static AccessKey decode(std::string_view text);
};

/// Declares both record types; before the first use of either.
void use_principals(store::Store& store);

/// The administrator's key of `account`, made together with user "admin" when the account has none yet.
AccessKey ensure_administrator(store::Store& store, const Clock& clock, const std::string& account);

/// The key as an AWS shared credentials file: works with AWS_SHARED_CREDENTIALS_FILE too.
std::string credentials_text(const AccessKey& key);

struct Credentials {
  std::string access_key_id, secret_access_key;
};
/// Reads what credentials_text() wrote (and any such file's [default] profile).
std::optional<Credentials> parse_credentials(std::string_view text);

}  // namespace howdah
