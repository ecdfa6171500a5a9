#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "util/clock.h"

/// How records are written as JSON. Only domain/*.cpp files include this: nlohmann is slow to compile.
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

class Writer {
 public:
  nlohmann::json out = nlohmann::json::object();
  template <class T>
  void operator()(const char* name, const T& value) {
    out[name] = dump(value);
  }
  template <class T>
  void operator()(const char* name, const std::optional<T>& value) {
    if (value) out[name] = dump(*value);
  }

 private:
  template <class T>
  static nlohmann::json dump(const T& value) {
    if constexpr (Nested<T>) {
      Writer w;
      fields(w, value);
      return std::move(w.out);
    } else {
      return value;
    }
  }
  static nlohmann::json dump(Time t) { return t.time_since_epoch().count(); }
  template <class T>
  static nlohmann::json dump(const std::vector<T>& list) {
    auto out = nlohmann::json::array();
    for (const auto& x : list) out.push_back(dump(x));
    return out;
  }
};

class Reader {
 public:
  explicit Reader(const nlohmann::json& in) : in_(in) {}
  template <class T>
  void operator()(const char* name, T& value) {
    if (const auto it = in_.find(name); it != in_.end()) load(*it, value);
  }

 private:
  template <class T>
  static void load(const nlohmann::json& j, T& value) {
    if constexpr (Nested<T>) {
      Reader r(j);
      fields(r, value);
    } else {
      j.get_to(value);
    }
  }
  static void load(const nlohmann::json& j, Time& t) { t = Time(Millis(j.get<int64_t>())); }
  template <class T>
  static void load(const nlohmann::json& j, std::optional<T>& value) {
    load(j, value.emplace());
  }
  template <class T>
  static void load(const nlohmann::json& j, std::vector<T>& list) {
    list.clear();
    for (const auto& x : j) load(x, list.emplace_back());
  }
  const nlohmann::json& in_;
};

template <class F>
std::string write(F&& f) {
  Writer w;
  f(w);
  return w.out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <class F>
void read(std::string_view text, F&& f) {
  const auto j = nlohmann::json::parse(text);
  Reader r(j);
  f(r);
}

}  // namespace howdah::json
