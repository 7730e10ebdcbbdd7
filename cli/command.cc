#include "cli/command.h"

#include <algorithm>
#include <filesystem>

#include "api/text/go_text.h"
#include "base/did_you_mean.h"
#include "base/terminal.h"
#include "cli/completion/shape.h"
#include "cli/examples.h"
#include "cli/json_text.h"
#include "cli/request_log.h"
#include "cli/session.h"
#include "cli/usage.h"

namespace skiff::cli {
namespace {

// What "--dry-run" by itself is taken for, as it was once written.
constexpr char kBareDryRun[] = "unchanged";
constexpr char kExit[] =
    "\x01"
    "exit";

}  // namespace

Command::Command(Environment& environment, std::string verb)
    : environment_(environment), verb_(std::move(verb)), flags_(environment.program + " " + verb_) {
  flags_.LeaveOutHelp();  // SeeHelp.
}
Command::~Command() = default;

// Those that the verb has no flag of the same name for.
void Command::AddGlobals() {
  adding_globals_ = true;
  GlobalFlags& to = globals_;
  const auto add = [this](std::string_view names, auto& value, const char* help) {
    if (!names_.contains(names.substr(0, names.find(',')))) Flag(names, value, help);
  };
  add("kubeconfig", to.kubeconfig, "Path to the kubeconfig file to use for CLI requests.");
  add("context", to.context, "The name of the kubeconfig context to use.");
  add("cluster", to.cluster, "The name of the kubeconfig cluster to use.");
  add("user", to.user, "The name of the kubeconfig user to use.");
  add("namespace,n", to.namespace_, "The namespace scope for this request.");
  add("server,s", to.server, "The address and port of the Kubernetes API server.");
  add("token", to.token, "Bearer token for authentication to the API server.");
  add("certificate-authority", to.certificate_authority, "Path to a file of authorities.");
  add("client-certificate", to.client_certificate, "Path to a client certificate file.");
  add("client-key", to.client_key, "Path to a client key file.");
  add("tls-server-name", to.tls_server_name, "Name that the server's certificate must have.");
  add("username", to.username, "Username for basic authentication to the API server.");
  add("password", to.password, "Password for basic authentication to the API server.");
  add("insecure-skip-tls-verify", to.insecure_skip_tls_verify,
      "Do not check the server's certificate.");
  add("request-timeout", to.request_timeout, "How long to wait for a single server request.");
  add("as", to.as, "Username to impersonate.");
  FlagEach("as-group", to.as_groups, "Group to impersonate.");
  add("as-uid", to.as_uid, "UID to impersonate.");
  FlagEach("as-user-extra", to.as_user_extra, "Extra key=value to impersonate.");
  add("v,v", to.verbosity, "Number for the log level verbosity.");
  add("match-server-version", to.match_server_version,
      "Require server version to match client version.");
  add("warnings-as-errors", to.warnings_as_errors,
      "Treat warnings received from the server as errors and exit with a non-zero exit code.");
  add("kuberc", to.kuberc, "Path to the kuberc file to use for preferences (KUBERC=off: none).");
  add("profile", to.profile, "Must be \"none\": other profiles are of Go's runtime.");
  add("profile-output", to.profile_output, "Has no effect here: no profile is written.");
  const UnusedFlag unused[] = {
      {"cache-dir", "nothing is cached"},
      {"log-flush-frequency", "each line is written at once"},
      {"vmodule", "the level is the same for all files"},
      {"disable-compression", "nothing is compressed", {"true"}, /*is_switch=*/true}};
  for (const UnusedFlag& flag : unused) {
    if (!names_.try_emplace(flag.name, flag.is_switch).second) continue;
    flags_.AddUnused(flag);
    shown_.push_back({flag.name, flag.is_switch ? "false" : "''",
                      "Has no effect here: " + flag.why + ".", /*is_global=*/true});
  }
}

void Command::FlagEach(std::string_view names, std::vector<std::string>& value, const char* help) {
  shown_.push_back({std::string(names), Shown(value), help, adding_globals_});
  flags_.AddEach(AddName(names, false), value, help);
}

std::string Command::AddName(std::string_view names, bool is_switch) {
  const size_t comma = names.find(',');
  std::string name(names.substr(0, comma));
  if (comma != std::string_view::npos) letters_.insert({names[comma + 1], {name, is_switch}});
  names_[name] = is_switch;
  return name;
}

// Where a flag is wrong; diff of kubectl says it in other words than all others.
std::string Command::SeeHelp() const {
  if (verb_ == "diff") {
    return fmt::format("See '{} diff -h' for help and examples", environment_.program);
  }
  const std::string& called = Called();
  return fmt::format("See '{}{}{} --help' for usage.", environment_.program,
                     called.empty() ? "" : " ", called);
}

// "-it", "-nkube-system", "-n kube-system", "-w=false": as long flags with their values.
Result<> Command::ExpandLetters(const Args& args, size_t& at, Args& out) {
  const std::string& arg = args[at];
  for (size_t i = 1; i < arg.size(); ++i) {
    if (arg[i] == 'h' && !letters_.contains('h')) {
      out.push_back("--help");
      continue;
    }
    const auto found = letters_.find(arg[i]);
    if (found == letters_.end()) {
      return CliError(
          fmt::format("unknown shorthand flag: '{}' in -{}\n{}", arg[i], arg.substr(i), SeeHelp()));
    }
    const auto& [name, is_switch] = found->second;
    given_[name] = true;
    std::string rest = arg.substr(i + 1);
    // As for Go's pflag "-o=" has a value, which is "=".
    const bool has_equals = rest.size() > 1 && rest[0] == '=';
    if (is_switch && !has_equals) {
      out.push_back("--" + name + "=true");
      continue;
    }
    if (rest.empty()) {
      if (at + 1 == args.size()) {
        return CliError(fmt::format("flag needs an argument: '{}' in -{}\n{}", arg[i],
                                    arg.substr(i), SeeHelp()));
      }
      rest = args[++at];
    } else if (has_equals) {
      rest.erase(0, 1);
    }
    out.push_back("--" + name + "=" + rest);
    break;
  }
  return {};
}

Result<Args> Command::Expand(const Args& args) {
  Args out;
  for (size_t at = 0; at < args.size(); ++at) {
    const std::string& arg = args[at];
    if (arg == "--") {
      rest_ = Args(args.begin() + static_cast<long>(at) + 1, args.end());
      break;
    }
    if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-') {
      TRY(ExpandLetters(args, at, out));
      continue;
    }
    if (!arg.starts_with("--")) {
      out.push_back(arg);
      continue;
    }
    if (arg[2] == '-' || arg[2] == '=') {
      return CliError(fmt::format("bad flag syntax: {}\n{}", arg, SeeHelp()));
    }
    const std::string name = arg.substr(2, arg.find('=') - 2);
    given_[name] = true;
    const auto known = names_.find(name);
    const auto bare = bare_.find(name);
    if (arg.find('=') != std::string::npos || known == names_.end()) {
      out.push_back(arg);
    } else if (bare != bare_.end()) {
      out.push_back(arg + "=" + bare->second);
    } else if (known->second) {
      out.push_back(arg + "=true");
    } else if (at + 1 < args.size()) {
      out.push_back(arg + "=" + args[++at]);
    } else {
      out.push_back(arg);
    }
  }
  return out;
}

