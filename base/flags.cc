#include "base/flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "base/did_you_mean.h"
#include "base/feature_gates.h"
#include "base/terminal.h"

namespace skiff {
namespace {

std::string Quote(const std::string& text) {
  return "\"" + text + "\"";
}

// A flag whose name is a letter is its own short form, and named with it.
std::string BadValue(const std::string& name, const std::string& value, const std::string& why) {
  const std::string flag = (name.size() == 1 ? "-" + name + ", --" : "--") + name;
  return "invalid argument " + Quote(value) + " for " + Quote(flag) + " flag: " + why;
}

// What Go's library says of a text that is no value, in words; anything else as it is.
std::string InWords(const std::string& why) {
  if (why.starts_with("time: ")) return "it must be a duration, such as 90s, 5m or 1h30m";
  if (!why.starts_with("strconv.")) return why;
  if (why.ends_with("value out of range")) return "there is no such number";
  if (why.starts_with("strconv.ParseBool")) return "it must be true or false";
  return why.starts_with("strconv.ParseInt") ? "it must be a whole number" : "it must be a number";
}

bool ParseBool(const std::string& text, bool& value) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return value = true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return !(value = false);
  }
  return false;
}

std::vector<std::string> SplitCommas(const std::string& text) {
  std::vector<std::string> items;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) items.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return items;
}

// "" or why the text is no number.
std::string ParseInt(const std::string& text, int& value) {
  int parsed = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (code == std::errc::result_out_of_range) {
    return "strconv.ParseInt: parsing " + Quote(text) + ": value out of range";
  }
  if (code != std::errc() || end != text.data() + text.size()) {
    return "strconv.ParseInt: parsing " + Quote(text) + ": invalid syntax";
  }
  value = parsed;
  return "";
}

// The same of a number that need not be whole.
std::string ParseFloat(const std::string& text, double& value) {
  char* end = nullptr;
  const double parsed = std::strtod(text.c_str(), &end);
  const bool is_number = !text.empty() && std::isspace(static_cast<unsigned char>(text[0])) == 0 &&
                         end == text.c_str() + text.size();
  if (!is_number) return "strconv.ParseFloat: parsing " + Quote(text) + ": invalid syntax";
  value = parsed;
  return "";
}

// "" or why the value is none for that flag; `is_negative` when only its sign is wrong.
std::string CheckUnused(UnusedValue kind, const std::string& text, bool& is_negative) {
  if (kind == UnusedValue::kNotNegative) {
    int number = 0;
    const std::string why = ParseInt(text, number);
    is_negative = why.empty() && number < 0;
    return why;
  }
  if (kind == UnusedValue::kDuration || kind == UnusedValue::kNotNegativeDuration) {
    const auto duration = ParseGoDuration(text);
    if (!duration) return duration.error().message;
    is_negative = kind == UnusedValue::kNotNegativeDuration && *duration < Duration(0);
  }
  return kind == UnusedValue::kFeatureGates ? WhyNotFeatureGates(text) : "";
}

// The gates of "A=true,B=false" that are none of those.
std::string WithoutGates(const std::string& text, const std::vector<std::string>& gates) {
  if (gates.empty()) return text;
  std::string left;
  for (const std::string& item : SplitCommas(text)) {
    const bool is_one = std::any_of(gates.begin(), gates.end(), [&](const std::string& gate) {
      return FeatureGateIn(item, gate).has_value();
    });
    if (!is_one) left += (left.empty() ? "" : ",") + item;
  }
  return left;
}

std::string JoinCommas(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

// How the help shows a value: what it is ("" for a switch, which needs none), and the one that
// holds when the flag is not given.
struct Shown {
  const char* type = "TEXT";
  std::string value;
};

Shown ShownSwitch(bool on) {
  return {"", on ? "true" : ""};
}

}  // namespace

// CLI11 writes the help. What a command line says is read here: CLI11 would take the word after
// "--name=" for the value that is empty.
struct Flags::Impl {
  using Set = std::function<std::string(const std::string&)>;  // "" or why it is wrong.
  using Values = Given;

  CLI::App app;
  std::set<std::string> switches;
  std::set<std::string, std::less<>> unused;  // Nobody is told to use them.
  std::map<std::string, Set> flags;
  Values given;
  std::string error;  // The first bad value.
  std::vector<std::string>* notes = nullptr;
  bool help = false;
  bool tells_help = true;
  bool is_plain = false;

