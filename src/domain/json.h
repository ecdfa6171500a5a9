#pragma once
#include <concepts>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/clock.h"

/// How records are written as JSON. nlohmann, slow to compile, stays behind json.cpp.
///
/// A record lists its fields once, for both directions:
///   template <class V, class T> void fields(V& v, T& x) { v("name", x.name); v("tags", x.tags); }
///   std::string X::encode() const { return json::write([&](auto& v) { fields(v, *this); }); }
///   X X::decode(std::string_view s) { X x; json::read(s, [&](auto& v) { fields(v, x); }); return x; }
/// A field that is missing from the text keeps its default, so fields can be added; names are never changed.
/// A nested struct S is a field when it has `fields(V&, S&)` of its own, found by name lookup.
namespace howdah::json {

class Writer;
class Reader;

template <class T>
concept Nested = requires(Writer& w, const T& t) {
  fields(w, t);
};

/// One JSON object, from nothing or from its text. Throws when the text is none.
class Document {
 public:
  Document();
  explicit Document(std::string_view text);
  ~Document();
  nlohmann::json& root() { return *root_; }
  std::string text() const;

 private:
  std::unique_ptr<nlohmann::json> root_;
};

class Writer {
 public:
  explicit Writer(nlohmann::json& object) : out_(object) {}
  template <class T>
  void operator()(const char* name, const T& value) {
    put(member(out_, name), value);
  }
  template <class T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value) put(member(out_, name), *value);
  }

 private:
  using Json = nlohmann::json;
  static Json& member(Json& object, const std::string& name);
  static Json& append(Json& list);
  static Json& become_object(Json& to);
  static Json& become_array(Json& to);
  static void put(Json& to, const std::string& value);
  static void put(Json& to, bool value);
  static void put(Json& to, double value);
  static void put(Json& to, int64_t value);
  static void put(Json& to, Time t) { put(to, int64_t{t.time_since_epoch().count()}); }
  template <std::integral T>
  static void put(Json& to, T value) {
    put(to, static_cast<int64_t>(value));
  }
  template <Nested T>
  static void put(Json& to, const T& value) {
    Writer w(become_object(to));
    fields(w, value);
  }
  template <class T>
  static void put(Json& to, const std::vector<T>& list) {
    become_array(to);
    for (const auto& x : list) put(append(to), x);
  }
  template <class T>
  static void put(Json& to, const std::map<std::string, T>& members) {
    become_object(to);
    for (const auto& [name, x] : members) put(member(to, name), x);
  }
  Json& out_;
};

class Reader {
 public:
  explicit Reader(const nlohmann::json& object) : in_(object) {}
  template <class T>
  void operator()(const char* name, T& value) {
    if (const Json* found = find(in_, name)) get(*found, value);
  }

 private:
  using Json = nlohmann::json;
  static const Json* find(const Json& object, const char* name);
  static std::vector<const Json*> elements(const Json& list);
  static std::vector<std::pair<std::string, const Json*>> members(const Json& object);
  static int64_t number(const Json& j);
  static void get(const Json& j, std::string& value);
  static void get(const Json& j, bool& value);
  static void get(const Json& j, double& value);
  static void get(const Json& j, Time& t) { t = Time(Millis(number(j))); }
  template <std::integral T>
  static void get(const Json& j, T& value) {
    value = static_cast<T>(number(j));
  }
  template <Nested T>
  static void get(const Json& j, T& value) {
    Reader r(j);
    fields(r, value);
  }
  template <class T>
  static void get(const Json& j, std::optional<T>& value) {
    get(j, value.emplace());
  }
  template <class T>
  static void get(const Json& j, std::vector<T>& list) {
    list.clear();
    for (const Json* x : elements(j)) get(*x, list.emplace_back());
  }
  template <class T>
  static void get(const Json& j, std::map<std::string, T>& map) {
    map.clear();
    for (const auto& [name, x] : members(j)) get(*x, map[name]);
  }
  const Json& in_;
};

template <class F>
std::string write(F&& f) {
  Document out;
  Writer w(out.root());
  f(w);
  return out.text();
}

template <class F>
void read(std::string_view text, F&& f) {
  Document in(text);
  Reader r(in.root());
  f(r);
}

}  // namespace howdah::json