Result<> Command::Parse(const Args& args) {
  AddGlobals();
  if (environment_.shape) {
    TellShape();
    return ExitNow();
  }
  const Args expanded = TRY(Expand(args));
  for (const std::string& each : expanded) {
    if (each.starts_with("--")) typed_flags_.push_back(each);
  }
  const auto parsed = flags_.Parse(expanded, &words_);
  if (!parsed) {
    std::string text = parsed.error().message;
    // A flag with a letter is named with it.
    if (const size_t at = text.find("for \"--"); at != text.npos) {
      const size_t begin = at + 7;
      const std::string name = text.substr(begin, text.find('"', begin) - begin);
      for (const auto& [letter, named] : letters_) {
        if (named.name == name) text.insert(at + 5, fmt::format("-{}, ", letter));
      }
    }
    const bool is_own = environment_.program != "kubectl";
    if (text == "unknown flag: --at" && is_own) {
      text += "; `skiff get` has it: objects as they were, whole with -o yaml";
    }
    if (text == "unknown flag: --data-dir" && is_own) {
      text += "; --kubeconfig=DIRECTORY/admin.kubeconfig means the cluster of a directory";
    }
    if (text.starts_with("unknown ") || text.starts_with("invalid argument ") ||
        text.starts_with("flag needs an argument")) {
      text += "\n" + SeeHelp();
    }
    return CliError(std::move(text));
  }
  // Words like others, which are no flags whatever they begin with.
  if (rest_ && !keeps_rest_) {
    words_.insert(words_.end(), rest_->begin(), rest_->end());
    rest_.reset();
  }
  environment_.verbosity = globals_.verbosity;
  for (const auto& [name, advice] : deprecated_) {
    if (Given(name)) Warn("Flag --{} has been deprecated, {}\n", name, advice);
  }
  if (flags_.help_asked()) {
    environment_.out(HelpText());
    return ExitNow();
  }
  TRY(CheckProfile());
  std::vector<std::string> missing;
  for (const std::string& name : required_) {
    if (!Given(name)) missing.push_back(GoQuote(name));
  }
  if (missing.empty()) return {};
  const std::string help = environment_.program == "kubectl" ? "" : "\n" + SeeHelp();
  return CliError(fmt::format("required flag(s) {} not set{}", fmt::join(missing, ", "), help));
}

