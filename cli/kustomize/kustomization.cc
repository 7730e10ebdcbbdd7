#include "cli/kustomize/kustomization.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::kustomize {
namespace {

// The form of a value, as Go's decoder knows it. A structure knows the Go name of its type, and
// which of its members are told of by the structure that they are embedded from.
struct Form {
  enum class Kind : uint8_t {
    kText,
    kBool,
    kInteger,
    kTexts,
    kTextMap,
    kBoolMap,
    kStruct,
    kStructs
  };
  struct Member {
    const char* name;
    const Form* form;
    const char* embedded = "";  // "ResId.Gvk."
  };
  Kind kind;
  const char* go_name = "";
  std::vector<Member> members = {};

  const char* GoType() const {
    switch (kind) {
      case Kind::kText:
        return "string";
      case Kind::kBool:
        return "bool";
      case Kind::kInteger:
        return "int64";
      case Kind::kTexts:
        return "[]string";
      case Kind::kTextMap:
        return "map[string]string";
      case Kind::kBoolMap:
        return "map[string]bool";
      case Kind::kStruct:
      case Kind::kStructs:
        return go_name;
    }
    return "";
  }
};
using FormKind = Form::Kind;

const Form kText{FormKind::kText};
const Form kBool{FormKind::kBool};
const Form kInteger{FormKind::kInteger};
const Form kTexts{FormKind::kTexts};
const Form kTextMap{FormKind::kTextMap};
const Form kBoolMap{FormKind::kBoolMap};

Form StructOf(const char* go_name, std::vector<Form::Member> members) {
  return {FormKind::kStruct, go_name, std::move(members)};
}
const Form* ListOf(const Form& item) {
  return new Form{FormKind::kStructs, item.go_name, item.members};
}

std::vector<Form::Member> IdMembers() {
  return {{"group", &kText, "ResId.Gvk."},
          {"version", &kText, "ResId.Gvk."},
          {"kind", &kText, "ResId.Gvk."},
          {"name", &kText, "ResId."},
          {"namespace", &kText, "ResId."}};
}

// Those of structures that are used in several places, and never freed.
struct Forms {
  Form options = StructOf("GeneratorOptions", {{"labels", &kTextMap},
                                               {"annotations", &kTextMap},
                                               {"disableNameSuffixHash", &kBool},
                                               {"immutable", &kBool}});
  Form selector = [] {
    auto members = IdMembers();
    members.push_back({"annotationSelector", &kText});
    members.push_back({"labelSelector", &kText});
    return StructOf("Selector", std::move(members));
  }();
  Form patch = StructOf("Patch", {{"path", &kText},
                                  {"patch", &kText},
                                  {"target", &selector},
                                  {"options", &kBoolMap}});
  Form field_options = StructOf("FieldOptions", {{"delimiter", &kText},
                                                 {"index", &kInteger},
                                                 {"encoding", &kText},
                                                 {"create", &kBool}});
  Form source = [this] {
    auto members = IdMembers();
    members.push_back({"fieldPath", &kText});
    members.push_back({"options", &field_options});
    return StructOf("SourceSelector", std::move(members));
  }();
  Form target = StructOf("TargetSelector", {{"select", &selector},
                                            {"reject", ListOf(selector)},
                                            {"fieldPaths", &kTexts},
                                            {"options", &field_options}});
  Form replacement = StructOf("ReplacementField", {{"source", &source},
                                                   {"targets", ListOf(target)},
                                                   {"sourceValue", &kText},
                                                   {"path", &kText}});
  Form field_spec = StructOf("FieldSpec", {{"group", &kText, "Gvk."},
                                           {"version", &kText, "Gvk."},
                                           {"kind", &kText, "Gvk."},
                                           {"path", &kText},
                                           {"create", &kBool}});
  Form label = StructOf("Label", {{"pairs", &kTextMap},
                                  {"includeSelectors", &kBool},
                                  {"includeTemplates", &kBool},
                                  {"fields", ListOf(field_spec)}});
  Form image = StructOf("Image", {{"name", &kText},
                                  {"newName", &kText},
                                  {"tagSuffix", &kText},
                                  {"newTag", &kText},
                                  {"digest", &kText}});
  Form replica = StructOf("Replica", {{"name", &kText}, {"count", &kInteger}});
  Form object_reference = StructOf("Target", {{"apiVersion", &kText},
                                              {"group", &kText, "Gvk."},
                                              {"version", &kText, "Gvk."},
                                              {"kind", &kText, "Gvk."},
                                              {"name", &kText},
                                              {"namespace", &kText}});
  Form field_reference = StructOf("FieldSelector", {{"fieldPath", &kText}});
  Form variable = StructOf(
      "Var", {{"name", &kText}, {"objref", &object_reference}, {"fieldref", &field_reference}});
  Form legacy = StructOf("LegacySortOptions", {{"orderFirst", &kTexts}, {"orderLast", &kTexts}});
  Form sort = StructOf("SortOptions", {{"order", &kText}, {"legacySortOptions", &legacy}});
  Form metadata = StructOf("ObjectMeta", {{"name", &kText},
                                          {"namespace", &kText},
                                          {"labels", &kTextMap},
                                          {"annotations", &kTextMap}});

