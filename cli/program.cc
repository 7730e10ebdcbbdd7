#include "cli/program.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <set>

#include "base/did_you_mean.h"
#include "base/process.h"
#include "base/terminal.h"
#include "cli/cluster_info.h"
#include "cli/completion/shape.h"
#include "cli/create.h"
#include "cli/debug.h"
#include "cli/environment.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/kinds.h"
#include "cli/kuberc/kuberc.h"
#include "cli/plugins/plugins.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// Added to the number of a signal, by shells.
constexpr int kSignalExits = 128;

constexpr Verb kVerbs[] = {
    {"annotate", &RunAnnotate},
    {"api-resources", &RunApiResources},
    {"api-versions", &RunApiVersions},
    {"attach", &RunAttach},
    {"autoscale", &RunAutoscale},
    {"console", &RunConsole},
    {"convert", &RunConvert},
    {"cordon", &RunCordon},
    {"completion", &RunCompletion},
    {"cp", &RunCopy},
    {"debug", &RunDebug},
    {"delete", &RunDelete},
    {"describe", &RunDescribe},
    {"diff", &RunDiff},
    {"drain", &RunDrain},
    {"edit", &RunEdit},
    {"events", &RunEvents},
    {"exec", &RunExec},
    {"explain", &RunExplain},
    {"expose", &RunExpose},
    {"get", &RunGet},
    {"kustomize", &RunKustomize},
    {"label", &RunLabel},
    {"logs", &RunLogs},
    {"patch", &RunPatch},
    {"port-forward", &RunPortForward},
    {"proxy", &RunProxy},
    {"replace", &RunReplace},
    {"rolling-update", &RunRollingUpdate},
    {"run", &RunRun},
    {"scale", &RunScale},
    {"taint", &RunTaint},
    {"uncordon", &RunUncordon},
    {"version", &RunVersion},
    {"wait", &RunWait},
    {"why", &RunWhy},
};

int OptionsMain(Environment& environment, const Args&) {
  Command command(environment, "options");
  if (environment.shape) {
    (void)command.Parse({});  // It ends where it has told of its flags.
  } else {
    environment.out(command.GlobalOptionsText());
  }
  return 0;
}

// Verbs with verbs of their own, or without flags.
struct Family {
  const char* name;
  int (*main)(Environment& environment, const Args& args);
};
constexpr Family kFamilies[] = {
    {"alpha", &AlphaMain},
    {"apply", &ApplyMain},
    {"auth", &AuthMain},
    {"certificate", &CertificateMain},
    {"cluster-info", &ClusterInfoMain},
    {"compose", &ComposeMain},
    {"config", &ConfigMain},
    {"create", &CreateMain},
    {"rollout", &RolloutMain},
    {"set", &SetMain},
    {"top", &TopMain},
    {"options", &OptionsMain},
    {"plugin", &PluginMain},
    {"__complete", &CompleteMain},
    {"__completeNoDesc", &CompleteNoDescMain},
};