// A file that whoever asked for it would look for in vain is refused before anything is done.
Result<> Command::CheckProfile() const {
  constexpr std::string_view kOfGo[] = {"cpu",   "heap",  "goroutine", "threadcreate",
                                        "block", "mutex", "trace",     "allocs"};
  const std::string& profile = globals_.profile;
  if (profile == "none") return {};
  if (std::find(std::begin(kOfGo), std::end(kOfGo), profile) == std::end(kOfGo)) {
    return CliError(fmt::format("unknown profile '{}'", profile));
  }
  return CliError(
      fmt::format("--profile={} cannot be had here: kubectl's profiles are of Go's "
                  "runtime, which this program does not have; perf(1) profiles it",
                  profile));
}

std::string Command::Shown(const std::vector<std::string>& value) {
  std::string text;
  for (const std::string& item : value) text += (text.empty() ? "" : ",") + item;
  return "[" + text + "]";
}

namespace {

// "-n, --namespace='':" and its help below.
std::string OptionText(std::string_view names, std::string_view value, std::string_view help) {
  const size_t comma = names.find(',');
  const std::string_view name = names.substr(0, comma);
  std::string text = "    ";
  if (comma != std::string_view::npos) text += fmt::format("-{}, ", names[comma + 1]);
  return text + fmt::format("--{}={}:\n\t{}\n\n", name, value, help);
}

}  // namespace

std::string Command::HelpText() const {
  std::string options;
  std::map<std::string, const ShownFlag*> told = ByName(/*global=*/false);
  for (const auto& [name, flag] : ByName(/*global=*/true)) {
    if (told_too_.contains(name)) told.emplace(name, flag);
  }
  for (const auto& [name, flag] : told) {
    options += OptionText(flag->names, flag->value, flag->help);
  }
  const std::string_view purpose = PurposeOf(Called());
  const std::string head = purpose.empty() ? "" : std::string(purpose) + "\n\n";
  std::string text;
  const std::string below = VerbsBelow(Called());
  if (!below.empty()) text += "Available Commands:\n" + below + "\n";
  if (!options.empty()) text += "Options:\n" + options;
  const std::string_view arguments = ArgumentsOf(Called());
  text += fmt::format("Usage:\n  {} {}{}{} [options]\n\n", environment_.program, Called(),
                      arguments.empty() ? "" : " ", arguments);
  text += fmt::format(
      "Use \"{} options\" for a list of global command-line options (applies to all commands).\n",
      environment_.program);
  // Examples are to be typed: they stay whole.
  return Wrapped(head, environment_.columns) + ExamplesText(environment_.program, Called()) +
         Wrapped(text, environment_.columns);
}

std::string Command::GlobalOptionsText() {
  AddGlobals();
  std::string text = "The following options can be passed to any command:\n\n";
  for (const auto& [name, flag] : ByName(/*global=*/true)) {
    text += OptionText(flag->names, flag->value, flag->help);
  }
  return Wrapped(text, environment_.columns);
}

void Command::TellShape() const {
  for (const bool global : {true, false}) {
    for (const auto& [name, flag] : ByName(global)) {
      const size_t comma = flag->names.find(',');
      const auto known = names_.find(name);
      environment_.shape->flags.push_back(
          {.name = name,
           .letter = comma == std::string::npos ? '\0' : flag->names[comma + 1],
           .takes_value = known != names_.end() && !known->second && !bare_.contains(name),
           .global = global,
           .help = flag->help});
    }
  }
}

std::map<std::string, const Command::ShownFlag*> Command::ByName(bool global) const {
  std::map<std::string, const ShownFlag*> found;
  for (const ShownFlag& flag : shown_) {
    if (flag.is_global == global) found.emplace(flag.names.substr(0, flag.names.find(',')), &flag);
  }
  return found;
}

Result<Session*> Command::session() {
  if (!session_) session_ = TRY(Session::Open(environment_, globals_, verb_));
  return session_.get();
}

