// `set env`: environment variables of a pod template.
#include <algorithm>

#include "cli/env_name.h"
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
    command.Flag("prefix", prefix, "Goes before names of variables taken from --from.");
    command.Flag("list", list, "Display the environment.");
    command.Flag("overwrite", overwrite, "Allow variables to be overwritten.");
    command.Flag("resolve", resolve, "Accepted for command lines of kubectl.");
  }
};

struct EnvChanges {
  std::vector<Json> set;
  std::vector<std::string> removed;
};

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
  if (kind != "ConfigMap" && kind != "Secret") {
    return CliError(fmt::format("unsupported resource specified in --from"));
  }
  if (source.names.empty()) {
    return CliError("resource(s) were provided, but no name was specified");
  }
  const std::string& name = source.names[0];
  const Json object = TRY(session.api().Get(source.kind.resource, {session.namespace_(), name}));
  std::vector<Json> variables;
  if (!At(object, "data").is_object()) return variables;
  for (const auto& [key, value] : At(object, "data").items()) {
    const bool wanted = flags.keys.empty() ||
                        std::find(flags.keys.begin(), flags.keys.end(), key) != flags.keys.end();
    if (!wanted) continue;
    const std::string variable = VariableName(key);
    if (variable != key) command.Warn("Warning: key {} transferred to {}\n", key, variable);
    const char* reference = kind == "Secret" ? "secretKeyRef" : "configMapKeyRef";
    variables.push_back({{"name", flags.prefix + variable},
                         {"valueFrom", {{reference, {{"key", key}, {"name", name}}}}}});
  }
  return variables;
}

Result<EnvChanges> ChangesOf(Command& command, const EnvFlags& flags, const Args& words) {
  EnvChanges changes;
  Args pairs = words;
  pairs.insert(pairs.end(), flags.env.begin(), flags.env.end());
  for (const std::string& word : pairs) {
    const size_t equals = word.find('=');
    if (equals != std::string::npos && equals > 0) {
      TRY(CheckEnvName(word.substr(0, equals)));
      changes.set.push_back({{"name", word.substr(0, equals)}, {"value", word.substr(equals + 1)}});
    } else if (word.ends_with('-')) {
      changes.removed.push_back(word.substr(0, word.size() - 1));
    } else {
      return CliError(
          fmt::format("environment variables must be of the form key=value and can "
                      "only contain letters, digits, and underscores: \"{}\"",
                      word));
    }
  }
  if (!flags.from.empty()) {
    for (Json& variable : TRY(FromSource(command, flags)))
      changes.set.push_back(std::move(variable));
  }
  return changes;
}

bool NameMatches(const std::string& name, const std::string& pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string::npos) return name == pattern;
  const std::string head = pattern.substr(0, star);
  const std::string tail = pattern.substr(star + 1);
  return name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
}

std::string ReferenceText(const Json& from) {
  if (const Json& map = At(from, "configMapKeyRef"); map.is_object()) {
    return fmt::format("configmap {}, key {}", TextAt(map, "name"), TextAt(map, "key"));
  }
  if (const Json& secret = At(from, "secretKeyRef"); secret.is_object()) {
    return fmt::format("secret {}, key {}", TextAt(secret, "name"), TextAt(secret, "key"));
  }
  if (const Json& field = At(from, "fieldRef"); field.is_object()) {
    return fmt::format("field path {}", TextAt(field, "fieldPath"));
  }
  return fmt::format("resource limits.{}", TextAt(from, "resourceFieldRef", "resource"));
}

void ListEnv(Command& command, const EnvFlags& flags, const Target& target, Json object) {
  Json* spec = PodSpecOf(object);
  if (!spec) return;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : At(*spec, list)) {
      const std::string name = TextAt(container, "name");
      if (!NameMatches(name, flags.containers)) continue;
      command.Print("# {} {}, container {}\n", target.resource.kind, target.key.name, name);
      for (const Json& variable : At(container, "env")) {
        if (At(variable, "valueFrom").is_object()) {
          command.Print("# {} from {}\n", TextAt(variable, "name"),
                        ReferenceText(At(variable, "valueFrom")));
        } else {
          command.Print("{}={}\n", TextAt(variable, "name"), TextAt(variable, "value"));
        }
      }
    }
  }
}

