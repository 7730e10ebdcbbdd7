// `set env`: environment variables of a pod template.
#include <algorithm>
#include <map>

#include "cli/env_name.h"
#include "cli/env_values.h"
#include "cli/json_text.h"
#include "cli/pod_specs.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

struct EnvFlags {
  SetFlags set;
  std::vector<std::string> env;
  std::vector<std::string> keys;
  std::string containers = "*";
  std::string from;
  std::string prefix;
  bool list = false;
  bool overwrite = true;
  bool resolve = false;

  void AddTo(Command& command) {
    set.AddTo(command);
    command.FlagEach("env,e", env, "A variable to set: NAME=value.");
    command.Flag("keys", keys, "Keys to import from --from; all without this.");
    command.Flag("containers,c", containers, "The containers to change; may hold a \"*\".");
    command.Flag("from", from, "configmap/NAME or secret/NAME to inject variables from.");
    command.Flag("prefix", prefix, "Goes before names of variables.");
    command.Flag("list", list, "Display the environment.");
    command.Flag("overwrite", overwrite, "Allow variables to be overwritten.");
    command.Flag("resolve", resolve, "With --list: the values that references stand for.");
  }
  Result<> Check(const Args& resources) const;
};

Result<> EnvFlags::Check(const Args& resources) const {
  TRY(CheckLocal(set));
  if (resources.empty() && set.files.empty()) {
    return CliError(
        "one or more resources must be specified as <resource> <name> or <resource>/<name>");
  }
  if (list && !set.write.print.output.empty()) {
    return CliError("--list and --output may not be specified together");
  }
  if (!keys.empty() && from.empty()) {
    return CliError("when specifying --keys, a configmap or secret must be provided with --from");
  }
  return {};
}

struct EnvChanges {
  std::vector<Json> set;  // Of a name that comes twice the first one counts.
  std::vector<std::string> removed;
};

Json Variable(const std::string& name, const std::string& value) {
  Json variable = {{"name", name}};
  if (!value.empty()) variable["value"] = value;
  return variable;
}