  void Add(const std::string& name, const std::string& help_text, const Shown& shown, Set set) {
    flags[name] = std::move(set);
    app.add_option_function<std::string>(
           "--" + name, [](const std::string&) {}, help_text)
        ->type_name(shown.type)
        ->default_str(shown.value);
  }

  // Of a name, that it tells which one is meant.
  static constexpr size_t kBeginningMin = 3;
  static constexpr size_t kWholeMin = 4;

  // A name that the typed one begins with ("cert" of "certificate"), or the only one that has one
  // word more ("sort-by" for "sort"). What else begins alike is another flag.
  static std::string OneWordFrom(const std::string& name,
                                 const std::vector<std::string_view>& names) {
    std::string longest, longer;
    size_t count = 0;
    for (const std::string_view known : names) {
      if (known.size() >= kWholeMin && name.starts_with(known) && known.size() > longest.size()) {
        longest = known;
      }
      if (!known.starts_with(name + "-")) continue;
      ++count;
      longer = known;
    }
    if (!longest.empty()) return longest;
    const bool is_one_word =
        longer.find('-', std::min(name.size() + 1, longer.size())) == longer.npos;
    return count == 1 && name.size() >= kBeginningMin && is_one_word ? longer : "";
  }

  // What could have been meant by a flag that there is none of; "" in programs that go by the names
  // of Kubernetes' own, which do not guess.
  std::string MeantBy(const std::string& name) const {
    if (!app.get_name().starts_with("skiff ")) return "";
    // What labels are selected by has another name, whatever begins like it.
    std::string meant = name == "label" && flags.contains("selector") ? "selector" : "";
    std::vector<std::string_view> names;
    for (const auto& [known, set] : flags) {
      if (!unused.contains(known)) names.push_back(known);
    }
    // Which all have, and --version all programs that are no verbs.
    names.emplace_back("help");
    if (tells_help && !flags.contains("version")) names.emplace_back("version");
    const auto begins = [&](std::string_view known) { return known.starts_with(name); };
    if (meant.empty()) {
      // Whoever typed how a name begins meant no other one that is near by chance.
      const bool is_beginning = std::any_of(names.begin(), names.end(), begins);
      for (const std::string_view near : NearestWords(name, names)) {
        if (meant.empty() && (!is_beginning || begins(near))) meant = near;
      }
    }
    if (meant.empty()) meant = OneWordFrom(name, names);
    return meant.empty() ? "" : "; is --" + meant + " meant?";
  }

  // "; see skiff up --help", of our own programs.
  std::string SeeHelp() const {
    const std::string program = app.get_name();
    if (!tells_help || !program.starts_with("skiff ")) return "";
    // Of "skiff snapshot save FILE" what names the verb.
    const size_t arguments = program.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ[");
    const std::string verb = program.substr(0, arguments);
    return "; see " + verb + (verb.ends_with(' ') ? "--help" : " --help");
  }

  std::string UnknownFlag(const std::string& written, const std::string& name) const {
    const std::string meant = MeantBy(name);
    return "unknown flag: --" + written + (meant.empty() ? SeeHelp() : meant);
  }

  // Of a word where only flags are taken.
  std::string Unexpected(const std::string& word) const {
    const std::string program = app.get_name();
    if (!program.starts_with("skiff ")) return "unknown command " + Quote(word);
    const std::string unexpected = "unexpected argument " + Quote(word) + "; ";
    if (flags.contains(word.substr(0, word.find('=')))) {
      return unexpected + "is --" + word + " meant?";
    }
    return unexpected + "usage: " + program + " [flags], see " + program + " --help";
  }

  // Every flag that is given, with its value; words that are no flags go to `words`.
  Result<Values> Read(const std::vector<std::string>& args, std::vector<std::string>* words) {
    Values out;
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "--") {
        if (words) words->insert(words->end(), args.begin() + static_cast<long>(i) + 1, args.end());
        break;
      }
      if (arg.size() < 2 || arg[0] != '-') {
        if (words == nullptr) return Fail(Reason::kInvalid, Unexpected(arg));
        words->push_back(arg);
        continue;
      }
      const std::string body = arg.substr(arg[1] == '-' ? 2 : 1);
      const size_t equals = body.find('=');
      const std::string written = body.substr(0, equals);
      // As Kubernetes' programs: words of a name may be joined by underscores, as they once were.
      std::string name = written;
      std::replace(name.begin(), name.end(), '_', '-');
      if (name == "help" || arg == "-h") {
        help = true;
        continue;
      }
      if (!flags.contains(name) || (arg[1] != '-' && name.size() > 1)) {
        if (arg[1] == '-') {
          return Fail(Reason::kInvalid, UnknownFlag(written, name));
        }
        // Go's own flags have one dash, whatever their length.
        const std::string meant = name.size() > 1 ? MeantBy(name) : "";
        return Fail(Reason::kInvalid, "unknown shorthand flag: '" + body.substr(0, 1) + "' in -" +
                                          body + (meant.empty() ? SeeHelp() : meant));
      }
      if (equals != std::string::npos) {
        out.emplace_back(name, body.substr(equals + 1));
      } else if (switches.contains(name)) {
        out.emplace_back(name, "true");
      } else if (i + 1 == args.size()) {
        return Fail(Reason::kInvalid, "flag needs an argument: --" + name);
      } else {
        out.emplace_back(name, args[++i]);
      }
    }
    return out;
  }
};

