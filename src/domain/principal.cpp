#include "domain/principal.h"

#include "domain/json.h"
#include "util/id.h"

namespace howdah {
namespace {

constexpr std::string_view kIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kSecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

}  // namespace

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, Principal>
void fields(V& v, T& x) {
  v("account", x.account);
  v("name", x.name);
  v("path", x.path);
  v("user_id", x.user_id);
  v("administrator", x.administrator);
  v("created", x.created);
}

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, AccessKey>
void fields(V& v, T& x) {
  v("id", x.id);
  v("secret", x.secret);
  v("principal", x.principal);
  v("active", x.active);
  v("created", x.created);
}

std::string Principal::encode() const {
  return json::write([&](auto& v) { fields(v, *this); });
}
Principal Principal::decode(std::string_view text) {
  Principal x;
  json::read(text, [&](auto& v) { fields(v, x); });
  return x;
}
std::string AccessKey::encode() const {
  return json::write([&](auto& v) { fields(v, *this); });
}
AccessKey AccessKey::decode(std::string_view text) {
  AccessKey x;
  json::read(text, [&](auto& v) { fields(v, x); });
  return x;
}

void use_principals(store::Store& store) {
  store.use<Principal>();
  store.use<AccessKey>();
}

AccessKey ensure_administrator(store::Store& store, const Clock& clock, const std::string& account) {
  return store.write([&](store::Tx& tx) {
    const std::string owner = Principal::key_of(account, "admin");
    for (const auto& key : tx.all<AccessKey>()) {
      if (key->principal == owner && key->active) return *key;
    }
    if (!tx.get<Principal>(owner)) {
      tx.put(Principal{.account = account,
                       .name = "admin",
                       .user_id = "AIDA" + id::random(kIdAlphabet, 17),
                       .administrator = true,
                       .created = clock.now()});
    }
    AccessKey key{.id = "AKIA" + id::random(kIdAlphabet, 16),
                  .secret = id::random(kSecretAlphabet, 40),
                  .principal = owner,
                  .created = clock.now()};
    tx.put(key);
    return key;
  });
}

std::string credentials_text(const AccessKey& key) {
  return "[default]\naws_access_key_id = " + key.id + "\naws_secret_access_key = " + key.secret + "\n";
}

std::optional<Credentials> parse_credentials(std::string_view text) {
  Credentials out;
  bool in_default = false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with('[')) in_default = line == "[default]";
    const size_t equals = line.find('=');
    if (!in_default || equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals));
    const std::string value(trim(line.substr(equals + 1)));
    if (name == "aws_access_key_id") out.access_key_id = value;
    if (name == "aws_secret_access_key") out.secret_access_key = value;
  }
  if (out.access_key_id.empty() || out.secret_access_key.empty()) return std::nullopt;
  return out;
}

}  // namespace howdah