  std::vector<Form::Member> GeneratorMembers() {
    return {{"namespace", &kText, "GeneratorArgs."},
            {"name", &kText, "GeneratorArgs."},
            {"behavior", &kText, "GeneratorArgs."},
            {"literals", &kTexts, "GeneratorArgs.KvPairSources."},
            {"files", &kTexts, "GeneratorArgs.KvPairSources."},
            {"envs", &kTexts, "GeneratorArgs.KvPairSources."},
            {"env", &kText, "GeneratorArgs.KvPairSources."},
            {"options", &options, "GeneratorArgs."}};
  }
  Form config_map = StructOf("ConfigMapArgs", GeneratorMembers());
  Form secret = [this] {
    auto members = GeneratorMembers();
    members.push_back({"type", &kText});
    return StructOf("SecretArgs", std::move(members));
  }();
  Form kustomization = StructOf("Kustomization", {{"kind", &kText},
                                                  {"apiVersion", &kText},
                                                  {"metadata", &metadata},
                                                  {"openapi", &kTextMap},
                                                  {"namePrefix", &kText},
                                                  {"nameSuffix", &kText},
                                                  {"namespace", &kText},
                                                  {"commonLabels", &kTextMap},
                                                  {"labels", ListOf(label)},
                                                  {"commonAnnotations", &kTextMap},
                                                  {"patchesStrategicMerge", &kTexts},
                                                  {"patchesJson6902", ListOf(patch)},
                                                  {"patches", ListOf(patch)},
                                                  {"images", ListOf(image)},
                                                  {"imageTags", ListOf(image)},
                                                  {"replacements", ListOf(replacement)},
                                                  {"replicas", ListOf(replica)},
                                                  {"vars", ListOf(variable)},
                                                  {"sortOptions", &sort},
                                                  {"resources", &kTexts},
                                                  {"components", &kTexts},
                                                  {"crds", &kTexts},
                                                  {"bases", &kTexts},
                                                  {"configMapGenerator", ListOf(config_map)},
                                                  {"secretGenerator", ListOf(secret)},
                                                  {"generatorOptions", &options},
                                                  {"configurations", &kTexts},
                                                  {"generators", &kTexts},
                                                  {"transformers", &kTexts},
                                                  {"validators", &kTexts},
                                                  {"buildMetadata", &kTexts}});
};

const Forms& AllForms() {
  static const auto* const forms = new Forms;
  return *forms;
}

// What Go's decoder calls a value.
const char* GoWord(const Json& value) {
  return value.is_boolean()  ? "bool"
         : value.is_number() ? "number"
         : value.is_array()  ? "array"
         : value.is_object() ? "object"
                             : "string";
}

// Makes a value one of its form: names of fields get their case, nulls go.
class Decoder {
 public:
  Result<Json> Value(const Json& value, const Form& form, const std::string& owner,
                     const std::string& path) {
    switch (form.kind) {
      case FormKind::kText:
        if (value.is_string()) return value;
        break;
      case FormKind::kBool:
        if (value.is_boolean()) return value;
        break;
      case FormKind::kInteger:
        if (value.is_number_integer()) return value;
        break;
      case FormKind::kTexts:
        return List(value, kText, form, owner, path);
      case FormKind::kTextMap:
        return Map(value, kText, form, owner, path);
      case FormKind::kBoolMap:
        return Map(value, kBool, form, owner, path);
      case FormKind::kStruct:
        if (value.is_object()) return Struct(value, form, path);
        break;
      case FormKind::kStructs:
        if (!value.is_array()) break;
        return List(value, Form{FormKind::kStruct, form.go_name, form.members}, form, owner, path);
    }
    return Misfit(value, form, owner, path);
  }