void Command::Report(const Error& error) {
  if (IsExit(error)) return;
  reports_.push_back(error);
  exit_code_ = 1;
}

void Command::ReportLast(const Error& error) {
  last_reports_.push_back(error);
  exit_code_ = 1;
}

void Command::PrintReports() {
  bool is_unreachable = false;
  std::move(last_reports_.begin(), last_reports_.end(), std::back_inserter(reports_));
  last_reports_.clear();
  const bool alone = reports_.size() == 1 && !reports_plainly_;
  for (const Error& error : reports_) {
    const bool is_another = is_unreachable && UnreachableProblem(error).has_value();
    if (is_another && environment_.program != "kubectl") continue;
    environment_.err(alone ? ErrorText(error) : ErrorTextAmongOthers(error));
    is_unreachable = is_unreachable || UnreachableProblem(error);
  }
  if (is_unreachable) environment_.err(WhatBringsACluster(environment_, globals_));
  reports_.clear();
}

std::string Command::CommandLine() const {
  std::string line = environment_.program + " " + verb_;
  for (const std::string& word : words_) line += " " + word;
  for (const std::string& word : rest_.value_or(Args())) line += " " + word;
  for (const std::string& flag : typed_flags_) {
    const std::string name = flag.substr(0, flag.find('='));
    const bool is_secret = name == "--token" || name == "--username" || name == "--password";
    line += " " + (is_secret ? name + "=CLASSIFIED" : flag);
  }
  return line;
}

void Command::CountWarnings() {
  if (!globals_.warnings_as_errors || exit_code_ != 0 || !session_) return;
  const size_t count = session_->api().warning_count();
  if (count == 0) return;
  environment_.err(fmt::format("error: {} warning{} received\n", count, count == 1 ? "" : "s"));
  exit_code_ = 1;
}

Result<> Command::ExpectNoWords() const {
  if (words_.empty()) return {};
  return UsageError(fmt::format("unexpected arguments: [{}]", fmt::join(words_, " ")));
}

tl::unexpected<Error> Command::UsageError(const std::string& text) const {
  return CliError(fmt::format("{}\nSee '{} {} -h' for help and examples", text,
                              environment_.program, Called()));
}

tl::unexpected<Error> Command::FlagError(const std::string& flag, const std::string& value,
                                         const std::string& why) const {
  return CliError(
      fmt::format("invalid argument {} for \"--{}\" flag: {}\nSee '{} {} --help' for "
                  "usage.",
                  GoQuote(value), flag, why, environment_.program, verb_));
}

tl::unexpected<Error> Command::ExitNow() {
  return Fail(Reason::kUnknown, kExit);
}

bool Command::IsExit(const Error& error) {
  return error.message == kExit;
}

const Verb* FindVerb(const Verb* verbs, size_t count, const std::string& name) {
  for (size_t i = 0; i < count; ++i) {
    if (verbs[i].name == name) return &verbs[i];
  }
  return nullptr;
}

int RunVerb(Environment& environment, const Verb& verb, const std::string& name, const Args& args) {
  Command command(environment, name);
  const auto result = verb.run(command, args);
  if (!result) command.Report(result.error());
  command.PrintReports();
  command.CountWarnings();
  return command.exit_code();
}

size_t FirstWord(const Args& args) {
  size_t at = 0;
  while (at < args.size() && args[at].starts_with('-')) {
    const std::string& flag = args[at];
    const bool alone = flag.find('=') != std::string::npos ||
                       flag == "--insecure-skip-tls-verify" || flag == "--help" || flag == "-h" ||
                       flag == "--match-server-version" || flag == "--warnings-as-errors" ||
                       flag == "--disable-compression" ||
                       (!flag.starts_with("--") && flag.size() > 2);
    at += alone ? 1 : 2;
  }
  return at;
}

Args WithoutWord(Args args, size_t at) {
  args.erase(args.begin() + static_cast<long>(at));
  return args;
}

std::string MeantVerb(const Environment& environment, std::string_view family,
                      std::string_view word) {
  if (environment.program == "kubectl") return "";
  std::error_code failure;
  if (const std::filesystem::path file = word; std::filesystem::exists(file, failure)) {
    return MeantText(std::vector<std::string>{"-f " + file.string()}) + "\n";
  }
  const std::string meant = DidYouMean(word, VerbNamesBelow(family));
  return meant.empty() ? "" : meant + "\n";
}

bool AsksForHelp(const Args& args) {
  return std::any_of(args.begin(), args.end(),
                     [](const std::string& arg) { return arg == "--help" || arg == "-h"; });
}