Flags::Flags(std::string program) : impl_(std::make_unique<Impl>()) {
  impl_->app.name(std::move(program));
  impl_->app.set_help_flag();
}
Flags::~Flags() = default;

void Flags::Add(const std::string& name, std::string& value, const std::string& help) {
  impl_->Add(name, help, {.value = value}, [&value](const std::string& text) {
    value = text;
    return std::string();
  });
}

void Flags::Add(const std::string& name, int& value, const std::string& help) {
  impl_->Add(name, help, {"INT", std::to_string(value)},
             [&value](const std::string& text) { return ParseInt(text, value); });
}

void Flags::Add(const std::string& name, double& value, const std::string& help) {
  impl_->Add(name, help, {"FLOAT", fmt::format("{}", value)},
             [&value](const std::string& text) { return ParseFloat(text, value); });
}

void Flags::Add(const std::string& name, bool& value, const std::string& help) {
  impl_->switches.insert(name);
  impl_->Add(name, help, ShownSwitch(value), [&value](const std::string& text) -> std::string {
    if (ParseBool(text, value)) return "";
    return "strconv.ParseBool: parsing " + Quote(text) + ": invalid syntax";
  });
}

void Flags::Add(const std::string& name, std::optional<bool>& value, const std::string& help) {
  impl_->switches.insert(name);
  const Shown shown = ShownSwitch(value.value_or(false));
  impl_->Add(name, help, shown, [&value](const std::string& text) -> std::string {
    bool on = false;
    if (!ParseBool(text, on)) {
      return "strconv.ParseBool: parsing " + Quote(text) + ": invalid syntax";
    }
    value = on;
    return "";
  });
}

void Flags::Add(const std::string& name, Duration& value, const std::string& help) {
  const Shown shown{"DURATION", GoDurationText(value)};
  impl_->Add(name, help, shown, [&value](const std::string& text) -> std::string {
    const auto parsed = ParseGoDuration(text);
    if (!parsed) return parsed.error().message;
    value = *parsed;
    return "";
  });
}

void Flags::Add(const std::string& name, std::optional<Duration>& value, const std::string& help) {
  const Shown shown{"DURATION", value ? GoDurationText(*value) : ""};
  impl_->Add(name, help, shown, [&value](const std::string& text) -> std::string {
    const auto parsed = ParseGoDuration(text);
    if (!parsed) return parsed.error().message;
    value = *parsed;
    return "";
  });
}

void Flags::Add(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  // The first use replaces the default, as pflag's slices do.
  const Shown shown{"TEXT,...", JoinCommas(value)};
  impl_->Add(name, help, shown, [&value, fresh = true](const std::string& text) mutable {
    if (fresh) value.clear();
    fresh = false;
    for (std::string& item : SplitCommas(text)) value.push_back(std::move(item));
    return std::string();
  });
}

void Flags::AddEach(const std::string& name, std::vector<std::string>& value,
                    const std::string& help) {
  impl_->Add(name, help, {}, [&value](const std::string& text) {
    value.push_back(text);
    return std::string();
  });
}

