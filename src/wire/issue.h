// What is wrong with a request: collected by the decoders and by validation, turned into one Fault by codec.cpp.
#pragma once
#include <concepts>
#include <string>
#include <vector>

namespace howdah::wire {

struct Issue {
  enum class Kind {
    Malformed,   ///< the body is not the format it should be; nothing more was read
    WrongType,   ///< a value is not of its member's type
    Missing,     ///< a required member is absent
    Constraint,  ///< a value outside the model's limits
    Unknown,     ///< ec2: a parameter that the operation does not have
  };
  Kind kind;
  std::string path;    ///< of the member, with 1-based list positions: Tags.1.Key
  std::string detail;  ///< of the message; see codec.cpp for how each kind is worded
  bool sensitive = false;
};

/// The first few are enough to tell a caller what to correct; more are counted only.
class Issues {
 public:
  static constexpr size_t kKept = 10;
  void add(Issue issue) {
    count_++;
    if (kept_.size() < kKept) kept_.push_back(std::move(issue));
  }
  /// As above, but `make()` is only called when the issue will be kept: a request may have a million of them.
  template <class Make>
  requires std::invocable<Make>
  void add(Make&& make) {
    if (kept_.size() < kKept) kept_.push_back(make());
    count_++;
  }
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  const std::vector<Issue>& kept() const { return kept_; }

 private:
  std::vector<Issue> kept_;
  size_t count_ = 0;
};

}  // namespace howdah::wire
