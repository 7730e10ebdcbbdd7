#include "cli/kuberc/kuberc.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "cli/completion/shape.h"
#include "cli/file_text.h"
#include "cli/json_text.h"
#include "cli/kuberc/preference.h"
#include "cli/program.h"
#include "cli/request_log.h"

namespace skiff::cli {
namespace {

constexpr int kLogsPreferences = 5;

// What --kuberc says, wherever it stands; "" where it does not.
Result<std::string> NamedIn(const Args& args) {
  constexpr std::string_view kFlag = "--kuberc";
  for (size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
    std::string path;
    if (args[i] == kFlag) {
      if (i + 1 < args.size()) path = args[i + 1];
    } else if (args[i].starts_with("--kuberc=")) {
      path = args[i].substr(kFlag.size() + 1);
    } else {
      continue;
    }
    if (path.empty()) return CliError("kuberc file is not found");
    return path;
  }
  return std::string();
}

// -v, as it is looked for before flags are read.
int VerbosityIn(const Args& args) {
  for (size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
    const bool stands_alone = (args[i] == "--v" || args[i] == "-v") && i + 1 < args.size();
    const bool has_value = args[i].starts_with("--v=") || args[i].starts_with("-v=");
    if (!stands_alone && !has_value) continue;
    const std::string value = stands_alone ? args[i + 1] : args[i].substr(args[i].find('=') + 1);
    int verbosity = 0;
    std::from_chars(value.data(), value.data() + value.size(), verbosity);
    return verbosity;
  }
  return 0;
}

void LogChoice(Environment& environment, const ReadPreference& read, const std::string& path) {
  const std::string text =
      read.entry == 0
          ? LogLine(environment, 'I', "marshal.go:103", "kuberc: no preferences found in " + path)
          : LogLine(
                environment, 'I', "marshal.go:94",
                fmt::format("kuberc: using entry {} ({}) in {}", read.entry, read.version, path));
  environment.err(text);
}

// nullopt: there is none, or it is turned off.
Result<std::optional<Json>> Load(Environment& environment, const std::string& named) {
  const KubercPlace place = TRY(FindKuberc(environment, named));
  std::optional<Json> nothing;
  if (place.path.empty()) return nothing;
  const auto text = FileText(place.path);
  if (!text && !place.is_explicit) return nothing;
  if (!text) {
    return CliError(fmt::format("kuberc: open {}: no such file or directory", place.path));
  }
  std::vector<std::string> passed_over;
  auto read = ParsePreference(*text, place.path, &passed_over);
  if (environment.verbosity >= kLogsPreferences) {
    for (const std::string& line : passed_over) {
      environment.err(LogLine(environment, 'I', "marshal.go:71", line));
    }
    if (read) LogChoice(environment, *read, place.path);
  }
  if (!read && place.is_explicit) return CliError("kuberc: " + read.error().message);
  if (!read) {
    environment.err(fmt::format("kuberc: no preferences loaded from {}: {}\n", place.path,
                                read.error().message));
    return nothing;
  }
  if (!read->ignored.empty()) {
    environment.err(fmt::format("kuberc: ignoring strict decoding error in {}: {}\n", place.path,
                                read->ignored));
  }
  return std::move(read->document);
}

// A verb with those below it, as words name them.
struct FoundVerb {
  Args words;
  VerbShape shape;
};

// nullopt: the first word is no verb.
std::optional<FoundVerb> FindWords(const Environment& environment, const Args& words) {
  if (words.empty() || !IsCliVerb(words[0])) return std::nullopt;
  FoundVerb found{{words[0]}, ShapeOf(environment, {words[0]})};
  for (size_t i = 1; i < words.size(); ++i) {
    const auto& verbs = found.shape.verbs;
    if (std::find(verbs.begin(), verbs.end(), words[i]) == verbs.end()) break;
    found.words.push_back(words[i]);
    found.shape = ShapeOf(environment, found.words);
  }
  return found;
}

Args Words(const std::string& text) {
  std::istringstream in(text);
  Args words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

const ShapeFlag* FindFlag(const VerbShape& shape, const std::string& name) {
  for (const ShapeFlag& flag : shape.flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

// Whether somebody typed the flag; a letter may stand among others.
bool IsGiven(const ShapeFlag& flag, const Args& args) {
  for (const std::string& arg : args) {
    if (arg == "--") return false;
    if (arg == "--" + flag.name || arg.starts_with("--" + flag.name + "=")) return true;
    if (flag.letter == 0 || arg.size() < 2 || arg[0] != '-' || arg[1] == '-') continue;
    const bool letters = std::all_of(arg.begin() + 1, arg.end(), &IsLetter);
    if (arg[1] == flag.letter || (letters && arg.find(flag.letter) != std::string::npos)) {
      return true;
    }
  }
  return false;
}

// The options that nobody gave, as flags. `where` completes what is said of one that is none.
Result<Args> OptionsNotGiven(const Json& entry, const VerbShape& shape, const Args& args,
                             const char* what, const std::string& where) {
  Args flags;
  for (const Json& option : At(entry, "options")) {
    const std::string name = TextAt(option, "name");
    const ShapeFlag* flag = FindFlag(shape, name);
    if (!flag) return CliError(fmt::format("invalid {} {} {}", what, name, where));
    if (!IsGiven(*flag, args)) {
      flags.push_back(fmt::format("--{}={}", name, TextAt(option, "default")));
    }
  }
  return flags;
}

void Insert(Args& args, size_t at, const Args& words) {
  args.insert(args.begin() + static_cast<long>(at), words.begin(), words.end());
}

class Application {
 public:
  Application(Environment& environment, const Json& preference, Args args)
      : environment_(environment), preference_(preference), args_(std::move(args)) {}

  Result<Args> Run() {
    at_ = FirstWord(args_);
    if (at_ >= args_.size()) return std::move(args_);
    if (!IsCliVerb(args_[at_])) TRY(TakeAlias());
    TRY(TakeDefaults());
    return std::move(args_);
  }

 private:
  // Puts what the alias stands for in its place.
  Result<> TakeAlias() {
    const std::string name = args_[at_];
    for (const Json& alias : At(preference_, "aliases")) {
      if (TextAt(alias, "name") != name) continue;
      const std::string command = TextAt(alias, "command");
      const auto verb = FindWords(environment_, Words(command));
      if (!verb) {
        return CliError(
            fmt::format("command \"{}\" not found to set alias \"{}\": []", command, name));
      }
      alias_ = name;
      const Args flags = TRY(OptionsNotGiven(alias, verb->shape, args_, "alias flag",
                                             "in alias " + environment_.program));
      args_.erase(args_.begin() + static_cast<long>(at_));
      Insert(args_, at_, verb->words);
      const size_t behind = at_ + verb->words.size();
      Insert(args_, behind, TextsAt(alias, "prependArgs"));
      Insert(args_, behind, flags);
      const Args append = TextsAt(alias, "appendArgs");
      Insert(args_, args_.size(), append);
      return {};
    }
    return {};
  }

  Result<> TakeDefaults() {
    const Args rest(args_.begin() + static_cast<long>(at_), args_.end());
    const auto verb = FindWords(environment_, rest);
    for (const Json& entry : At(preference_, "defaults")) {
      const std::string command = TextAt(entry, "command");
      if (!alias_.empty() && command == alias_) {
        return CliError(fmt::format("alias {} can not be overridden", alias_));
      }
      if (command.empty()) continue;
      const auto meant = FindWords(environment_, Words(command));
      if (!meant) {
        environment_.err(
            fmt::format("Warning: command \"{}\" not found to set kuberc override\n", command));
        continue;
      }
      // An alias says itself which options it has.
      if (!verb || !alias_.empty() || meant->words != verb->words) continue;
      const Args flags =
          TRY(OptionsNotGiven(entry, verb->shape, args_, "flag", "for command " + command));
      Insert(args_, at_ + verb->words.size(), flags);
    }
    return {};
  }

  Environment& environment_;
  const Json& preference_;
  Args args_;
  size_t at_ = 0;
  std::string alias_;  // The one that was typed.
};

}  // namespace

Result<KubercPlace> FindKuberc(const Environment& environment, const std::string& named) {
  const std::string variable = environment.variable("KUBERC");
  if (variable == "off") {
    if (named.empty()) return KubercPlace();
    return CliError(
        "disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive");
  }
  if (!named.empty()) return KubercPlace{named, true};
  if (!variable.empty()) return KubercPlace{variable, true};
  return KubercPlace{environment.variable("HOME") + "/.kube/kuberc", false};
}

std::vector<std::string> AliasesOfKuberc(Environment environment) {
  environment.err = [](std::string_view) {};
  std::vector<std::string> names;
  if (Lower(environment.variable("KUBECTL_KUBERC")) == "false") return names;
  const auto preference = Load(environment, "");
  if (!preference || !*preference || !CheckPreference(**preference)) return names;
  for (const Json& alias : At(**preference, "aliases")) names.push_back(TextAt(alias, "name"));
  return names;
}

Result<Args> ApplyKuberc(Environment& environment, const Args& args) {
  const bool is_off = Lower(environment.variable("KUBECTL_KUBERC")) == "false";
  if (args.empty() || is_off) return args;
  const std::string named = TRY(NamedIn(args));
  environment.verbosity = VerbosityIn(args);
  const auto preference = Load(environment, named);
  if (!preference) return CliError("kuberc error " + preference.error().message);
  if (!*preference) return args;
  TRY(CheckPreference(**preference));
  environment.exec_policy = ExecPolicyOf(**preference);
  return Application(environment, **preference, args).Run();
}

}  // namespace skiff::cli