void Flags::AddUnused(UnusedFlag flag) {
  if (flag.is_switch) impl_->switches.insert(flag.name);
  impl_->unused.insert(flag.name);
  const std::string help =
      (flag.is_refused ? "Cannot be had here: " : "Has no effect here: ") + flag.why + ".";
  const std::string name = flag.name;
  const Shown shown = flag.is_switch ? ShownSwitch(false) : Shown{};
  const auto set = [this, flag = std::move(flag)](const std::string& text) -> std::string {
    bool on = false;
    if (flag.is_switch && !ParseBool(text, on)) {
      return "strconv.ParseBool: parsing " + Quote(text) + ": invalid syntax";
    }
    bool is_negative = false;
    const std::string why = CheckUnused(flag.value, text, is_negative);
    // Kubernetes looks at gates once it has read all flags, and names none then.
    if (flag.value == UnusedValue::kFeatureGates && impl_->error.empty()) impl_->error = why;
    if (!why.empty()) return why;
    if (is_negative) {
      if (impl_->error.empty()) impl_->error = "--" + flag.name + " can not be negative value";
      return "";
    }
    const std::string value = !flag.is_switch ? text : on ? "true" : "false";
    if (std::find(flag.same.begin(), flag.same.end(), value) != flag.same.end()) return "";
    if (flag.is_refused) return "it cannot be had here, and must not be ignored: " + flag.why;
    const std::string unused = WithoutGates(value, flag.used_gates);
    if (impl_->notes != nullptr && (!unused.empty() || flag.used_gates.empty())) {
      impl_->notes->push_back("--" + flag.name + "=" + unused + " has no effect: " + flag.why);
    }
    return "";
  };
  impl_->Add(name, help, shown, set);
}

void Flags::NoteTo(std::vector<std::string>& notes) {
  impl_->notes = &notes;
}

void Flags::Ignore(const std::string& name, const std::string& why) {
  AddUnused({.name = name, .why = why});
}

Result<> Flags::Parse(const std::vector<std::string>& args, std::vector<std::string>* words) {
  if (impl_->notes != nullptr) impl_->notes->clear();
  impl_->given = TRY(impl_->Read(args, words));
  impl_->error.clear();
  for (const auto& [name, value] : impl_->given) {
    const std::string why = impl_->flags.at(name)(value);
    if (!why.empty() && impl_->error.empty()) {
      impl_->error = BadValue(name, value, impl_->is_plain ? InWords(why) : why);
    }
  }
  if (!impl_->error.empty()) return Fail(Reason::kInvalid, impl_->error);
  return {};
}

const Flags::Given& Flags::given() const {
  return impl_->given;
}

void Flags::SpeakPlainly() {
  impl_->is_plain = true;
}

void Flags::LeaveOutHelp() {
  impl_->tells_help = false;
}
bool Flags::help_asked() const {
  return impl_->help;
}
// In lines that the terminal has room for.
std::string Flags::Help() const {
  return Wrapped(impl_->app.help(), TerminalWidth());
}

std::string GoDurationText(Duration value) {
  const int64_t all = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
  if (all == 0) return "0s";
  if (all < 0) return "-" + GoDurationText(-value);
  if (all % 1000 != 0) return std::to_string(all) + "ms";
  std::string text;
  const int64_t hours = all / 3'600'000, minutes = all / 60'000 % 60;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + std::to_string(all / 1000 % 60) + "s";
}

Result<Duration> ParseGoDuration(const std::string& text) {
  const auto invalid = [&] {
    return Fail(Reason::kInvalid, "time: invalid duration " + Quote(text));
  };
  constexpr std::string_view kDigits = "0123456789";
  std::string_view rest = text;
  double sign = 1;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    if (rest[0] == '-') sign = -1;
    rest.remove_prefix(1);
  }
  if (rest == "0") return Duration(0);
  if (rest.empty()) return invalid();
  double nanoseconds = 0;
  while (!rest.empty()) {
    size_t digits = std::min(rest.find_first_not_of(kDigits), rest.size());
    if (rest.substr(digits).starts_with('.')) {
      digits = std::min(rest.find_first_not_of(kDigits, digits + 1), rest.size());
    }
    double number = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + digits, number);
    if (read.ec != std::errc() || read.ptr != rest.data() + digits) return invalid();
    rest.remove_prefix(digits);
    const size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const std::string_view unit = rest.substr(0, letters);
    if (unit.empty())
      return Fail(Reason::kInvalid, "time: missing unit in duration " + Quote(text));
    double scale = 0;
    if (unit == "ns") scale = 1;
    if (unit == "us" || unit == "\u00b5s") scale = 1e3;
    if (unit == "ms") scale = 1e6;
    if (unit == "s") scale = 1e9;
    if (unit == "m") scale = 60e9;
    if (unit == "h") scale = 3600e9;
    if (scale == 0) {
      return Fail(Reason::kInvalid,
                  "time: unknown unit " + Quote(std::string(unit)) + " in duration " + Quote(text));
    }
    nanoseconds += number * scale;
    rest.remove_prefix(letters);
  }
  if (!(nanoseconds < 9.2e18)) return invalid();
  return Duration(static_cast<int64_t>(std::llround(sign * nanoseconds)));
}

}  // namespace skiff
