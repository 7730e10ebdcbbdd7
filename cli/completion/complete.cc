// `completion SHELL`: a script that asks us, by `__complete`, for the words that could follow.
#include <algorithm>

#include "base/did_you_mean.h"
#include "base/text.h"
#include "cli/completion/candidates.h"
#include "cli/completion/scripts.h"
#include "cli/completion/shape.h"
#include "cli/json_text.h"
#include "cli/kuberc/kuberc.h"
#include "cli/plugins/plugins.h"
#include "cli/program.h"
#include "cli/terminal_text.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

// A command line, taken apart by what the verbs say of their flags.
struct TypedLine {
  Asked asked;
  VerbShape shape;  // Of the verb, or of a family that is still to get one.
  bool has_verb = false;
  Args globals;         // Flags that say which cluster is meant, and who asks.
  std::string pending;  // The flag whose value the last word is; "": it is none.
};

const ShapeFlag* FlagOf(const VerbShape& shape, const std::string& word) {
  for (const ShapeFlag& flag : shape.flags) {
    const bool is_long = word.starts_with("--") && word.substr(2) == flag.name;
    const bool is_letter = word.size() == 2 && word[0] == '-' && word[1] == flag.letter;
    if (is_long || is_letter) return &flag;
  }
  return nullptr;
}

bool IsVerbOf(const VerbShape& shape, const std::string& word) {
  return std::find(shape.verbs.begin(), shape.verbs.end(), word) != shape.verbs.end();
}

// "save" of "save FILE      keep all of a cluster"; "" of what is no line about a verb.
std::string VerbOfHelp(const std::string& text) {
  const size_t end = text.find(' ');
  if (end == std::string::npos || text.find("  ", end) == std::string::npos) return "";
  const std::string word = text.substr(0, end);
  return std::all_of(word.begin(), word.end(), IsLower) ? word : "";
}

// The flags that a program's help lists, each in a line that begins with it: "  --port INT=53  The
// port to answer on." What stands below belongs to it. A flag without a word for its value is a
// switch. Its verbs have lines as well: "  ls             list snapshots".
VerbShape ShapeOfProgram(const Environment& environment, const std::string& program) {
  VerbShape shape;
  if (!environment.program_help) return shape;
  for (const std::string& line : Split(environment.program_help(program), '\n')) {
    const size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) continue;
    const std::string text = line.substr(begin);
    if (!text.starts_with("--")) {
      // A help that did not fit beside its flag.
      const bool below = begin > 4 && !shape.flags.empty() && shape.flags.back().help.empty();
      if (below) shape.flags.back().help = text;
      const std::string verb = begin == 2 ? VerbOfHelp(text) : "";
      if (!verb.empty()) shape.verbs.push_back(verb);
      continue;
    }
    const size_t name_end = std::min(text.find_first_of(" ="), text.size());
    ShapeFlag flag{.name = text.substr(2, name_end - 2)};
    const std::string rest = text.substr(name_end);
    const size_t gap = rest.find("  ");
    const std::string value = rest.substr(0, gap == std::string::npos ? rest.size() : gap);
    flag.takes_value =
        value.size() > 2 && value[0] == ' ' && IsUpper(value[1]) && IsUpper(value[2]);
    const size_t after = flag.takes_value ? rest.find(' ', 1) : rest.find(' ');
    const size_t help = rest.find_first_not_of(' ', after);
    if (help != std::string::npos) flag.help = rest.substr(help);
    // A help of several parts may tell of a flag in more than one.
    if (FlagOf(shape, "--" + flag.name) == nullptr) shape.flags.push_back(std::move(flag));
  }
  return shape;
}

bool IsProgram(const Environment& environment, const std::string& word) {
  const auto& programs = environment.programs;
  return std::find(programs.begin(), programs.end(), word) != programs.end();
}

// The flags are those of the verb as far as it is known: before it those of all verbs.
void TakeWords(const Environment& environment, const Args& words, TypedLine& line) {
  Args verb;
  std::string program;
  VerbShape all = ShapeOf(environment, {"options"});
  line.shape.verbs = CliVerbs();
  line.shape.flags = all.flags;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      line.asked.words.insert(line.asked.words.end(), words.begin() + static_cast<long>(i) + 1,
                              words.end() - 1);
      break;
    }
    if (word.size() > 1 && word[0] == '-') {
      const size_t equals = word.find('=');
      const ShapeFlag* flag = FlagOf(line.shape, word.substr(0, equals));
      const bool next = flag && flag->takes_value && equals == std::string::npos;
      if (next && i + 2 == words.size()) line.pending = flag->name;
      if (flag && flag->global && !(next && i + 2 == words.size())) line.globals.push_back(word);
      if (next && i + 2 < words.size()) {
        ++i;
        if (flag->global) line.globals.push_back(words[i]);
      }
      continue;
    }
    if (!line.has_verb && !IsVerbOf(line.shape, word) && IsProgram(environment, word)) {
      line.has_verb = true;
      program = word;
      line.shape = ShapeOfProgram(environment, word);
      continue;
    }
    if (!program.empty() && IsVerbOf(line.shape, word)) {
      line.shape = ShapeOfProgram(environment, program + " " + word);
      line.shape.verbs.clear();
      continue;
    }
    if (IsVerbOf(line.shape, word)) {
      verb.push_back(word);
      line.has_verb = true;
      line.shape = ShapeOf(environment, verb);
      continue;
    }
    // What is no verb of a family is a word of it: "apply" has verbs, and goes without.
    line.has_verb = true;
    line.shape.verbs.clear();
    line.asked.words.push_back(word);
  }
  line.asked.verb = Join(verb, " ");
  line.asked.last = words.back();
  if (const size_t equals = line.asked.last.find('=');
      line.pending.empty() && line.asked.last.starts_with('-') && equals != std::string::npos) {
    const ShapeFlag* flag = FlagOf(line.shape, line.asked.last.substr(0, equals));
    line.pending = flag ? flag->name : "-";
    line.asked.last.erase(0, equals + 1);
  }
}

