#include "pg/formula.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace howdah::pg {
namespace {

constexpr size_t kMaxLength = 4096;
constexpr int kMaxDepth = 50;

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::toupper(c); });
  return out;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Recursive descent. After the first error every function returns at once; the position is where it happened.
class Parser {
 public:
  Parser(std::string_view text, const FormulaInput& input) : text_(text), input_(input) {}

  Result<int64_t> parse() {
    long double value = comparison();
    skip_space();
    if (error_.empty() && at_ != text_.size()) complain("unexpected text");
    if (error_.empty() && !(std::fabs(value) < 9.2e18L)) complain("the result is too large");
    if (!error_.empty()) return fail(fmt::format("{} at position {} of {}", error_, at_ + 1, text_.substr(0, 200)));
    return static_cast<int64_t>(value);
  }

 private:
  long double complain(const char* what) {
    if (error_.empty()) error_ = what;
    return 0;
  }
  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') at_++;
  }
  bool take(std::string_view token) {
    skip_space();
    if (!error_.empty() || text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  long double comparison() {
    long double left = sum();
    if (take(">=")) return left >= sum() ? 1 : 0;
    if (take("<=")) return left <= sum() ? 1 : 0;
    if (take(">")) return left > sum() ? 1 : 0;
    if (take("<")) return left < sum() ? 1 : 0;
    if (take("=")) return left == sum() ? 1 : 0;
    return left;
  }

  long double sum() {
    long double value = product();
    for (;;) {
      if (take("+"))
        value += product();
      else if (take("-"))
        value -= product();
      else
        return value;
    }
  }

  long double product() {
    long double value = factor();
    for (;;) {
      if (take("*")) {
        value *= factor();
      } else if (take("/")) {
        long double by = factor();
        if (by == 0) return complain("division by zero");
        value = std::trunc(value / by);
      } else {
        return value;
      }
    }
  }

  long double factor() {
    if (!error_.empty()) return 0;
    if (++depth_ > kMaxDepth) return complain("nested too deeply");
    long double value = 0;
    skip_space();
    char c = at_ < text_.size() ? text_[at_] : '\0';
    if (take("-"))
      value = -factor();
    else if (c == '{')
      value = enclosed("{", "}");
    else if (c == '(')
      value = enclosed("(", ")");
    else if (std::isdigit(static_cast<unsigned char>(c)) != 0)
      value = number();
    else if (is_word(c))
      value = word();
    else
      complain("a number, name or { is missing");
    depth_--;
    return value;
  }

  long double enclosed(std::string_view open, std::string_view close) {
    take(open);
    long double value = comparison();
    if (error_.empty() && !take(close)) complain("a closing bracket is missing");
    return value;
  }

  long double number() {
    long double value = 0, scale = 1;
    bool fraction = false;
    for (; at_ < text_.size(); at_++) {
      char c = text_[at_];
      if (c == '.' && !fraction) {
        fraction = true;
      } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
        value = value * 10 + (c - '0');
        if (fraction) scale *= 10;
      } else {
        break;
      }
    }
    return value / scale;
  }

  long double word() {
    size_t from = at_;
    while (at_ < text_.size() && is_word(text_[at_])) at_++;
    std::string name = upper(text_.substr(from, at_ - from));
    if (name == "DBINSTANCECLASSMEMORY") return static_cast<long double>(input_.memory);
    if (name == "ALLOCATEDSTORAGE") return static_cast<long double>(input_.storage);
    if (name == "DBINSTANCEVCPU") return static_cast<long double>(input_.vcpus);
    if (name == "ENDPOINTPORT") return static_cast<long double>(input_.port);
    if (!take("(")) return complain("unknown name");
    std::vector<long double> args;
    do args.push_back(comparison());
    while (take(","));
    if (error_.empty() && !take(")")) return complain("a closing bracket is missing");
    return error_.empty() ? call(name, args) : 0;
  }

  long double call(const std::string& name, const std::vector<long double>& args) {
    if (name == "GREATEST") return *std::max_element(args.begin(), args.end());
    if (name == "LEAST") return *std::min_element(args.begin(), args.end());
    if (name == "SUM") {
      long double total = 0;
      for (long double a : args) total += a;
      return total;
    }
    if (name == "IF")
      return args.size() == 3 ? (args[0] != 0 ? args[1] : args[2]) : complain("IF takes three arguments");
    if (name != "LOG") return complain("unknown function");
    if (args.size() != 1) return complain("log takes one argument");
    // A class smaller than the divisor makes the quotient 0: the formulas mean "nothing to add" then.
    return args[0] >= 1 ? std::log2(args[0]) : 0;
  }

  std::string_view text_;
  const FormulaInput& input_;
  size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

int64_t memory_for_class(int64_t mib) {
  int64_t bytes = mib << 20;
  return bytes - bytes / 20 - (int64_t(200) << 20);
}

bool is_formula(std::string_view value) {
  std::string start = upper(value.substr(0, 16));
  start.erase(0, start.find_first_not_of(' '));
  for (const char* f : {"{", "GREATEST(", "LEAST(", "SUM(", "IF(", "LOG("}) {
    if (start.starts_with(f)) return true;
  }
  return false;
}

Result<int64_t> evaluate(std::string_view formula, const FormulaInput& input) {
  if (formula.size() > kMaxLength) return fail(fmt::format("a formula of {} characters is too long", formula.size()));
  return Parser(formula, input).parse();
}

}  // namespace howdah::pg
