// Types of the members of generated request and response structs (aws::<service>::*, made by tools/gen.py).
//
// Every member may be absent. Nested structs, lists and maps have non-template bases, so that one codec serves every
// struct through descriptor tables (wire/shape.h) and a generated header costs next to nothing to compile.
// Ownership: a Ref, Seq or Dict owns what is in it. All three are move-only. No thread safety of their own.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace howdah::wire {

/// Milliseconds since 1970 UTC. wire/timestamp.h converts from and to text and howdah::Time.
struct Timestamp {
  int64_t ms = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// Raw bytes: base64 on the wire in every format but CBOR.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

/// Input or output of an operation that has none.
struct Empty {};

struct BoxOps {
  void* (*make)();
  void (*destroy)(void*);
};
template <class T>
void* box_make() {
  return new T();
}
template <class T>
void box_destroy(void* p) {
  delete static_cast<T*>(p);
}
template <class T>
inline constexpr BoxOps kBoxOps{&box_make<T>, &box_destroy<T>};

/// Owning pointer to a value whose type only `ops` knows. Null after construction, move-from and reset().
class BoxBase {
 public:
  BoxBase() = default;
  BoxBase(BoxBase&& o) noexcept : p_(std::exchange(o.p_, nullptr)), ops_(o.ops_) {}
  BoxBase& operator=(BoxBase&& o) noexcept {
    std::swap(p_, o.p_);
    std::swap(ops_, o.ops_);
    return *this;
  }
  ~BoxBase() { reset(); }

  explicit operator bool() const { return p_ != nullptr; }
  bool has_value() const { return p_ != nullptr; }
  void* raw() { return p_; }
  const void* raw() const { return p_; }
  const BoxOps* ops() const { return ops_; }

  void* make(const BoxOps* ops) { return adopt(ops, ops->make()); }
  /// Takes a value that `ops` can destroy.
  void* adopt(const BoxOps* ops, void* value) {
    reset();
    ops_ = ops;
    return p_ = value;
  }
  void reset() {
    if (p_) ops_->destroy(std::exchange(p_, nullptr));
  }

 private:
  void* p_ = nullptr;
  const BoxOps* ops_ = nullptr;
};

/// An optional nested struct.
template <class T>
class Ref : public BoxBase {
 public:
  Ref() = default;
  Ref(std::nullopt_t) {}
  Ref(T v) { emplace(std::move(v)); }
  Ref(std::optional<T> v) {
    if (v) emplace(std::move(*v));
  }
  Ref& operator=(T v) {
    emplace(std::move(v));
    return *this;
  }

  T& emplace() { return *static_cast<T*>(make(&kBoxOps<T>)); }
  T& emplace(T v) { return *static_cast<T*>(adopt(&kBoxOps<T>, new T(std::move(v)))); }

  T& operator*() { return *static_cast<T*>(raw()); }
  const T& operator*() const { return *static_cast<const T*>(raw()); }
  T* operator->() { return static_cast<T*>(raw()); }
  const T* operator->() const { return static_cast<const T*>(raw()); }
};

class SeqBase {
 public:
  std::vector<BoxBase> items;  ///< every box holds a value
  bool present = false;        ///< an empty list that was sent differs from one that was not

  explicit operator bool() const { return present; }
  size_t size() const { return items.size(); }
  bool empty() const { return items.empty(); }
};

template <class T, class Box>
class SeqIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_const_t<T>;
  using difference_type = std::ptrdiff_t;
  using pointer = T*;
  using reference = T&;

  SeqIterator() = default;
  explicit SeqIterator(Box* at) : at_(at) {}
  T& operator*() const { return *static_cast<T*>(at_->raw()); }
  T* operator->() const { return static_cast<T*>(at_->raw()); }
  SeqIterator& operator++() {
    ++at_;
    return *this;
  }
  SeqIterator operator++(int) { return SeqIterator(at_++); }
  bool operator==(const SeqIterator&) const = default;

 private:
  Box* at_ = nullptr;
};

