#include "repository/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "os/files.h"
#include "os/lock.h"
#include "repository/format.h"
#include "repository/reader_script.h"
#include "util/fault_point.h"
#include "util/json.h"
#include "util/log.h"

namespace howdah::repository {
namespace {

constexpr const char* kMarker = "howdah-repository.json";
constexpr const char* kReader = "unpack.py";
constexpr std::string_view kKeys = "keys/", kWrapped = ".json", kRetired = ".retired";

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
std::string object_of(const std::string& name) { return fmt::format("{}{}{}", kKeys, name, kWrapped); }
std::string object_of(const Key& kek) { return object_of(name_of(kek)); }
std::string retired_object_of(const std::string& name) { return fmt::format("{}{}{}", kKeys, name, kRetired); }

std::string wrap(const Key& kek, const Key& data_key) {
  const std::string salt = random_salt();
  std::string sealed(view(data_key));
  sealed.resize(sealed.size() + kTag);
  Cipher(derive(kek, salt, "wrap")).seal(0, "data key", sealed.data(), data_key.size());
  return json_text(nlohmann::json{{"format", kFormat}, {"salt", hex(salt)}, {"wrapped", hex(sealed)}}) + "\n";
}

Result<Key> unwrap(const Key& kek, const std::string& text, const std::string& name) {
  try {
    const auto j = parse_json(text);
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
  const auto keys = storage.list(std::string(kKeys));
  if (!keys) return tl::unexpected(keys.error());
  if (keys->size() != 1) return fail(storage.about() + " is being made by somebody else with another key");
  if (auto r = storage.put(kMarker, json_text(nlohmann::json{{"format", kFormat}}) + "\n"); !r) {
    return tl::unexpected(r.error());
  }
  const auto stored = storage.get(object_of(kek));
  if (!stored) return tl::unexpected(stored.error());
  return unwrap(kek, *stored, object_of(kek));
}

Result<int> format_of(Storage& storage, const std::string& marker) {
  try {
    return parse_json(marker).at("format").get<int>();
  } catch (const std::exception& e) {
    return fail(fmt::format("{} in {} is damaged: {}", kMarker, storage.about(), e.what()));
  }
}

struct KnownKey {
  bool wrapped = false, retired = false;
};

/// Every key that the repository knows, by name.
Result<std::map<std::string, KnownKey>> find_keys(Storage& storage) {
  const auto objects = storage.list(std::string(kKeys));
  if (!objects) return tl::unexpected(objects.error());
  std::map<std::string, KnownKey> out;
  for (const auto& o : *objects) {
    const std::string_view name = std::string_view(o.name).substr(kKeys.size());
    for (const auto end : {kWrapped, kRetired}) {
      if (!name.ends_with(end) || !is_plain_name(name)) continue;
      KnownKey& k = out[std::string(name.substr(0, name.size() - end.size()))];
      (end == kWrapped ? k.wrapped : k.retired) = true;
    }
  }
  return out;
}

/// When and for which key it was retired, as far as the note can be read.
std::string about_retired(Storage& storage, const std::string& name) {
  const auto text = storage.get(retired_object_of(name));
  if (!text) return "";
  try {
    const auto j = parse_json(*text);
    const Time when{Millis(j.at("retired").get<int64_t>())};
    return fmt::format(" on {:%Y-%m-%d %H:%M} UTC in favour of the key {}",
                       std::chrono::floor<std::chrono::seconds>(when), j.at("use").get<std::string>());
  } catch (const std::exception&) {
    return "";
  }
}

/// The data key by `kek`, which was read from `file`.
Result<Key> open_with(Storage& storage, const Key& kek, const std::string& file) {
  const auto known = find_keys(storage);
  if (!known) return tl::unexpected(known.error());
  const std::string name = name_of(kek);
  const auto ours = known->find(name);
  if (ours != known->end() && ours->second.retired) {
    return fail(fmt::format("the key in {} ({}) was retired{}: bring the key file that replaced it", file, name,
                            about_retired(storage, name)));
  }
  if (ours == known->end()) {
    std::string others;
    for (const auto& [other, k] : *known) others += k.retired ? "" : (others.empty() ? "" : ", ") + other;
    return fail(fmt::format("the key in {} ({}) is not one of the repository {}, which knows {}", file, name,
                            storage.about(), others));
  }
  const auto wrapped = storage.get(object_of(name));
  if (!wrapped) return tl::unexpected(wrapped.error());
  return unwrap(kek, *wrapped, object_of(name));
}

/// No resource's name begins with a dot.
Result<os::LockFile> lock_keys(Storage& storage) {
  if (auto made = os::ensure_dir(storage.locks(), 0700); !made) return tl::unexpected(made.error());
  return os::LockFile::acquire(storage.locks() + "/.keys", "the keys of " + storage.about());
}

}  // namespace

Result<Key> open_keys(Storage& storage, const std::string& key_file) {
  const auto marker = storage.find(kMarker);
  if (!marker) return tl::unexpected(marker.error());
  if (!*marker) {
    const auto objects = storage.list("");
    if (!objects) return tl::unexpected(objects.error());
    for (const auto& o : *objects) {
      if (o.name != kReader && !o.name.starts_with(kKeys)) {
        return fail(fmt::format("{} is no repository and not empty: it holds {}", storage.about(), o.name));
      }
    }
    const auto kek = os::exists(key_file) ? read_key_file(key_file) : make_key_file(key_file, storage.about());
    return kek ? make_repository(storage, *kek) : kek;
  }
  const auto format = format_of(storage, **marker);
  if (!format) return tl::unexpected(format.error());
  if (*format > kFormat) {
    return fail(fmt::format("{} has format {}: a newer version of howdah made it, this one reads up to {}",
                            storage.about(), *format, kFormat));
  }
  const auto kek = read_key_file(key_file);
  if (!kek) {
    return fail(fmt::format("the repository {} can't be opened: {}; bring back the key file that it was made with",
                            storage.about(), kek.error().message));
  }
  return open_with(storage, *kek, key_file);
}

Result<void> keep_reader(Storage& storage) {
  const auto marker = storage.get(kMarker);
  if (!marker) return tl::unexpected(marker.error());
  const auto format = format_of(storage, *marker);
  if (!format) return tl::unexpected(format.error());
  if (*format == kFormat) return {};
  if (auto r = storage.put(fmt::format("unpack{}.py", kFormat), kReaderScript); !r) return tl::unexpected(r.error());
  return {};
}

Result<std::vector<WrappingKey>> list_keys(Storage& storage, const std::string& key_file) {
  const auto known = find_keys(storage);
  if (!known) return tl::unexpected(known.error());
  const auto kek = read_key_file(key_file);
  if (!kek) return tl::unexpected(kek.error());
  std::vector<WrappingKey> out;
  for (const auto& [name, k] : *known) out.push_back({name, name == name_of(*kek), k.wrapped, k.retired});
  return out;
}

Result<Rotated> rotate_key(Storage& storage, const std::string& key_file) {
  const auto held = lock_keys(storage);
  if (!held) return tl::unexpected(held.error());
  const auto data_key = open_keys(storage, key_file);
  if (!data_key) return tl::unexpected(data_key.error());
  const auto old = read_key_file(key_file);
  if (!old) return tl::unexpected(old.error());
  const std::string next_file = key_file + ".next", old_file = key_file + "." + name_of(*old);
  const auto next = os::exists(next_file) ? read_key_file(next_file) : make_key_file(next_file, storage.about());
  if (!next) return tl::unexpected(next.error());
  if (*next == *old) return fail(next_file + " holds the key that is in use: remove it, or put another key into it");
  fault::point("repository.key:made");
  if (auto r = storage.put(object_of(*next), wrap(*next, *data_key)); !r) return tl::unexpected(r.error());
  // What must open the repository tomorrow is what lies there now, whoever wrote it.
  const auto opened = open_with(storage, *next, next_file);
  if (!opened) return tl::unexpected(opened.error());
  if (*opened != *data_key) return fail(object_of(*next) + " holds another data key than the repository's");
  fault::point("repository.key:stored");
  if (link(key_file.c_str(), old_file.c_str()) != 0 && errno != EEXIST) {
    return fail(fmt::format("cannot keep the old key as {}: {}", old_file, strerror(errno)));
  }
  if (auto done = os::publish(next_file, key_file); !done) return tl::unexpected(done.error());
  fault::point("repository.key:switched");
  return Rotated{name_of(*next), name_of(*old), old_file};
}

Result<bool> retire_key(Storage& storage, const std::string& key_file, const std::string& name) {
  const auto held = lock_keys(storage);
  if (!held) return tl::unexpected(held.error());
  // Nothing is taken away before the key file has proved that it opens the repository without it.
  if (const auto opened = open_keys(storage, key_file); !opened) return tl::unexpected(opened.error());
  const auto kek = read_key_file(key_file);
  if (!kek) return tl::unexpected(kek.error());
  if (name == name_of(*kek)) return fail(fmt::format("{} is the key in {}: rotate it first", name, key_file));
  const auto known = find_keys(storage);
  if (!known) return tl::unexpected(known.error());
  if (!known->contains(name)) return fail(fmt::format("{} has no key {}", storage.about(), name));
  const Time now = std::chrono::floor<Millis>(std::chrono::system_clock::now());
  const nlohmann::json note{{"retired", now.time_since_epoch().count()}, {"use", name_of(*kek)}};
  if (auto r = storage.put(retired_object_of(name), json_text(note) + "\n"); !r) return tl::unexpected(r.error());
  fault::point("repository.key:retired");
  const auto gone = storage.remove(object_of(name));
  if (!gone && gone.error().retry) return tl::unexpected(gone.error());
  if (!gone) log::warn("a retired key's object can't be removed", {{"key", name}, {"error", gone.error().message}});
  const std::string file = key_file + "." + name;
  if (unlink(file.c_str()) != 0 && errno != ENOENT) {
    return fail(fmt::format("cannot remove {}: {}", file, strerror(errno)));
  }
  return gone.has_value();
}

}  // namespace howdah::repository
