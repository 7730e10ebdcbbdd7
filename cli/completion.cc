// `completion bash`: a script that asks us (`__complete`) for the words that could follow.
#include <algorithm>

#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/program.h"
#include "cli/session.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// {0} is the name of the program.
constexpr char kBashScript[] =
    R"(# bash completion for {0}                           -*- shell-script -*-
__{0}_complete() {{
  local words=("${{COMP_WORDS[@]:1:COMP_CWORD}}") candidate
  COMPREPLY=()
  # bash takes "a:b" and "a=b" apart; only what follows the last part is replaced.
  local current=${{COMP_WORDS[COMP_CWORD]}}
  while IFS= read -r candidate; do
    case $candidate in
      :*) break ;;
      "$current"*) COMPREPLY+=("${{candidate%%$'\t'*}}") ;;
    esac
  done < <({0} __complete "${{words[@]}}" 2>/dev/null)
}}
complete -o default -F __{0}_complete {0}
)";

// Directives behind the candidates: the shell may offer files, or not.
constexpr char kFiles[] = ":0\n";
constexpr char kNoFiles[] = ":4\n";

bool TakesObjects(const std::string& verb) {
  static const std::vector<std::string> kVerbs = {"annotate", "delete", "describe", "edit",
                                                  "expose",   "get",    "label",    "patch",
                                                  "scale",    "wait",   "explain",  "autoscale"};
  return std::find(kVerbs.begin(), kVerbs.end(), verb) != kVerbs.end();
}

bool TakesPods(const std::string& verb) {
  return verb == "logs" || verb == "exec" || verb == "attach" || verb == "port-forward";
}

Result<std::vector<std::string>> NamesOf(Command& command, const std::string& type) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find(type));
  ListOptions options;
  options.namespace_ = session.NamespaceFor(kind.resource);
  const JsonList list = TRY(session.api().List(kind.resource, options));
  std::vector<std::string> names;
  for (const Json& item : list.items) names.push_back(NameOf(item));
  return names;
}

Result<std::vector<std::string>> TypesServed(Command& command) {
  Session& session = *TRY(command.session());
  const auto kinds = TRY(session.kinds().Discover());
  std::vector<std::string> names;
  for (const ServedKind& kind : kinds) {
    names.push_back(std::find(names.begin(), names.end(), kind.resource.name) == names.end()
                        ? kind.resource.name
                        : kind.FullName());
  }
  return names;
}

// What may stand where the last word is.
Result<std::vector<std::string>> Candidates(Command& command, const Args& words) {
  const std::string& last = words.back();
  if (words.size() == 1) return CliVerbs();
  const std::string& before = words[words.size() - 2];
  if (before == "-n" || before == "--namespace") return NamesOf(command, "namespaces");
  if (last.starts_with('-')) return std::vector<std::string>();
  Args plain;
  for (const std::string& word : words) {
    if (!word.starts_with('-')) plain.push_back(word);
  }
  const std::string& verb = plain[0];
  if (TakesPods(verb) && plain.size() == 2) return NamesOf(command, "pods");
  if (verb == "cordon" || verb == "uncordon" || verb == "drain") return NamesOf(command, "nodes");
  if (!TakesObjects(verb)) return std::vector<std::string>();
  if (plain.size() > 2) return NamesOf(command, plain[1]);
  const size_t slash = last.find('/');
  if (slash == std::string::npos) return TypesServed(command);
  const std::string type = last.substr(0, slash);
  auto names = TRY(NamesOf(command, type));
  for (std::string& name : names) name = type + "/" + name;
  return names;
}

}  // namespace

Result<> RunCompletion(Command& command, const Args& args) {
  TRY(command.Parse(args));
  if (command.words().empty()) {
    return command.UsageError("Shell not specified.");
  }
  if (command.words().size() > 1) {
    return command.UsageError("Too many arguments. Expected only the shell type.");
  }
  if (command.words()[0] != "bash") {
    return command.UsageError(fmt::format("Unsupported shell type \"{}\".", command.words()[0]));
  }
  command.environment().out(fmt::format(kBashScript, command.environment().program));
  return {};
}

int CompleteMain(Environment& environment, const Args& args) {
  Command command(environment, "__complete");
  const Args words = args.empty() ? Args{""} : args;
  // Flags that say which cluster is meant count for what is asked of it.
  Args globals;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    const bool alone = word.starts_with("--kubeconfig=") || word.starts_with("--context=") ||
                       word.starts_with("--namespace=") || word.starts_with("--server=");
    const bool pair = word == "-n" || word == "--namespace" || word == "--kubeconfig" ||
                      word == "--context" || word == "-s" || word == "--server";
    if (alone || (pair && i + 2 < words.size())) globals.push_back(word);
    if (pair && i + 2 < words.size()) globals.push_back(words[++i]);
  }
  const auto parsed = command.Parse(globals);
  const auto candidates =
      parsed ? Candidates(command, words) : Result<std::vector<std::string>>(Fail(parsed.error()));
  if (!candidates) {
    environment.out(kFiles);  // A shell has no use for our trouble.
    return 0;
  }
  auto sorted = *candidates;
  std::sort(sorted.begin(), sorted.end());
  for (const std::string& candidate : sorted) {
    if (candidate.starts_with(words.back())) environment.out(candidate + "\n");
  }
  environment.out(sorted.empty() ? kFiles : kNoFiles);
  return 0;
}

}  // namespace skiff::cli