const Family* FindFamily(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

// What other programs call what a verb of ours does, and the verbs that kubectl suggests for it.
struct OtherWord {
  std::string_view word;
  std::string_view verb;
  std::vector<std::string_view> known_to_kubectl = {};
};
const std::vector<OtherWord>& OtherWords() {
  static const std::vector<OtherWord> kWords = {{"list", "get", {"get", "wait"}},
                                                {"ls", "get"},
                                                {"ps", "get", {"get", "wait"}},
                                                {"rm", "delete", {"delete"}},
                                                {"start", "up"},
                                                {"init", "up"},
                                                {"stop", "down"},
                                                {"reset", "down"},
                                                {"inspect", "describe"}};
  return kWords;
}

const OtherWord* FindOtherWord(std::string_view word) {
  for (const OtherWord& other : OtherWords()) {
    if (other.word == word) return &other;
  }
  return nullptr;
}

// Of all names: what is called so elsewhere, else those that the word begins, else those nearest to
// it.
std::vector<std::string> NearestVerbs(const std::string& word,
                                      const std::vector<std::string>& names) {
  const OtherWord* other = FindOtherWord(word);
  if (other && std::find(names.begin(), names.end(), other->verb) != names.end()) {
    return {std::string(other->verb)};
  }
  constexpr size_t kShortMax = 3;  // Of such a word two letters are most of it.
  size_t far = word.size() > kShortMax ? kMeantDistanceMax : 1;
  for (const std::string& name : names) {
    far = std::min(far, name.starts_with(word) ? 0 : EditDistance(word, name));
  }
  std::vector<std::string> meant;
  for (const std::string& name : names) {
    if (EditDistance(word, name) <= far || name.starts_with(word)) meant.push_back(name);
  }
  return meant;
}

// What is to be done with a kind that stands before what follows it: "pods delete web", "svc web
// describe". Another verb takes no kind behind it.
std::string VerbOfKind(const Args& words) {
  static const std::set<std::string_view> kTakesKind = {
      "annotate", "autoscale", "create", "delete", "describe", "edit", "explain",
      "expose",   "get",       "label",  "patch",  "scale",    "wait"};
  constexpr size_t kLooked = 2;
  for (size_t i = 0; i < std::min(words.size(), kLooked); ++i) {
    const OtherWord* other = FindOtherWord(words[i]);
    const std::string_view verb = other ? other->verb : words[i];
    if (kTakesKind.contains(verb)) return std::string(verb);
  }
  return "get";
}

// Which words may have been meant by one that is none, for the end of a line.
std::string MeantWord(const Environment& environment, const std::string& verb,
                      const Args& words = {}) {
  // Who types a kind alone wants to see what there is of it; before a verb it stands in its place.
  if (environment.program != "kubectl" && IsBuiltInKind(verb)) {
    const std::vector<std::string> meant = {VerbOfKind(words) + " " + verb};
    return MeantText(meant);
  }
  std::vector<std::string> names = environment.programs;
  // In the order of kubectl's own help.
  constexpr const char* kOrder[] = {
      "create",       "expose",  "run",           "set",          "explain",      "get",
      "edit",         "delete",  "rollout",       "scale",        "autoscale",    "certificate",
      "cluster-info", "top",     "cordon",        "uncordon",     "drain",        "taint",
      "describe",     "logs",    "attach",        "exec",         "port-forward", "proxy",
      "cp",           "auth",    "debug",         "events",       "diff",         "apply",
      "patch",        "replace", "wait",          "kustomize",    "label",        "annotate",
      "completion",   "alpha",   "api-resources", "api-versions", "config",       "plugin",
      "version",      "options"};
  names.insert(names.end(), std::begin(kOrder), std::end(kOrder));
  if (environment.program == "skiff") {
    names.insert(names.end(), {"compose", "console", "convert", "help", "why"});
  }
  if (environment.program == "kubectl") {
    const OtherWord* other = FindOtherWord(verb);
    const auto known = other ? other->known_to_kubectl : std::vector<std::string_view>();
    return DidYouMean(verb, names, known);
  }
  return MeantText(NearestVerbs(verb, names));
}

int UnknownVerb(Environment& environment, const std::string& verb, const Args& args) {
  Args words = args;
  words.erase(words.begin(),
              words.begin() + static_cast<long>(std::min(FirstWord(args), args.size())));
  std::string meant = MeantWord(environment, verb, words);
  if (meant.empty() && environment.program != "kubectl") {
    meant = fmt::format("\n\n`{} --help` lists all words.", environment.program);
  }
  environment.err(fmt::format("error: unknown command \"{}\" for \"{}\"{}\n", verb,
                              environment.program, meant));
  return 1;
}

std::string UsageText(const Environment& environment) {
  const std::string text = fmt::format(
      "{0} controls the Kubernetes cluster manager.\n\n{1}Usage:\n  {0} [flags] [options]\n\n"
      "Use \"{0} <command> --help\" for more information about a given command.\n"
      "Use \"{0} options\" for a list of global command-line options (applies to all commands).\n",
      environment.program, VerbsText(environment.program == "kubectl"));
  return Wrapped(text, environment.columns);
}

int Usage(Environment& environment) {
  environment.out(UsageText(environment));
  return 0;
}

// In kubectl's order; what is only ours stands where somebody would look for it.
struct VerbGroup {
  const char* title;
  std::vector<const char*> verbs;
};
const std::vector<VerbGroup>& VerbGroups() {
  static const std::vector<VerbGroup> kGroups = {
      {"Basic Commands (Beginner)", {"create", "expose", "run", "set"}},
      {"Basic Commands (Intermediate)", {"explain", "get", "edit", "delete"}},
      {"Deploy Commands", {"rollout", "scale", "autoscale", "rolling-update", "compose"}},
      {"Cluster Management Commands",
       {"certificate", "cluster-info", "top", "cordon", "uncordon", "drain", "taint"}},
      {"Troubleshooting and Debugging Commands",
       {"why", "describe", "logs", "attach", "exec", "port-forward", "proxy", "cp", "auth", "debug",
        "events", "console"}},
      {"Advanced Commands", {"diff", "apply", "patch", "replace", "wait", "kustomize", "convert"}},
      {"Settings Commands", {"label", "annotate", "completion"}},
      {"Other Commands",
       {"alpha", "api-resources", "api-versions", "config", "options", "plugin", "version"}}};
  return kGroups;
}

}  // namespace

