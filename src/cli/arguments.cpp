#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <numeric>

namespace howdah::cli {

Option Option::required(bool yes) const { return Option(option_->required(yes)); }
Option Option::range(int least, int most) const { return Option(option_->check(CLI::Range(least, most))); }
Option Option::range(double least, double most) const { return Option(option_->check(CLI::Range(least, most))); }
Option Option::not_negative() const { return at_least(0, "must not be negative"); }
Option Option::positive() const { return at_least(std::numeric_limits<double>::min(), "must be more than 0"); }
Option Option::at_least(double least, const char* otherwise) const {
  return Option(option_->check([=](const std::string& text) -> std::string {
    double number = 0;
    return CLI::detail::lexical_cast(text, number) && number >= least ? "" : text + " " + otherwise;
  }));
}
Option Option::duration() const {
  return Option(option_->check([](const std::string& text) -> std::string {
    const size_t digits = text.find_first_not_of("0123456789.");
    const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
    for (const char* known : {"", "us", "ms", "s", "min", "h", "d"}) {
      if (digits != 0 && !text.empty() && unit == known) return "";
    }
    return text + " is no duration: 500ms, 2s, 10min or 0";
  }));
}
Option Option::one_of(const std::vector<std::string>& words) const {
  return Option(option_->check(CLI::IsMember(words)));
}
Option Option::excludes(Option other) const { return Option(option_->excludes(other.option_)); }
Option Option::needs(const std::string& other) const { return Option(option_->needs(other)); }
Option Option::expected(int least, int most) const { return Option(option_->expected(least, most)); }
Option Option::one_each() const {
  return Option(option_->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
}
Option Option::hidden() const { return Option(option_->group("")); }

Command::Command(const std::string& about, const std::string& name)
    : owned_(std::make_unique<CLI::App>(about, name)), app_(owned_.get()) {}
Command::Command(CLI::App* app) : app_(app) {}
Command::~Command() = default;

Command* Command::add_subcommand(const std::string& name, const std::string& about, const std::string& alias) {
  CLI::App* added = app_->add_subcommand(name, about);
  if (!alias.empty()) added->alias(alias);
  subcommands_.emplace_back(new Command(added));
  return subcommands_.back().get();
}

void Command::require_subcommand() { app_->require_subcommand(1); }
void Command::inherit_options() { app_->fallthrough(); }

template <class T>
Option Command::add_option(const std::string& name, T& value, const std::string& about) {
  return Option(app_->add_option(name, value, about));
}
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, int&, const std::string&);
template Option Command::add_option(const std::string&, unsigned&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);

Option Command::add_flag(const std::string& name, bool& value, const std::string& about) {
  return Option(app_->add_flag(name, value, about));
}
Option Command::add_flag(const std::string& name, std::function<void()> given, const std::string& about) {
  return Option(app_->add_flag_callback(name, std::move(given), about));
}
Option Command::add_word(const std::string& name, std::function<void(const std::string&)> take,
                         const std::vector<std::string>& words, const std::string& about) {
  return Option(app_->add_option_function<std::string>(name, take, about)->check(CLI::IsMember(words)));
}

std::optional<int> Command::parse(int argc, char** argv) {
  return parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

namespace {

size_t edits(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t best = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1] ? 1 : 0)});
      diagonal = std::exchange(row[j], best);
    }
  }
  return row.back();
}

/// Where a word stands in the place of a command: that word, and the command that may have been meant.
std::string no_such_command(const CLI::App* app) {
  const auto words = app->remaining(true);
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  if (words.empty() || words.front().starts_with('-')) return "";
  std::string near;
  for (const CLI::App* c : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (edits(words.front(), c->get_name()) <= 2 &&
        (near.empty() || edits(words.front(), c->get_name()) < edits(words.front(), near)))
      near = c->get_name();
  }
  return words.front() + ": there is no such command" + (near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace

std::optional<int> Command::parse(std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app_->parse(std::move(words));
  } catch (const CLI::RequiredError& e) {
    const std::string unknown = no_such_command(app_);
    if (unknown.empty()) return app_->exit(e);
    std::cerr << unknown << "\nRun with --help for more information.\n";
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    return app_->exit(e);
  }
  return {};
}

Command::operator bool() const { return app_->parsed(); }
bool Command::has(const std::string& name) const { return app_->count(name) > 0; }
std::string Command::chosen() const { return app_->get_subcommands().front()->get_name(); }

}  // namespace howdah::cli