/// An optional list. Made from anything (even an empty container) it is present; default-constructed it is absent.
template <class T>
class Seq : public SeqBase {
 public:
  using value_type = T;
  using iterator = SeqIterator<T, BoxBase>;
  using const_iterator = SeqIterator<const T, const BoxBase>;

  Seq() = default;
  Seq(std::initializer_list<T> values) requires std::copy_constructible<T> {
    present = true;
    for (const T& v : values) add(v);
  }
  /// From any range; elements of an rvalue container are moved out of it.
  template <class R>
  requires(!std::derived_from<std::remove_cvref_t<R>, SeqBase> && !std::same_as<std::remove_cvref_t<R>, T> &&
           requires(R & r) {
             r.begin();
             r.end();
           }) Seq(R&& range) {
    present = true;
    for (auto& v : range) {
      if constexpr (std::is_lvalue_reference_v<R> || std::is_const_v<std::remove_reference_t<decltype(v)>>) {
        add(T(v));
      } else {
        add(T(std::move(v)));
      }
    }
  }
  /// A list of move-only values: Seq<Tag>::of(to_wire(a), to_wire(b)).
  template <class... Args>
  static Seq of(Args&&... values) {
    Seq out;
    out.present = true;
    (out.add(T(std::forward<Args>(values))), ...);
    return out;
  }

  T& add() {
    present = true;
    return *static_cast<T*>(items.emplace_back().make(&kBoxOps<T>));
  }
  T& add(T v) {
    return add_made([&] { return std::move(v); });
  }
  /// What `make` returns, made in its place: a struct of a hundred members is not moved there.
  template <class Make>
  T& add_made(Make make) {
    present = true;
    auto made = std::unique_ptr<T>(new T(make()));
    return *static_cast<T*>(items.emplace_back().adopt(&kBoxOps<T>, made.release()));
  }
  void push_back(T v) { add(std::move(v)); }

  T& operator[](size_t i) { return *static_cast<T*>(items[i].raw()); }
  const T& operator[](size_t i) const { return *static_cast<const T*>(items[i].raw()); }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[items.size() - 1]; }
  const T& back() const { return (*this)[items.size() - 1]; }

  iterator begin() { return iterator(items.data()); }
  iterator end() { return iterator(items.data() + items.size()); }
  const_iterator begin() const { return const_iterator(items.data()); }
  const_iterator end() const { return const_iterator(items.data() + items.size()); }

  /// A copy as plain vector, for code that keeps the values.
  std::vector<T> to_vector() const requires std::copy_constructible<T> { return {begin(), end()}; }
};

class DictBase {
 public:
  std::map<std::string, BoxBase, std::less<>> items;  ///< every box holds a value
  bool present = false;

  explicit operator bool() const { return present; }
  size_t size() const { return items.size(); }
  bool empty() const { return items.empty(); }
};

/// An optional map with string keys.
template <class T>
class Dict : public DictBase {
 public:
  using mapped_type = T;

  /// What iteration yields: `for (auto [key, value] : dict)`.
  struct Entry {
    const std::string& key;
    const T& value;
  };
  class const_iterator {
   public:
    using Inner = std::map<std::string, BoxBase, std::less<>>::const_iterator;
    explicit const_iterator(Inner at) : at_(at) {}
    Entry operator*() const { return {at_->first, *static_cast<const T*>(at_->second.raw())}; }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const const_iterator&) const = default;

   private:
    Inner at_;
  };

  T& operator[](std::string_view key) {
    present = true;
    auto at = items.find(key);
    if (at == items.end()) at = items.emplace(std::string(key), BoxBase()).first;
    BoxBase& box = at->second;
    return *static_cast<T*>(box ? box.raw() : box.make(&kBoxOps<T>));
  }
  /// Null when there is no such key.
  const T* find(std::string_view key) const {
    auto at = items.find(key);
    return at == items.end() ? nullptr : static_cast<const T*>(at->second.raw());
  }

  const_iterator begin() const { return const_iterator(items.begin()); }
  const_iterator end() const { return const_iterator(items.end()); }
};

}  // namespace howdah::wire