 private:
  static tl::unexpected<Error> Misfit(const Json& value, const Form& form,
                                      const std::string& owner, const std::string& path) {
    const std::string prefix = form.kind == FormKind::kStructs ? "[]types."
                               : form.kind == FormKind::kStruct ? "types."
                                                                : "";
    return CliError(fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}{}",
                                GoWord(value), owner, path, prefix, form.GoType()));
  }

  Result<Json> List(const Json& value, const Form& item, const Form& form, const std::string& owner,
                    const std::string& path) {
    if (!value.is_array()) return Misfit(value, form, owner, path);
    Json list = Json::array();
    for (const Json& each : value) {
      if (each.is_null()) {
        list.push_back(item.kind == FormKind::kText ? Json("") : Json::object());
        continue;
      }
      Json decoded = TRY(Value(each, item, owner, path));
      list.push_back(std::move(decoded));
    }
    return list;
  }

  Result<Json> Map(const Json& value, const Form& item, const Form& form, const std::string& owner,
                   const std::string& path) {
    if (!value.is_object()) return Misfit(value, form, owner, path);
    Json map = Json::object();
    for (const auto& [key, each] : value.items()) {
      if (each.is_null()) {
        map[key] = item.kind == FormKind::kText ? Json("") : Json(false);
        continue;
      }
      map[key] = TRY(Value(each, item, owner, path));
    }
    return map;
  }

  Result<Json> Struct(const Json& value, const Form& form, const std::string& path) {
    Json decoded = Json::object();
    for (const auto& [key, each] : value.items()) {
      const auto exact = std::find_if(form.members.begin(), form.members.end(),
                                      [&](const auto& member) { return key == member.name; });
      const auto member =
          exact != form.members.end()
              ? exact
              : std::find_if(form.members.begin(), form.members.end(), [&](const auto& candidate) {
                  return Lower(key) == Lower(std::string_view(candidate.name));
                });
      if (member == form.members.end()) {
        return CliError(fmt::format("json: unknown field {}", GoQuote(key)));
      }
      if (each.is_null()) continue;
      const std::string below = path.empty() ? "" : path + ".";
      decoded[member->name] = TRY(Value(each, *member->form, form.go_name,
                                        below + member->embedded + member->name));
    }
    return decoded;
  }
};

void MoveItems(Json& fields, const char* from, const char* to) {
  if (!fields.contains(from)) return;
  Json items = std::move(fields[from]);
  fields.erase(from);
  Json& target = fields[to];
  if (!target.is_array()) target = Json::array();
  for (Json& each : items) target.push_back(std::move(each));
}

void Warn(Kustomization& read) {
  struct Deprecated {
    const char* name;
    const char* instead;
    const char* how = "";
  };
  constexpr Deprecated kDeprecated[] = {{"bases", "resources"},
                                        {"commonLabels", "labels"},
                                        {"imageTags", "images"},
                                        {"patchesJson6902", "patches"},
                                        {"patchesStrategicMerge", "patches"},
                                        {"vars", "replacements", "[EXPERIMENTAL] "}};
  for (const Deprecated& each : kDeprecated) {
    if (!read.fields.contains(each.name)) continue;
    read.warnings.push_back(
        fmt::format("# Warning: '{}' is deprecated. Please use '{}' instead. {}Run 'kustomize edit "
                    "fix' to update your Kustomization automatically.",
                    each.name, each.instead, each.how));
  }
}

Result<> CheckKind(const Kustomization& read, const std::string& root) {
  const std::string kind = read.Text("kind").empty() ? "Kustomization" : read.Text("kind");
  const std::string version = read.Text("apiVersion");
  std::string errors;
  if (kind != "Kustomization" && kind != "Component") {
    errors += "\nkind should be Kustomization or Component";
  }
  const std::string wanted = kind == "Component" ? "kustomize.config.k8s.io/v1alpha1"
                                                 : "kustomize.config.k8s.io/v1beta1";
  if (!version.empty() && version != wanted) {
    errors += fmt::format("\napiVersion for {} should be {}", kind, wanted);
  }
  if (errors.empty()) return {};
  return CliError(
      fmt::format("Failed to read kustomization file under {}:{}", root, errors));
}