// "--namespace\tThe namespace scope ...": those of all verbs first.
Candidates FlagNames(const TypedLine& line) {
  Candidates found{{}, kNoFiles};
  for (const bool global : {true, false}) {
    for (const ShapeFlag& flag : line.shape.flags) {
      if (flag.global != global) continue;
      found.values.push_back(fmt::format("--{}\t{}", flag.name, flag.help));
      if (flag.letter != 0) found.values.push_back(fmt::format("-{}\t{}", flag.letter, flag.help));
    }
  }
  return found;
}

Candidates CandidatesFor(Command& command, const TypedLine& line) {
  const Environment& environment = command.environment();
  if (!line.pending.empty()) return FlagValues(command, line.asked, line.pending);
  if (line.asked.last.starts_with('-')) return FlagNames(line);
  if (!line.has_verb) {
    Candidates found{line.shape.verbs, kNoFiles};
    found.values.insert(found.values.end(), environment.programs.begin(),
                        environment.programs.end());
    const auto aliases = AliasesOfKuberc(environment);
    found.values.insert(found.values.end(), aliases.begin(), aliases.end());
    for (const std::string& each : PluginNames(environment)) {
      found.values.push_back(each + "\tThe command " + each + " is a plugin installed by the user");
    }
    return found;
  }
  Candidates found = WordValues(command, line.asked);
  if (!line.shape.verbs.empty()) {
    found.values.insert(found.values.begin(), line.shape.verbs.begin(), line.shape.verbs.end());
    found.directive |= kNoFiles;
  }
  return found;
}

void PrintCandidates(Environment& environment, const Candidates& found, const std::string& begin,
                     bool descriptions) {
  Args shown;
  for (const std::string& value : found.values) {
    // Endings of files are for the shell to look by.
    if (!(found.directive & kFileEndings) && !value.starts_with(begin)) continue;
    // A name may hold what ends a line here, or is a command to a terminal.
    if (value.find('\n') != value.npos || WithoutControls(value) != value) continue;
    shown.push_back(descriptions ? value : value.substr(0, value.find('\t')));
  }
  const bool sorted = !(found.directive & kFileEndings) &&
                      (found.values.empty() || !found.values[0].starts_with("--"));
  if (sorted) std::sort(shown.begin(), shown.end());
  for (const std::string& value : shown) environment.out(value + "\n");
  environment.out(fmt::format(":{}\n", found.directive));
}

// A verb of the user's own stands for what his kuberc says.
void ReplaceAlias(const Environment& environment, Args& words) {
  const auto aliases = AliasesOfKuberc(environment);
  if (words.size() < 2 || std::find(aliases.begin(), aliases.end(), words[0]) == aliases.end()) {
    return;
  }
  Environment silent = environment;
  silent.err = [](std::string_view) {};
  auto meant = ApplyKuberc(silent, Args(words.begin(), words.end() - 1));
  if (!meant) return;
  meant->push_back(words.back());
  words = *std::move(meant);
}

int Complete(Environment& environment, const Args& args, bool descriptions) {
  Args words = args.empty() ? Args{""} : args;
  // `skiff kubectl get` has the words of `skiff get`.
  if (words.size() > 1 && words[0] == "kubectl" && IsProgram(environment, words[0])) {
    words.erase(words.begin());
  }
  ReplaceAlias(environment, words);
  TypedLine line;
  TakeWords(environment, words, line);
  if (line.asked.verb.empty() && !line.asked.words.empty()) {
    if (const auto answered = CompletePlugin(environment, words)) return *answered;
  }
  Command command(environment, "__complete");
  const auto parsed = command.Parse(line.globals);
  const Candidates found = parsed ? CandidatesFor(command, line) : Candidates();
  PrintCandidates(environment, found, line.asked.last, descriptions);
  return 0;
}

}  // namespace

VerbShape ShapeOf(const Environment& environment, const Args& verb) {
  VerbShape shape;
  Environment silent = environment;
  silent.shape = &shape;
  silent.out = [](std::string_view) {};
  silent.err = [](std::string_view) {};
  (void)RunCli(silent, verb[0], Args(verb.begin() + 1, verb.end()));  // It ends where it is told.
  return shape;
}

Result<> RunCompletion(Command& command, const Args& args) {
  TRY(command.Parse(args));
  if (command.words().empty()) {
    return command.UsageError("Shell not specified.");
  }
  if (command.words().size() > 1) {
    return command.UsageError("Too many arguments. Expected only the shell type.");
  }
  const std::string script = CompletionScript(command.words()[0], command.environment().program);
  if (script.empty()) {
    const std::string& word = command.words()[0];
    const bool guesses = command.environment().program != "kubectl";
    std::string meant;
    if (guesses && !word.empty()) {
      meant = DidYouMean(word, {std::begin(kShells), std::end(kShells)});
    }
    if (!meant.empty()) meant += '\n';
    return command.UsageError(fmt::format("Unsupported shell type \"{}\".{}", word, meant));
  }
  command.environment().out(script);
  return {};
}

int CompleteMain(Environment& environment, const Args& args) {
  return Complete(environment, args, /*descriptions=*/true);
}

int CompleteNoDescMain(Environment& environment, const Args& args) {
  return Complete(environment, args, /*descriptions=*/false);
}

}  // namespace skiff::cli
