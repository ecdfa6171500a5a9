#include "repository/keys.h"

#include <sys/stat.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "os/files.h"
#include "repository/format.h"
#include "repository/reader_script.h"
#include "util/log.h"

namespace howdah::repository {
namespace {

constexpr const char* kMarker = "howdah-repository.json";
constexpr const char* kReader = "unpack.py";

Result<Key> read_key_file(const std::string& path) {
  auto text = os::read_file(path, 4096);
  if (!text) return tl::unexpected(text.error());
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->back()))) text->pop_back();
  const std::string raw = unhex(*text);
  Key key;
  if (raw.size() != key.size()) return fail(path + " is no key file: it must hold 64 hexadecimal digits");
  struct stat st {};
  if (stat(path.c_str(), &st) == 0 && (st.st_mode & 077) != 0) {
    return fail(path + " can be read by others: chmod 600 it, or make a new repository with a new key");
  }
  std::memcpy(key.data(), raw.data(), key.size());
  return key;
}

std::string_view view(const Key& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

/// Tells keys apart without giving them away.
std::string name_of(const Key& kek) { return hex(view(derive(kek, "", "name"))).substr(0, 16); }
std::string object_of(const Key& kek) { return "keys/" + name_of(kek) + ".json"; }

std::string wrap(const Key& kek, const Key& data_key) {
  const std::string salt = random_salt();
  std::string sealed(view(data_key));
  sealed.resize(sealed.size() + kTag);
  Cipher(derive(kek, salt, "wrap")).seal(0, "data key", sealed.data(), data_key.size());
  return nlohmann::json{{"format", kFormat}, {"salt", hex(salt)}, {"wrapped", hex(sealed)}}.dump() + "\n";
}

Result<Key> unwrap(const Key& kek, const std::string& text, const std::string& name) {
  try {
    const auto j = nlohmann::json::parse(text);
    const std::string salt = unhex(j.at("salt").get<std::string>());
    const std::string sealed = unhex(j.at("wrapped").get<std::string>());
    Key key;
    if (sealed.size() == key.size() + kTag &&
        Cipher(derive(kek, salt, "wrap")).open(0, "data key", sealed, reinterpret_cast<char*>(key.data()))) {
      return key;
    }
  } catch (const std::exception&) {
  }
  return fail(name + " in the repository is damaged: the data key can't be unwrapped");
}

Result<Key> make_key_file(const std::string& path, const std::string& repository) {
  const std::string text = hex(view(random_key())) + "\n";
  if (auto done = os::write_file_atomic(path, text, 0600); !done) return tl::unexpected(done.error());
  log::warn("made a key; without a copy of it at another place, the repository is lost with this machine",
            {{"file", path}, {"repository", repository}});
  return read_key_file(path);
}

/// The marker comes last: a repository without it was half made, and is finished by whoever comes next.
Result<Key> make_repository(Storage& storage, const Key& kek) {
  if (auto r = storage.put(kReader, kReaderScript); !r) return tl::unexpected(r.error());
  if (auto r = storage.put(object_of(kek), wrap(kek, random_key())); !r) return tl::unexpected(r.error());
  const auto keys = storage.list("keys/");
  if (!keys) return tl::unexpected(keys.error());
  if (keys->size() != 1) return fail(storage.about() + " is being made by somebody else with another key");
  if (auto r = storage.put(kMarker, nlohmann::json{{"format", kFormat}}.dump() + "\n"); !r) {
    return tl::unexpected(r.error());
  }
  const auto stored = storage.get(object_of(kek));
  if (!stored) return tl::unexpected(stored.error());
  return unwrap(kek, *stored, object_of(kek));
}

}  // namespace

Result<Key> open_keys(Storage& storage, const std::string& key_file) {
  const auto marker = storage.find(kMarker);
  if (!marker) return tl::unexpected(marker.error());
  if (!*marker) {
    const auto objects = storage.list("");
    if (!objects) return tl::unexpected(objects.error());
    for (const auto& o : *objects) {
      if (o.name != kReader && !o.name.starts_with("keys/")) {
        return fail(fmt::format("{} is no repository and not empty: it holds {}", storage.about(), o.name));
      }
    }
    const auto kek = os::exists(key_file) ? read_key_file(key_file) : make_key_file(key_file, storage.about());
    return kek ? make_repository(storage, *kek) : kek;
  }
  try {
    const int format = nlohmann::json::parse(**marker).at("format").get<int>();
    if (format != kFormat) {
      return fail(fmt::format("{} has format {}, this version reads {}", storage.about(), format, kFormat));
    }
  } catch (const std::exception& e) {
    return fail(fmt::format("{} in {} is damaged: {}", kMarker, storage.about(), e.what()));
  }
  const auto kek = read_key_file(key_file);
  if (!kek) {
    return fail(fmt::format("the repository {} can't be opened: {}; bring back the key file that it was made with",
                            storage.about(), kek.error().message));
  }
  const auto wrapped = storage.get(object_of(*kek));
  if (!wrapped) {
    return fail(fmt::format("the key in {} is not the one of the repository {}: {}", key_file, storage.about(),
                            wrapped.error().message));
  }
  return unwrap(*kek, *wrapped, object_of(*kek));
}

}  // namespace howdah::repository