// Lists and maps say something even when nothing is in them.
bool SaysNothing(const Json& fields) {
  for (const auto& [name, value] : fields.items()) {
    if (name == "kind" || name == "apiVersion") continue;
    if (!value.is_string() || !TextOf(value).empty()) return false;
  }
  return true;
}

// What would have to be run, or fetched.
Result<> CheckNothingForeign(const Json& document) {
  for (const char* name : {"helmCharts", "helmChartInflationGenerator"}) {
    if (At(document, name).empty()) continue;
    return CliError(fmt::format("{} is not supported: charts are not inflated here; render them "
                                "with helm template, and name the result in resources",
                                name));
  }
  constexpr struct {
    const char* name;
    const char* instead;
  } kForeign[] = {{"generators", "configMapGenerator, secretGenerator or resources"},
                  {"transformers", "the field of the kustomization that does the same"},
                  {"validators", "skiff apply --dry-run=server"}};
  for (const auto& each : kForeign) {
    if (At(document, each.name).empty()) continue;
    return CliError(fmt::format("{} is not supported: no plugins are run here; use {}", each.name,
                                each.instead));
  }
  return {};
}

}  // namespace

std::vector<std::string> Kustomization::Texts(const char* name) const {
  return TextsAt(fields, name);
}

std::string Kustomization::Text(const char* name) const {
  return TextAt(fields, name);
}

std::vector<Json> Kustomization::Items(const char* name) const {
  const Json& list = At(fields, name);
  return list.is_array() ? list.get<std::vector<Json>>() : std::vector<Json>();
}

Result<Kustomization> ReadKustomization(const Loader& loader) {
  Kustomization read;
  std::string text;
  for (const char* name : {"kustomization.yaml", "kustomization.yml", "Kustomization"}) {
    auto loaded = loader.Load(name);
    if (!loaded) continue;
    if (!read.file.empty()) {
      return CliError(
          fmt::format("Found multiple kustomization files under: {}\n", loader.root()));
    }
    read.file = name;
    text = std::move(*loaded);
  }
  if (read.file.empty()) {
    return CliError(fmt::format(
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in "
        "directory '{}'",
        loader.root()));
  }
  auto document = ParseYaml(text);
  if (!document) return CliError("invalid Kustomization: " + document.error().message);
  Json& value = document->value;
  if (value.is_object()) {
    TRY(CheckNothingForeign(value));
    for (const char* name : {"helmCharts", "helmChartInflationGenerator", "helmGlobals"}) {
      value.erase(name);
    }
    auto decoded = Decoder().Value(value, AllForms().kustomization, "Kustomization", "");
    if (!decoded) return CliError("invalid Kustomization: " + decoded.error().message);
    read.fields = std::move(*decoded);
  } else if (!value.is_null()) {
    return CliError(fmt::format(
        "invalid Kustomization: json: cannot unmarshal {} into Go value of type "
        "types.Kustomization",
        GoWord(value)));
  }
  Warn(read);
  MoveItems(read.fields, "bases", "resources");
  MoveItems(read.fields, "imageTags", "images");
  if (SaysNothing(read.fields)) return CliError("kustomization.yaml is empty");
  TRY(CheckKind(read, loader.root()));
  read.is_component = read.Text("kind") == "Component";
  return read;
}

Result<std::vector<Json>> ReadReplacements(std::string_view text) {
  const YamlDocument document = TRY(ParseYaml(text));
  std::vector<Json> read;
  if (!document.value.is_array() && !document.value.is_object()) {
    return CliError("unsupported replacement type encountered within replacement path");
  }
  const Json list = document.value.is_array() ? document.value : Json::array({document.value});
  for (const Json& each : list) {
    Json decoded = TRY(Decoder().Value(each, AllForms().replacement, "Replacement", ""));
    read.push_back(std::move(decoded));
  }
  return read;
}

}  // namespace skiff::cli::kustomize