std::string VerbsText(bool is_kubectl) {
  static const std::set<std::string_view> kOwn = {"compose", "console", "convert",
                                                  "options", "rolling-update", "why"};
  std::string text;
  for (const auto& [title, verbs] : VerbGroups()) {
    text += fmt::format("{}:\n", title);
    for (const std::string_view verb : verbs) {
      if (is_kubectl && kOwn.contains(verb)) continue;
      text += fmt::format("  {:<15} {}\n", verb, PurposeOf(verb));
    }
    text += "\n";
  }
  return text;
}

std::vector<std::string> CliVerbs() {
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) names.emplace_back(verb.name);
  for (const Family& family : kFamilies) {
    if (family.name[0] != '_') names.emplace_back(family.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsCliVerb(std::string_view word) {
  return FindFamily(word) != nullptr ||
         FindVerb(kVerbs, std::size(kVerbs), std::string(word)) != nullptr;
}

bool IsCliLine(const Args& args) {
  const size_t at = FirstWord(args);
  return at < args.size() && IsCliVerb(args[at]);
}

namespace {

// `create` alone lets plugins have verbs below its own.
std::optional<Plugin> PluginFor(const Environment& environment, const std::string& verb,
                                const Args& args) {
  Args words = {verb};
  words.insert(words.end(), args.begin(), args.end());
  if (!IsCliVerb(verb)) return FindPlugin(environment, words);
  const bool below =
      verb == "create" && !args.empty() && !args[0].starts_with('-') && !HasCreateVerb(args[0]);
  return below ? FindPlugin(environment, words, 2) : std::nullopt;
}

}  // namespace

int RunCli(Environment& environment, const std::string& verb, const Args& args) {
  if (!environment.shape) {
    if (const auto plugin = PluginFor(environment, verb, args)) {
      return RunPlugin(environment, *plugin);
    }
  }
  if (const Family* family = FindFamily(verb)) return family->main(environment, args);
  const Verb* found = FindVerb(kVerbs, std::size(kVerbs), verb);
  if (!found) return UnknownVerb(environment, verb, args);
  // kubectl has one of them as a plugin alone, and the others not at all.
  if (verb == "console" || verb == "convert" || verb == "why") environment.program = "skiff";
  return RunVerb(environment, *found, verb, args);
}

namespace {

std::string HelpText(const Environment& environment) {
  return fmt::format(
      "Say what a word of {0} does and how, as --help behind it: {0} help create deployment.\n\n"
      "Usage:\n  {0} help [command] [flags] [options]\n\n"
      "Use \"{0} options\" for a list of global command-line options (applies to all commands).\n",
      environment.program);
}

// `help create deployment`: what --help of that verb prints. Words that name no verb are passed
// over, as kubectl does, but the first one.
int HelpMain(Environment& environment, const Args& words) {
  if (words.empty()) return Usage(environment);
  const std::string& verb = words[0];
  if (verb == "help" || verb == "--help" || verb == "-h") {
    environment.out(HelpText(environment));
    return 0;
  }
  const auto& programs = environment.programs;
  if (std::find(programs.begin(), programs.end(), verb) != programs.end()) {
    environment.out(environment.program_help(verb));
    return 0;
  }
  if (!IsCliVerb(verb)) {
    const std::string unknown = fmt::format("Unknown help topic [`{}`]", Join(words, " "));
    // What kubectl lists then has none of our programs.
    if (environment.program != "kubectl") {
      environment.err(fmt::format("{}{}\n\n`{} --help` lists all words.\n", unknown,
                                  MeantWord(environment, verb), environment.program));
      return 1;
    }
    environment.err(fmt::format("{}\n\n{}", unknown, UsageText(environment)));
    return 0;  // As kubectl.
  }
  Args called = {verb};
  for (size_t i = 1; i < words.size(); ++i) {
    const std::vector<std::string> below = ShapeOf(environment, called).verbs;
    if (std::find(below.begin(), below.end(), words[i]) == below.end()) break;
    called.push_back(words[i]);
  }
  Args args(called.begin() + 1, called.end());
  args.emplace_back("--help");
  return RunCli(environment, verb, args);
}

// `at`: where the first word stands that is no flag.
int RunWords(Environment& environment, const Args& args, size_t at) {
  if (at >= args.size()) return RefusesFlags(environment, "", args) ? 1 : Usage(environment);
  if (args[at] == "help") return HelpMain(environment, WithoutWord(args, at));
  if (at > 0 && !IsCliVerb(args[at])) {
    environment.err(fmt::format("Error: flags cannot be placed before plugin name: {}\n", args[0]));
    return 1;
  }
  return RunCli(environment, args[at], WithoutWord(args, at));
}

}  // namespace

int KubectlMain(const Args& given, const Caller& caller) {
  std::signal(SIGPIPE, SIG_IGN);
  // Whoever follows the terminal's size reads it from a descriptor; no thread may take it away.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGWINCH);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const SystemClock clock;
  Environment environment = SystemEnvironment(clock);
  environment.program = caller.name;
  environment.programs = caller.programs;
  environment.kubeconfig_here = caller.kubeconfig_here;
  environment.how_to_start = caller.how_to_start;
  environment.program_help = [](const std::string& program) {
    Args argv = Split(program, ' ');
    argv.insert(argv.begin(), "/proc/self/exe");
    argv.emplace_back("--help");
    const auto said = RunProcess({.argv = argv, .timeout = 5s});
    return said ? said->out : "";
  };
  const auto preferred = ApplyKuberc(environment, given);
  if (!preferred) {
    environment.err(fmt::format("error occurred while applying preferences {}\n",
                                preferred.error().message));
    return 1;
  }
  const Args& args = *preferred;
  const size_t at = FirstWord(args);
  const int code = RunWords(environment, args, at);
  const std::string fault = environment.output_fault();
  // As if by the signal that ends kubectl then.
  if (code == 0 && fault.empty() && environment.ended_early) return kSignalExits + SIGPIPE;
  if (code != 0 || fault.empty()) return code;
  environment.err(fmt::format("error: {}\n", fault));
  return 1;
}

}  // namespace skiff::cli
