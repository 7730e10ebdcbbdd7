// `config set|unset|rename-context`: kubeconfig files by the paths of their properties.
#include <algorithm>

#include "api/codec/base64.h"
#include "api/text/go_text.h"
#include "cli/config_files.h"

namespace skiff::cli {
namespace {

// "clusters.prod.server": the list, the entry, and the field inside it.
struct Property {
  const char* list = nullptr;  // Null: a member of the document, named by `field`.
  const char* inner = nullptr;
  std::string name;
  std::string field;  // "": the whole entry.
};

Result<Property> ParseProperty(const std::string& path) {
  const size_t dot = path.find('.');
  const std::string first = path.substr(0, dot);
  constexpr std::string_view kMembers[] = {"kind",     "apiVersion", "preferences",     "clusters",
                                           "contexts", "users",      "current-context", "extensions"};
  if (std::find(std::begin(kMembers), std::end(kMembers), first) == std::end(kMembers)) {
    return CliError(fmt::format("unable to parse {} after [] at api.Config", path));
  }
  if (dot == std::string::npos) return Property{nullptr, nullptr, "", path};
  constexpr std::pair<const char*, const char*> kLists[] = {
      {"clusters", "cluster"}, {"contexts", "context"}, {"users", "user"}};
  for (const auto& [list, inner] : kLists) {
    if (first != list) continue;
    // Names may hold dots; fields do not.
    const size_t last = path.rfind('.');
    if (last == dot) return Property{list, inner, path.substr(dot + 1), ""};
    return Property{list, inner, path.substr(dot + 1, last - dot - 1), path.substr(last + 1)};
  }
  if (path == "preferences.colors") return Property{nullptr, nullptr, "", "colors"};
  return CliError(fmt::format("unable to locate path {}", path));
}

// The fields of an entry whose value is one text.
bool IsKnownField(std::string_view list, std::string_view field) {
  constexpr std::string_view kCluster[] = {
      "server",    "tls-server-name", "certificate-authority", "certificate-authority-data",
      "proxy-url", "disable-compression", "insecure-skip-tls-verify"};
  constexpr std::string_view kContext[] = {"cluster", "user", "namespace"};
  constexpr std::string_view kUser[] = {"client-certificate", "client-certificate-data",
                                        "client-key",         "client-key-data",
                                        "token",              "tokenFile",
                                        "as",                 "as-uid",
                                        "username",           "password"};
  const auto has = [&](const auto& fields) {
    return std::find(std::begin(fields), std::end(fields), field) != std::end(fields);
  };
  return list == "clusters" ? has(kCluster) : list == "contexts" ? has(kContext) : has(kUser);
}

Result<Json> ValueOf(const std::string& field, const std::string& text, bool raw_bytes) {
  if (field == "insecure-skip-tls-verify" || field == "disable-compression" || field == "colors") {
    if (const std::optional<bool> value = GoBool(text)) return Json(*value);
    return CliError(fmt::format("strconv.ParseBool: parsing {}: invalid syntax", GoQuote(text)));
  }
  if (!field.ends_with("-data")) return Json(text);
  if (raw_bytes) return Json(EncodeBase64(text));
  // Line ends are no part of it, as for Go.
  std::string whole = text;
  std::erase_if(whole, [](char c) { return c == '\n' || c == '\r'; });
  const auto bytes = DecodeBase64(whole);
  if (!bytes) return CliError("error decoding input value: " + bytes.error().message);
  return Json(EncodeBase64(*bytes));
}

// Of the members of the document itself one alone is a text that can be another one: what kind of
// file it is stays, whatever is said, and the lists would be lost.
Result<> SetMember(Command& command, const std::string& member, const Json& value) {
  if (member == "kind" || member == "apiVersion") return {};
  if (member == "preferences") {
    return CliError(fmt::format("unable to locate path {}: it has fields, and no value", member));
  }
  if (member != "current-context") {
    return CliError("can't set a map to a value: " + member);
  }
  ConfigFile file = TRY(ConfigFileFor(command, nullptr, ""));
  file.document[member] = value;
  return SaveConfig(file);
}

// In each file that has it: what is left in one would be there again.
Result<> UnsetMember(Command& command, const std::string& member) {
  if (member == "kind" || member == "apiVersion") return {};
  const auto lock = TRY(LockConfigFiles(command));
  auto files = TRY(LoadConfigFiles(command));
  if (member == "current-context") {
    ConfigFile* const file = FileOfCurrentContext(files);
    if (!file) return {};
    file->document[member] = "";
    return SaveConfig(*file);
  }
  for (ConfigFile& file : files) {
    if (file.document.erase(member) > 0) TRY(SaveConfig(file));
  }
  return {};
}

// Of one entry, or of a field in it.
Result<> UnsetEntry(Command& command, const Property& property) {
  ConfigFile file = TRY(ConfigFileFor(command, property.list, property.name));
  Json* entry = FindConfigEntry(file.document, property.list, property.name);
  // What is not there is unset already; but there is nothing in it.
  if (!entry && !property.field.empty()) {
    return CliError(fmt::format("current map key `{}` is invalid", property.name));
  }
  if (!entry) return {};
  if (property.field.empty()) {
    Json& entries = file.document[property.list];
    entries.erase(entries.begin() + (entry - &entries[0]));
  } else if (const auto inner = entry->find(property.inner);
             inner != entry->end() && inner->is_object()) {
    inner->erase(property.field);
  }
  return SaveConfig(file);
}

}  // namespace

Result<> RunConfigSet(Command& command, const Args& args) {
  bool raw_bytes = false;
  command.Flag("set-raw-bytes", raw_bytes, "The value of a *-data property is not base64 yet.");
  TRY(command.Parse(args));
  if (command.words().size() != 2) {
    return command.UsageError(fmt::format("Unexpected args: [{}]", Join(command.words(), " ")));
  }
  const std::string& path = command.words()[0];
  if (command.words()[1].empty()) return CliError("you cannot use set to unset a property");
  if (path.empty()) return CliError("you must specify a property");
  const Property property = TRY(ParseProperty(path));
  if (property.list && !property.field.empty() && !IsKnownField(property.list, property.field)) {
    return CliError(fmt::format("unable to set {}: {} have no field \"{}\"", path, property.list,
                                property.field));
  }
  const Json value = TRY(ValueOf(property.field, command.words()[1], raw_bytes));
  if (path == "preferences.colors") {
    ConfigFile file = TRY(ConfigFileFor(command, nullptr, ""));
    Json& preferences = file.document["preferences"];
    if (!preferences.is_object()) preferences = Json::object();
    preferences["colors"] = value;
    TRY(SaveConfig(file));
  } else if (!property.list) {
    TRY(SetMember(command, property.field, value));
  } else {
    if (property.field.empty()) return CliError(fmt::format("unable to set {}: no field", path));
    TRY(ChangeConfigEntry(command, property.list, property.inner, property.name,
                          {{property.field, value}}));
  }
  command.Print("Property \"{}\" set.\n", path);
  return {};
}

Result<> RunConfigUnset(Command& command, const Args& args) {
  TRY(command.Parse(args));
  if (command.words().size() != 1) {
    return command.UsageError(fmt::format("Unexpected args: [{}]", Join(command.words(), " ")));
  }
  const std::string& path = command.words()[0];
  if (path.empty()) return CliError("you must specify a property");
  const Property property = TRY(ParseProperty(path));
  if (path == "preferences.colors") {
    ConfigFile file = TRY(ConfigFileFor(command, nullptr, ""));
    if (file.document["preferences"].is_object()) file.document["preferences"].erase("colors");
    TRY(SaveConfig(file));
  } else if (!property.list) {
    TRY(UnsetMember(command, property.field));
  } else {
    TRY(UnsetEntry(command, property));
  }
  command.Print("Property \"{}\" unset.\n", path);
  return {};
}

Result<> RunConfigRenameContext(Command& command, const Args& args) {
  TRY(command.Parse(args));
  if (command.words().size() != 2) {
    return command.UsageError("Unexpected args: a context's name and its new one are required");
  }
  const std::string& from = command.words()[0];
  const std::string& to = command.words()[1];
  ConfigFile file = TRY(ConfigFileFor(command, "contexts", from));
  Json* entry = FindConfigEntry(file.document, "contexts", from);
  if (!entry) {
    return CliError(
        fmt::format("cannot rename the context \"{}\", it's not in {}", from, file.path));
  }
  auto files = TRY(LoadConfigFiles(command));
  Json merged = MergedConfig(files);
  if (FindConfigEntry(merged, "contexts", to)) {
    return CliError(
        fmt::format("cannot rename the context \"{}\", the context \"{}\" already exists in {}",
                    from, to, files.front().path));
  }
  (*entry)["name"] = to;
  if (TextAt(file.document, "current-context") == from) file.document["current-context"] = to;
  TRY(SaveConfig(file));
  // Another file may say that it is the current one.
  ConfigFile* const telling = FileOfCurrentContext(files);
  if (telling && telling->path != file.path &&
      TextAt(telling->document, "current-context") == from) {
    telling->document["current-context"] = to;
    TRY(SaveConfig(*telling));
  }
  command.Print("Context \"{}\" renamed to \"{}\".\n", from, to);
  return {};
}

}  // namespace skiff::cli
