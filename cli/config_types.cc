#include "cli/config_types.h"

#include <set>
#include <span>

#include "api/codec/base64.h"
#include "api/text/go_text.h"
#include "client/kubeconfig.h"

namespace skiff::cli {
namespace {

struct Member;

// A type of Go: a struct by its name and members.
struct Struct {
  const char* name;
  std::span<const Member> members;
};

enum class Form { kText, kTruth, kBytes, kTexts, kTextMap, kTextsMap, kStruct, kStructs, kAny };
// Whether a member is there when it says nothing.
enum class Empty { kLeftOut, kStays, kNull };

struct Member {
  const char* name;
  Form form;
  Empty empty = Empty::kLeftOut;
  const Struct* of = nullptr;
};

constexpr Member kExtensionMembers[] = {{"name", Form::kText, Empty::kStays},
                                        {"extension", Form::kAny, Empty::kNull}};
constexpr Struct kExtension = {"NamedExtension", kExtensionMembers};
constexpr Member kExtensions = {"extensions", Form::kStructs, Empty::kLeftOut, &kExtension};

constexpr Member kPreferencesMembers[] = {{"colors", Form::kTruth}, kExtensions};
constexpr Struct kPreferences = {"Preferences", kPreferencesMembers};

constexpr Member kClusterMembers[] = {{"server", Form::kText, Empty::kStays},
                                      {"tls-server-name", Form::kText},
                                      {"insecure-skip-tls-verify", Form::kTruth},
                                      {"certificate-authority", Form::kText},
                                      {"certificate-authority-data", Form::kBytes},
                                      {"proxy-url", Form::kText},
                                      {"disable-compression", Form::kTruth},
                                      kExtensions};
constexpr Struct kCluster = {"Cluster", kClusterMembers};

constexpr Member kVariableMembers[] = {{"name", Form::kText, Empty::kStays},
                                       {"value", Form::kText, Empty::kStays}};
constexpr Struct kVariable = {"ExecEnvVar", kVariableMembers};
constexpr Member kExecMembers[] = {{"command", Form::kText, Empty::kStays},
                                   {"args", Form::kTexts, Empty::kNull},
                                   {"env", Form::kStructs, Empty::kNull, &kVariable},
                                   {"apiVersion", Form::kText},
                                   {"installHint", Form::kText},
                                   {"provideClusterInfo", Form::kTruth, Empty::kStays},
                                   {"interactiveMode", Form::kText}};
constexpr Struct kExec = {"ExecConfig", kExecMembers};
constexpr Member kProviderMembers[] = {{"name", Form::kText, Empty::kStays},
                                       {"config", Form::kTextMap, Empty::kNull}};
constexpr Struct kProvider = {"AuthProviderConfig", kProviderMembers};
constexpr Member kUserMembers[] = {{"client-certificate", Form::kText},
                                   {"client-certificate-data", Form::kBytes},
                                   {"client-key", Form::kText},
                                   {"client-key-data", Form::kBytes},
                                   {"token", Form::kText},
                                   {"tokenFile", Form::kText},
                                   {"as", Form::kText},
                                   {"as-uid", Form::kText},
                                   {"as-groups", Form::kTexts},
                                   {"as-user-extra", Form::kTextsMap},
                                   {"username", Form::kText},
                                   {"password", Form::kText},
                                   {"auth-provider", Form::kStruct, Empty::kLeftOut, &kProvider},
                                   {"exec", Form::kStruct, Empty::kLeftOut, &kExec},
                                   kExtensions};
constexpr Struct kUser = {"AuthInfo", kUserMembers};

constexpr Member kContextMembers[] = {{"cluster", Form::kText, Empty::kStays},
                                      {"user", Form::kText, Empty::kStays},
                                      {"namespace", Form::kText},
                                      kExtensions};
constexpr Struct kContext = {"Context", kContextMembers};

constexpr Member kNamedClusterMembers[] = {{"name", Form::kText, Empty::kStays},
                                           {"cluster", Form::kStruct, Empty::kStays, &kCluster}};
constexpr Struct kNamedCluster = {"NamedCluster", kNamedClusterMembers};
constexpr Member kNamedUserMembers[] = {{"name", Form::kText, Empty::kStays},
                                        {"user", Form::kStruct, Empty::kStays, &kUser}};
constexpr Struct kNamedUser = {"NamedAuthInfo", kNamedUserMembers};
constexpr Member kNamedContextMembers[] = {{"name", Form::kText, Empty::kStays},
                                           {"context", Form::kStruct, Empty::kStays, &kContext}};
constexpr Struct kNamedContext = {"NamedContext", kNamedContextMembers};

constexpr Member kConfigMembers[] = {
    {"kind", Form::kText},
    {"apiVersion", Form::kText},
    {"preferences", Form::kStruct, Empty::kLeftOut, &kPreferences},
    {"clusters", Form::kStructs, Empty::kNull, &kNamedCluster},
    {"users", Form::kStructs, Empty::kNull, &kNamedUser},
    {"contexts", Form::kStructs, Empty::kNull, &kNamedContext},
    {"current-context", Form::kText, Empty::kStays},
    kExtensions};
constexpr Struct kConfig = {"Config", kConfigMembers};

const char* GoWord(const Json& value) {
  return value.is_boolean()  ? "bool"
         : value.is_number() ? "number"
         : value.is_array()  ? "array"
         : value.is_string() ? "string"
                             : "object";
}

std::string GoType(const Member& member) {
  switch (member.form) {
    case Form::kTruth: return "bool";
    case Form::kBytes: return "[]uint8";
    case Form::kTexts: return "[]string";
    case Form::kTextMap: return "map[string]string";
    case Form::kTextsMap: return "map[string][]string";
    case Form::kStruct: return fmt::format("v1.{}", member.of->name);
    case Form::kStructs: return fmt::format("[]v1.{}", member.of->name);
    default: return "string";
  }
}

tl::unexpected<Error> Misfit(const Json& value, const Struct& owner, const std::string& path,
                             const std::string& type) {
  return CliError(fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                              GoWord(value), owner.name, path, type));
}

Result<> CheckStruct(const Json& value, const Struct& type, const std::string& path);

Result<> CheckTexts(const Json& value, const Struct& owner, const std::string& path,
                    const char* type, bool list) {
  if (list ? !value.is_array() : !value.is_object()) return Misfit(value, owner, path, type);
  for (const Json& item : value) {
    if (!item.is_string() && !item.is_null()) return Misfit(item, owner, path, "string");
  }
  return {};
}

Result<> CheckMember(const Json& value, const Member& member, const Struct& owner,
                     const std::string& path) {
  const auto misfit = [&] { return Misfit(value, owner, path, GoType(member)); };
  switch (member.form) {
    case Form::kText:
      if (!value.is_string()) return misfit();
      return {};
    case Form::kTruth:
      if (!value.is_boolean()) return misfit();
      return {};
    case Form::kBytes:
      if (!value.is_string()) return misfit();
      TRY(DecodeBase64(value.get<std::string>()));
      return {};
    case Form::kTexts:
      return CheckTexts(value, owner, path, "[]string", /*list=*/true);
    case Form::kTextMap:
      return CheckTexts(value, owner, path, "map[string]string", /*list=*/false);
    case Form::kTextsMap:
      if (!value.is_object()) return misfit();
      for (const Json& texts : value) {
        if (texts.is_null()) continue;
        TRY(CheckTexts(texts, owner, path, "[]string", /*list=*/true));
      }
      return {};
    case Form::kStruct:
      if (!value.is_object()) return misfit();
      return CheckStruct(value, *member.of, path);
    case Form::kStructs:
      if (!value.is_array()) return misfit();
      for (const Json& item : value) {
        if (item.is_null()) continue;
        if (!item.is_object()) {
          return Misfit(item, owner, path, fmt::format("v1.{}", member.of->name));
        }
        TRY(CheckStruct(item, *member.of, path));
      }
      return {};
    case Form::kAny:
      return {};
  }
  return {};
}

// In the order of the file's members, which is that of their names by now.
Result<> CheckStruct(const Json& value, const Struct& type, const std::string& path) {
  for (const auto& [name, held] : value.items()) {
    if (held.is_null()) continue;
    for (const Member& member : type.members) {
      if (name != member.name) continue;
      TRY(CheckMember(held, member, type, path.empty() ? name : path + "." + name));
    }
  }
  return {};
}

Json StructOf(const Json& value, const Struct& type);

// What is shown of a value that says something, and of one that does not.
Json MemberOf(const Json& value, const Member& member) {
  switch (member.form) {
    case Form::kText:
    case Form::kBytes:
      return value.is_string() ? value : Json("");
    case Form::kTruth:
      return value.is_boolean() ? value : Json(false);
    case Form::kStruct:
      return StructOf(value, *member.of);
    case Form::kStructs: {
      if (!value.is_array()) return nullptr;
      Json list = Json::array();
      for (const Json& item : value) list.push_back(StructOf(item, *member.of));
      return list;
    }
    default:
      return value;
  }
}

bool SaysNothing(const Json& shown) {
  return shown.is_null() || shown == "" || shown == false ||
         ((shown.is_array() || shown.is_object()) && shown.empty());
}

Json StructOf(const Json& value, const Struct& type) {
  Json shown = Json::object();
  for (const Member& member : type.members) {
    const Json& held = At(value, member.name);
    // Who has one of these without anything in it has it all the same.
    const bool named = member.of == &kExec || member.of == &kProvider;
    if (named && !held.is_object()) continue;
    Json each = MemberOf(held, member);
    if (member.empty == Empty::kLeftOut && !named && SaysNothing(each)) continue;
    shown[member.name] = std::move(each);
  }
  return shown;
}

void SetDefaults(Json& exec) {
  const std::string version = TextAt(exec, "apiVersion");
  if (version != "client.authentication.k8s.io/v1beta1" &&
      version != "client.authentication.k8s.io/v1alpha1") {
    return;
  }
  if (!exec.contains("interactiveMode")) exec["interactiveMode"] = "IfAvailable";
}

// Two entries of one name; nothing else of these is told, as some of it is secret.
Result<> CheckNames(const Json& document) {
  constexpr std::pair<const char*, std::pair<const char*, const char*>> kLists[] = {
      {"users", {"NamedAuthInfo", "AuthInfo"}},
      {"clusters", {"NamedCluster", "Cluster"}},
      {"contexts", {"NamedContext", "Context"}}};
  for (const auto& [list, types] : kLists) {
    std::set<std::string> names;
    for (const Json& entry : At(document, list)) {
      const std::string name = TextAt(entry, "name");
      if (names.insert(name).second) continue;
      return CliError(fmt::format(
          "error converting *[]{} into *map[string]*api.{}: duplicate name {} in list: {}",
          types.first, types.second, GoQuote(name), list));
    }
  }
  return {};
}

}  // namespace

Result<> CheckConfigTypes(const Json& document) {
  for (const char* member : {"apiVersion", "kind"}) {
    const Json& value = At(document, member);
    if (value.is_null() || value.is_string()) continue;
    return CliError(fmt::format(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct "
        "field .{} of type string",
        GoWord(value), member));
  }
  TRY(Kubeconfig::CheckKind(document));
  TRY(CheckStruct(document, kConfig, ""));
  return CheckNames(document);
}

Json AsConfigTypes(const Json& document) {
  Json shown = StructOf(document, kConfig);
  for (const char* list : {"clusters", "users", "contexts"}) {
    if (SaysNothing(shown[list])) shown[list] = nullptr;
  }
  for (Json& entry : shown["users"]) {
    if (entry["user"].contains("exec")) SetDefaults(entry["user"]["exec"]);
  }
  return shown;
}

}  // namespace skiff::cli
