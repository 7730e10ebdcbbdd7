// `wait --for=condition=|delete|create|jsonpath=`.
#include <algorithm>
#include <utility>

#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/json_path.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr Duration kWeek = 168h;
constexpr Duration kCreatePollPeriod = 500ms;

struct Goal {
  enum class Kind : uint8_t { kCondition, kDelete, kCreate, kPath } kind;
  std::string condition;  // Lower case.
  std::string path;
  std::optional<std::string> value;  // Lower case for conditions.
};

// At each single "="; two of them are part of what they stand in.
std::vector<std::string> AtEquals(const std::string& text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      parts.back() += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '=') {
      parts.back() += "==";
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

Result<Goal> ParsePathGoal(const std::string& text) {
  if (text.empty()) return CliError("jsonpath expression cannot be empty");
  const auto parts = AtEquals(text);
  if (parts.size() > 2) {
    return CliError(
        "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
        "--for=jsonpath='{.status.readyReplicas}'");
  }
  const std::string path = TRY(RelaxedPath(parts[0]));
  if (parts.size() == 1) return Goal{Goal::Kind::kPath, "", path, {}};
  const std::string& given = parts[1];
  const size_t begin = given.find_first_not_of("'\"");
  if (begin == std::string::npos) {
    return CliError(
        "jsonpath wait has to have a value after equal sign, like --for="
        "jsonpath='{.status.readyReplicas}'=3");
  }
  const std::string value = given.substr(begin, given.find_last_not_of("'\"") + 1 - begin);
  return Goal{Goal::Kind::kPath, "", path, value};
}

Result<Goal> ParseGoal(const std::string& text) {
  const std::string lower = Lower(text);
  if (lower == "delete") return Goal{Goal::Kind::kDelete, "", "", {}};
  if (lower == "create") return Goal{Goal::Kind::kCreate, "", "", {}};
  if (text.starts_with("condition=")) {
    const std::string rest = lower.substr(10);
    const size_t equals = rest.find('=');
    const std::string value = equals == std::string::npos ? "true" : rest.substr(equals + 1);
    return Goal{Goal::Kind::kCondition, rest.substr(0, equals), "", value};
  }
  if (text.starts_with("jsonpath=")) return ParsePathGoal(text.substr(9));
  return CliError(fmt::format("unrecognized condition: \"{}\"", text));
}

bool ConditionMet(const Json& object, const Goal& goal) {
  for (const Json& condition : At(object, "status", "conditions")) {
    if (Lower(TextAt(condition, "type")) != goal.condition) continue;
    const int64_t generation = IntAt(object, "metadata", "generation");
    const Json& own = At(condition, "observedGeneration");
    const Json& observed = own.is_null() ? At(object, "status", "observedGeneration") : own;
    if (!observed.is_null() && IntOf(observed) < generation) return false;
    return Lower(TextAt(condition, "status")) == *goal.value;
  }
  return false;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
  const size_t begin = std::min(text.find_first_not_of(kWhiteSpace), text.size());
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

Result<bool> PathMet(const Json& object, const Goal& goal) {
  const JsonPath path = TRY(JsonPath::Parse(goal.path));
  const auto found = TRY(path.Find(object));
  if (found.empty()) return false;
  if (found.size() > 1) return CliError("given jsonpath expression matches more than one value");
  if (!goal.value) return true;
  if (found[0]->is_structured()) {
    return CliError("jsonpath leads to a nested object or list which is not supported");
  }
  return Trimmed(GoPlain(*found[0])) == Trimmed(*goal.value);
}

Result<bool> Met(const Json& object, const Goal& goal) {
  return goal.kind == Goal::Kind::kCondition ? ConditionMet(object, goal) : PathMet(object, goal);
}

tl::unexpected<Error> NotThere(const Target& target) {
  constexpr int kNotFoundCode = 404;
  const std::string full = ServedKind{.resource = target.resource}.FullName();
  Error error{Reason::kNotFound, fmt::format("{} {} not found", full, GoQuote(target.key.name))};
  error.http_code = kNotFoundCode;
  return Fail(std::move(error));
}

// The object as it was when it came to that; of one that is to go, as it is known.
Result<Json> WaitForGoal(Session& session, const Target& target, const Goal& goal,
                         Duration timeout) {
  if (goal.kind == Goal::Kind::kCreate) return target.object;
  const std::string uid = TextAt(target.object, "metadata", "uid");
  Json reached = target.object;
  bool is_first = true;
  const auto done = [&](const Json* object) -> Result<bool> {
    if (goal.kind == Goal::Kind::kDelete) {
      return !object || TextAt(*object, "metadata", "uid") != uid;
    }
    // What went while others were waited for does not come again; what goes later may.
    const bool was_first = std::exchange(is_first, false);
    if (!object && was_first) return NotThere(target);
    if (!object) return false;
    const bool is_met = TRY(Met(*object, goal));
    if (is_met) reached = *object;
    return is_met;
  };
  TRY(WaitUntil(session, target.resource, target.key, timeout, done));
  return reached;
}

// The objects named, once they exist (--for=create).
Result<std::vector<Target>> AwaitCreation(Command& command, const TargetOptions& options,
                                          Duration timeout) {
  const Clock& clock = command.environment().clock;
  const Duration deadline = clock.Monotonic() + timeout;
  TargetOptions named = options;
  named.fetch = false;
  auto wanted = TRY(FindTargets(command, command.words(), named));
  // What a selector asks for may have any name: the first that comes is it.
  while (wanted.empty()) {
    if (command.exit_code() != 0) return wanted;
    if (clock.Monotonic() >= deadline) return CliError("timed out waiting for the condition");
    command.environment().pause(kCreatePollPeriod);
    wanted = TRY(FindTargets(command, command.words(), named));
  }
  Session& session = *TRY(command.session());
  std::vector<Target> found;
  for (Target target : wanted) {
    while (true) {
      auto object = session.api().Get(target.resource, target.key);
      if (object) {
        target.object = std::move(*object);
        break;
      }
      if (object.error().reason != Reason::kNotFound) return Fail(object.error());
      if (clock.Monotonic() >= deadline) return CliError("timed out waiting for the condition");
      command.environment().pause(kCreatePollPeriod);
    }
    found.push_back(std::move(target));
  }
  return found;
}

// For delete, a named object that is not there is fine.
Result<std::vector<Target>> FindForDelete(Command& command, TargetOptions options) {
  options.fetch = false;
  const auto named = TRY(FindTargets(command, command.words(), options));
  Session& session = *TRY(command.session());
  std::vector<Target> found;
  for (Target target : named) {
    auto object = session.api().Get(target.resource, target.key);
    if (object) {
      target.object = std::move(*object);
      found.push_back(std::move(target));
    } else if (object.error().reason != Reason::kNotFound) {
      command.Report(object.error());
    }
  }
  return found;
}

}  // namespace

Result<> RunWait(Command& command, const Args& args) {
  PrintFlags print;
  FileFlags files{.recursive = true, .takes_kustomize = false};
  SelectorFlags selectors;
  std::string goal_text;
  Duration timeout = 30s;
  bool local = false;
  print.AddTo(command);
  files.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("field-selector", selectors.fields, "Selector (field query) to filter on.");
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  command.Flag("all-namespaces,A", selectors.all_namespaces, "In all namespaces.");
  command.Flag("for", goal_text,
               "create, delete, condition=NAME[=VALUE] or jsonpath=PATH[=VALUE].");
  command.Flag("timeout", timeout, "How long to wait; 0 checks once, below 0 waits a week.");
  command.Flag("local", local, "Take no words, as of objects of files alone.");
  TRY(command.Parse(args));
  TRY(print.Check());
  if (local && !command.words().empty()) return WordsOfLocal();
  const Goal goal = TRY(ParseGoal(goal_text));
  if (timeout < Duration(0)) timeout = kWeek;
  Session& session = *TRY(command.session());
  const TargetOptions options{.files = &files, .selectors = selectors};
  std::vector<Target> targets;
  if (goal.kind == Goal::Kind::kCreate) {
    targets = TRY(AwaitCreation(command, options, timeout));
  } else if (goal.kind == Goal::Kind::kDelete) {
    targets = TRY(FindForDelete(command, options));
  } else {
    targets = TRY(FindTargets(command, command.words(), options));
  }
  if (targets.empty()) {
    if (goal.kind == Goal::Kind::kDelete || command.exit_code() != 0) return {};
    return CliError("no matching resources found");
  }
  // One time for all, after which each is looked at once more.
  const Duration begin = command.environment().clock.Monotonic();
  for (const Target& target : targets) {
    const Duration passed = command.environment().clock.Monotonic() - begin;
    const auto done = WaitForGoal(session, target, goal, std::max(timeout - passed, Duration(0)));
    if (done) {
      TRY(PrintOutcome(command, print, *done, target.resource, "condition met"));
    } else if (done.error().reason == Reason::kTimeout && timeout == Duration(0)) {
      command.Report(CliError("condition not met for " + target.PathName()).value());
    } else if (done.error().reason == Reason::kTimeout && done.error().http_code == 0) {
      command.Report(
          CliError("timed out waiting for the condition on " + target.PathName()).value());
    } else {
      command.Report(done.error());
    }
  }
  return {};
}

}  // namespace skiff::cli