// "app.name" -> "APP_NAME"
std::string VariableName(const std::string& key) {
  std::string name;
  for (const char c : key) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += !letter ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

// A variable a key of a ConfigMap or Secret, which it refers to.
Result<std::vector<Json>> FromSource(Command& command, const EnvFlags& flags) {
  Session& session = *TRY(command.session());
  const Selections selections = TRY(ParseSelections(command, {flags.from}));
  const Selection& source = selections.items[0];
  const std::string& kind = source.kind.resource.kind;
  if (source.names.empty()) {
    return CliError("resource(s) were provided, but no name was specified");
  }
  const std::string& name = source.names[0];
  const Json object = TRY(session.api().Get(source.kind.resource, {session.namespace_(), name}));
  if (kind != "ConfigMap" && kind != "Secret") {
    return CliError("unsupported resource specified in --from");
  }
  std::vector<Json> variables;
  if (!At(object, "data").is_object()) return variables;
  for (const auto& [key, value] : At(object, "data").items()) {
    const bool wanted = flags.keys.empty() ||
                        std::find(flags.keys.begin(), flags.keys.end(), key) != flags.keys.end();
    if (!wanted) continue;
    const std::string variable = VariableName(key);
    if (variable != key) command.Warn("Warning: key {} transferred to {}\n", key, variable);
    const char* reference = kind == "Secret" ? "secretKeyRef" : "configMapKeyRef";
    variables.push_back(
        {{"name", variable}, {"valueFrom", {{reference, {{"key", key}, {"name", name}}}}}});
  }
  return variables;
}

// "-": lines of standard input, in which "#" begins a comment.
Result<> ReadVariables(Command& command, bool asks_server, EnvChanges& changes) {
  const std::string input = TRY(TakeInput(command, asks_server));
  for (const std::string& line : Split(input, '\n')) {
    const std::string text = line.substr(0, line.find('#'));
    const size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    changes.set.push_back(Variable(text.substr(0, equals), text.substr(equals + 1)));
  }
  return {};
}

Result<EnvChanges> ChangesOf(Command& command, const EnvFlags& flags, const Args& words) {
  EnvChanges changes;
  Args pairs = flags.env;
  pairs.insert(pairs.end(), words.begin(), words.end());
  std::vector<std::string> named;
  for (const std::string& word : pairs) {
    const size_t equals = word.find('=');
    if (word == "-") {
      const Args& files = flags.set.files.filenames;
      if (std::find(files.begin(), files.end(), "-") != files.end()) {
        return CliError(kInputUsedTwice);
      }
      TRY(ReadVariables(command, !flags.set.local, changes));
    } else if (equals != std::string::npos) {
      TRY(CheckEnvName(word.substr(0, equals)));
      named.push_back(word.substr(0, equals));
      changes.set.push_back(Variable(named.back(), word.substr(equals + 1)));
    } else if (word.ends_with('-')) {
      changes.removed.push_back(word.substr(0, word.size() - 1));
    } else {
      return CliError("unknown environment variable: " + word);
    }
  }
  for (const std::string& name : changes.removed) {
    if (std::find(named.begin(), named.end(), name) == named.end()) continue;
    return CliError(
        "can not both modify and remove the same environment variable in the same command");
  }
  if (!flags.from.empty()) {
    for (Json& variable : TRY(FromSource(command, flags))) {
      changes.set.push_back(std::move(variable));
    }
  }
  for (Json& variable : changes.set) variable["name"] = flags.prefix + TextAt(variable, "name");
  return changes;
}

const Json* FindVariable(const Json& variables, const std::string& name) {
  for (const Json& each : variables) {
    if (TextAt(each, "name") == name) return &each;
  }
  return nullptr;
}

// What there is keeps its order, and what is new comes after it.
Json ChangedEnv(const EnvChanges& changes, const Json& present) {
  Json changed = Json::array();
  const Json set = changes.set;
  const auto take = [&](const Json& variable) {
    const std::string name = TextAt(variable, "name");
    const auto& removed = changes.removed;
    if (std::find(removed.begin(), removed.end(), name) != removed.end()) return;
    const Json* newer = FindVariable(set, name);
    // One that is there twice stays so, unless it is set.
    if (newer && FindVariable(changed, name)) return;
    changed.push_back(newer ? *newer : variable);
  };
  for (const Json& each : present) take(each);
  for (const Json& each : set) take(each);
  return changed;
}

// The strategic merge patch of the list, null where it stays the same.
Json EnvPatch(const Json& before, const Json& after) {
  Json merged = Json::array();
  Json order = Json::array();
  for (const Json& each : after) {
    const std::string name = TextAt(each, "name");
    if (FindVariable(order, name)) continue;
    order.push_back({{"name", name}});
    const Json* old = FindVariable(before, name);
    if (old && *old == each) continue;
    Json entry = each;
    if (old) {
      for (const char* form : {"value", "valueFrom"}) {
        if (old->contains(form) && !entry.contains(form)) entry[form] = nullptr;
      }
    }
    merged.push_back(std::move(entry));
  }
  for (const Json& each : before) {
    const std::string name = TextAt(each, "name");
    if (!FindVariable(after, name)) merged.push_back({{"$patch", "delete"}, {"name", name}});
  }
  if (merged.empty()) return nullptr;
  return {{"$setElementOrder/env", std::move(order)}, {"env", std::move(merged)}};
}

void ListEnv(Command& command, const EnvFlags& flags, const Target& target, const Json& container,
             const Json& variables) {
  command.Print("# {} {}, container {}\n", target.resource.kind, target.key.name,
                TextAt(container, "name"));
  std::map<std::string, std::vector<std::string>> failures;
  EnvValues values(command, target.object, container);
  for (const Json& variable : variables) {
    const std::string name = TextAt(variable, "name");
    const Json& from = At(variable, "valueFrom");
    if (!from.is_object()) {
      command.Print("{}={}\n", name, TextAt(variable, "value"));
      continue;
    }
    const auto value = flags.resolve ? values.Of(from) : Result<std::string>();
    if (flags.resolve && value) {
      command.Print("{}={}\n", name, *value);
      continue;
    }
    command.Print("# {} from {}\n", name, ReferenceText(from));
    if (flags.resolve) failures[value.error().message].push_back(name);
  }
  for (auto& [why, names] : failures) {
    std::sort(names.begin(), names.end());
    command.Warn("error retrieving reference for {}: {}\n", Join(names, ", "), why);
  }
}

Result<> CheckOverwrites(const EnvFlags& flags, const EnvChanges& changes, const Target& target,
                         const Json& present) {
  for (const Json& variable : changes.set) {
    const std::string name = TextAt(variable, "name");
    const Json* old = FindVariable(present, name);
    if (!old || TextAt(*old, "value") == TextAt(variable, "value")) continue;
    return SetFailure(flags.set, target,
                      fmt::format("'{}' already has a value ({}), and --overwrite is false", name,
                                  TextAt(*old, "value")));
  }
  return {};
}

Result<> SetOne(Command& command, const EnvFlags& flags, const EnvChanges& changes,
                const Target& target) {
  Json object = target.object;
  Json* spec = PodSpecOf(object);
  if (!spec) return NoPodTemplate(flags.set, target);
  Json lists = Json::object();
  bool any = false;
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : At(*spec, list)) {
      if (!MatchesPattern(TextAt(container, "name"), flags.containers)) continue;
      any = true;
      const Json& present = At(container, "env");
      if (!flags.overwrite) TRY(CheckOverwrites(flags, changes, target, present));
      const Json changed = ChangedEnv(changes, present);
      if (flags.list) ListEnv(command, flags, target, container, changed);
      Json patch = EnvPatch(present, changed);
      if (patch.is_null()) continue;
      patch["name"] = TextAt(container, "name");
      if (!lists.contains(list)) lists[list] = Json::array();
      lists[list].push_back(std::move(patch));
    }
  }
  if (!any) {
    command.Warn("Warning: {}/{} does not have any containers matching \"{}\"\n",
                 target.resource.kind, target.key.name, flags.containers);
  }
  if (flags.list || lists.empty()) return {};
  return SendSetPatch(command, flags.set, target,
                      PodSpecPatch(target.resource.kind, std::move(lists)),
                      {"env updated", "failed to patch env update to pod template:"});
}

// Words before the first that says what to set name resources.
Result<std::pair<Args, Args>> SortEnvWords(const Args& words) {
  Args resources, changes;
  for (const std::string& word : words) {
    const size_t equals = word.rfind('=');
    const bool is_change =
        (equals != std::string::npos && equals > 0) || (!word.empty() && word.ends_with('-'));
    if (!is_change && !changes.empty()) {
      return CliError("all resources must be specified before environment changes: " +
                      Join(words, " "));
    }
    (is_change ? changes : resources).push_back(word);
  }
  return std::pair(resources, changes);
}

}  // namespace

Result<> RunSetEnv(Command& command, const Args& args) {
  EnvFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.set.write.Check());
  const auto [resources, words] = TRY(SortEnvWords(command.words()));
  TRY(flags.Check(resources));
  const EnvChanges changes = TRY(ChangesOf(command, flags, words));
  const auto targets =
      TRY(FindSetTargets(command, flags.set, flags.set.local ? Args() : resources));
  for (const Target& target : targets) {
    const auto done = SetOne(command, flags, changes, target);
    if (!done && !flags.list) command.Report(done.error());
  }
  return {};
}

}  // namespace skiff::cli