// What is to be merged into the list of a container's variables.
Result<Json> MergedEnv(const EnvFlags& flags, const EnvChanges& changes, const Json& present) {
  Json merged = Json::array();
  const auto find = [&](const std::string& name) -> const Json* {
    for (const Json& each : present) {
      if (TextAt(each, "name") == name) return &each;
    }
    return nullptr;
  };
  for (const Json& variable : changes.set) {
    const std::string name = TextAt(variable, "name");
    const Json* old = find(name);
    if (old && *old == variable) continue;
    if (old && !flags.overwrite) {
      return CliError(fmt::format("'{}' already has a value ({}), and --overwrite is false", name,
                                  TextAt(*old, "value")));
    }
    Json entry = variable;
    // One form of a value takes the place of the other.
    if (old) entry[entry.contains("value") ? "valueFrom" : "value"] = nullptr;
    merged.push_back(std::move(entry));
  }
  for (const std::string& name : changes.removed) {
    if (find(name)) merged.push_back({{"$patch", "delete"}, {"name", name}});
  }
  return merged;
}

// What there is keeps its order, and what is new comes after it.
Json EnvOrder(const EnvChanges& changes, const Json& present) {
  Json order = Json::array();
  const auto add = [&](const std::string& name) {
    const Json entry = {{"name", name}};
    if (std::find(order.begin(), order.end(), entry) == order.end()) order.push_back(entry);
  };
  const auto& removed = changes.removed;
  for (const Json& each : present) {
    const std::string name = TextAt(each, "name");
    if (std::find(removed.begin(), removed.end(), name) == removed.end()) add(name);
  }
  for (const Json& each : changes.set) add(TextAt(each, "name"));
  return order;
}

Result<> SetOne(Command& command, const EnvFlags& flags, const EnvChanges& changes,
                const Target& target) {
  Json object = target.object;
  Json* spec = PodSpecOf(object);
  if (!spec) {
    return NoPodTemplate(target);
  }
  Json lists = Json::object();
  bool any = false;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : At(*spec, list)) {
      const std::string name = TextAt(container, "name");
      if (!NameMatches(name, flags.containers)) continue;
      any = true;
      Json merged = TRY(MergedEnv(flags, changes, At(container, "env")));
      if (merged.empty()) continue;
      Json order = EnvOrder(changes, At(container, "env"));
      if (!lists.contains(list)) lists[list] = Json::array();
      lists[list].push_back(
          {{"$setElementOrder/env", std::move(order)}, {"env", std::move(merged)}, {"name", name}});
    }
  }
  if (!any) {
    command.Warn("warning: {} {} does not have any containers matching \"{}\"\n",
                 target.resource.name, target.key.name, flags.containers);
  }
  if (lists.empty()) return {};
  return SendSetPatch(command, flags.set, target,
                      PodSpecPatch(target.resource.kind, std::move(lists)), "env updated");
}

}  // namespace

Result<> RunSetEnv(Command& command, const Args& args) {
  EnvFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.set.write.Check());
  const SetWords words = SortSetWords(command.words());
  if (words.resources.empty() && flags.set.files.empty()) {
    return CliError(
        "one or more resources must be specified as <resource> <name> or <resource>/<name>");
  }
  const EnvChanges changes = TRY(ChangesOf(command, flags, words.changes));
  const auto targets = TRY(FindSetTargets(command, flags.set, words.resources));
  for (const Target& target : targets) {
    if (flags.list) {
      ListEnv(command, flags, target, target.object);
      continue;
    }
    const auto done = SetOne(command, flags, changes, target);
    if (!done) command.Report(done.error());
  }
  return {};
}

}  // namespace skiff::cli