bool RefusesFlags(Environment& environment, const std::string& family, const Args& args) {
  if (environment.shape || AsksForHelp(args)) return false;
  Command command(environment, family);
  const auto parsed = command.Parse(args);
  if (!parsed) environment.err(ErrorText(parsed.error()));
  return !parsed;
}

std::string FamilyHelp(const Environment& environment, const std::string& family,
                       const std::vector<std::string>& names) {
  const std::string_view what = PurposeOf(family);
  std::string text = what.empty() ? "" : std::string(what) + "\n\n";
  text += "Available Commands:\n";
  for (const std::string& name : names) {
    const std::string_view purpose = PurposeOf(fmt::format("{} {}", family, name));
    if (purpose.empty()) continue;  // Another name of one that is told of.
    text += fmt::format("  {:<20}{}\n", name, purpose);
  }
  text += fmt::format(
      "\nUsage:\n  {0} {1} COMMAND [options]\n\n"
      "Use \"{0} {1} <command> --help\" for more information about a given command.\n"
      "Use \"{0} options\" for a list of global command-line options (applies to all commands).\n",
      environment.program, family);
  return Wrapped(text, environment.columns);
}

int RunFamily(Environment& environment, const std::string& family, const Verb* verbs, size_t count,
              const Args& args) {
  const size_t at = FirstWord(args);
  const Verb* verb = at < args.size() ? FindVerb(verbs, count, args[at]) : nullptr;
  if (verb) {
    // Of the names that one verb has, only one is told of.
    const char* name = verb->name;
    for (size_t i = 0; i < count; ++i) {
      const bool told = !PurposeOf(fmt::format("{} {}", family, verbs[i].name)).empty();
      if (verbs[i].run == verb->run && told) name = verbs[i].name;
    }
    return RunVerb(environment, *verb, family + " " + name, WithoutWord(args, at));
  }
  if (environment.shape) {
    TellVerbs(environment, verbs, count);
    return 0;
  }
  if (at < args.size()) {
    const std::string meant = MeantVerb(environment, family, args[at]);
    // With what follows it, which may say what was meant.
    const Args given(args.begin() + static_cast<long>(at), args.end());
    environment.err(
        fmt::format("error: unknown command \"{}\"{}\nSee '{} {} -h' for help and examples\n",
                    Join(given, " "), meant, environment.program, family));
    return 1;
  }
  if (RefusesFlags(environment, family, args)) return 1;
  const bool asked = AsksForHelp(args);
  // As kubectl, of which this verb alone gives its help as its output.
  const auto& print = asked || family == "rollout" ? environment.out : environment.err;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.emplace_back(verbs[i].name);
  print(FamilyHelp(environment, family, names));
  return asked ? 0 : 1;
}

int RunTellingFamily(Environment& environment, const std::string& family, const Verb* verbs,
                     size_t count, const Args& args) {
  const size_t at = FirstWord(args);
  const bool known = at < args.size() && FindVerb(verbs, count, args[at]);
  const bool refused = at < args.size() && environment.program != "kubectl";
  if (at >= args.size() && RefusesFlags(environment, family, args)) return 1;
  return RunFamily(environment, family, verbs, count, known || refused ? args : Args{"--help"});
}

void TellVerbs(Environment& environment, const Verb* verbs, size_t count) {
  if (!environment.shape) return;
  for (size_t i = 0; i < count; ++i) environment.shape->verbs.emplace_back(verbs[i].name);
}

void DryRun::AddTo(Command& command) {
  command.Flag("dry-run", value, "Must be \"none\", \"server\", or \"client\".");
  command.Bare("dry-run", kBareDryRun);
  environment_ = &command.environment();
}

Result<> DryRun::Check() {
  if (value == "none" || value == "server" || value == "client") return {};
  const std::optional<bool> was = GoBool(value);
  if (was || value == kBareDryRun) {
    const char* now = was.value_or(true) ? "client" : "none";
    const std::string text =
        was ? fmt::format(
                  "--dry-run={} is deprecated (boolean value) and can be replaced with "
                  "--dry-run={}.",
                  value, now)
            : "--dry-run is deprecated and can be replaced with --dry-run=client.";
    if (environment_) {
      environment_->err(
          LogLine(*environment_, 'W', was ? "helpers.go:733" : "helpers.go:719", text));
    }
    value = now;
    return {};
  }
  return CliError(fmt::format(
      "Invalid dry-run value ({}). Must be \"none\", \"server\", or \"client\".", value));
}

std::string DryRun::Suffix() const {
  return client() ? " (dry run)" : server() ? " (server dry run)" : "";
}

}  // namespace skiff::cli
