#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace howdah::cli {
namespace {

constexpr int kWrongArguments = 2;
constexpr size_t kSimilar = 2;  // letters that differ

size_t letters_that_differ(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

/// "; did you mean serve?", or nothing.
std::string similar_command(const CLI::App& app, const std::string& word) {
  std::string best;
  size_t least = kSimilar + 1;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const size_t differ = letters_that_differ(word, command->get_name());
    if (differ < std::min(least, word.size())) {
      least = differ;
      best = "; did you mean " + command->get_name() + "?";
    }
  }
  return best;
}

std::string no_command(const CLI::App& outermost, const CLI::App& app) {
  const auto unknown = outermost.remaining(true);
  if (unknown.empty()) return "which command?";
  if (unknown.front().starts_with("-")) return "there is no option " + unknown.front();
  return unknown.front() + ": there is no such command" + similar_command(app, unknown.front());
}

/// What is wrong, with which command, and where to look.
std::string explain(const CLI::App* outermost, const CLI::Error& error) {
  const CLI::App* app = outermost;
  std::string path = app->get_name();
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  constexpr std::string_view kRequired = " is required";
  std::string what = error.what();
  if (what == "A subcommand is required") {
    what = no_command(*outermost, *app);
  } else if (error.get_name() == "RequiredError" && what.ends_with(kRequired)) {
    what = "missing: " + what.substr(0, what.size() - kRequired.size());
  }
  return path + ": " + what + "\n  see: " + path + " --help\n";
}

/// CLI11 writes [word(0x)] for what may be there several times.
struct Usage : CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name = make_option_name(option, true) + (option->get_expected_max() > 1 ? "..." : "");
    return option->get_required() ? name : "[" + name + "]";
  }
};

}  // namespace

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
    : owned_(std::make_unique<CLI::App>(about, name)), app_(owned_.get()) {
  app_->failure_message(explain);
  app_->formatter(std::make_shared<Usage>());
}
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
void Command::version(const std::string& text) { app_->set_version_flag("--version", text, "print the version"); }

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

std::optional<int> Command::parse(std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app_->parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    return app_->exit(e) == 0 ? 0 : kWrongArguments;
  }
  return {};
}

Command::operator bool() const { return app_->parsed(); }
bool Command::has(const std::string& name) const { return app_->count(name) > 0; }
std::string Command::chosen() const { return app_->get_subcommands().front()->get_name(); }

}  // namespace howdah::cli
