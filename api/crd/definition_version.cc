#include "api/crd/definition_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "api/crd/definition_structure.h"
#include "api/crd/printed_versions.h"
#include "api/crd/rule.h"
#include "api/rules/names.h"
#include "api/text/go_text.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinitionVersion;

constexpr size_t kSelectableFieldsMax = 8;
constexpr size_t kDeprecationBytesMax = 256;

template <typename Part>
bool AllSame(const std::vector<CustomResourceDefinitionVersion>& versions, const Part& part) {
  return std::all_of(versions.begin(), versions.end(),
                     [&](const auto& version) { return part(version) == part(versions[0]); });
}

Places PlacesOf(const CustomResourceDefinition& definition) {
  const auto& versions = definition.spec.versions;
  if (versions.empty()) return {};
  return {AllSame(versions, [](const auto& it) -> const auto& { return it.schema; }),
          AllSame(versions, [](const auto& it) -> const auto& { return it.subresources; }),
          AllSame(versions,
                  [](const auto& it) -> const auto& { return it.additional_printer_columns; }),
          AllSame(versions, [](const auto& it) -> const auto& { return it.selectable_fields; })};
}

// What is wrong with a path of names: "" or why.
std::string SimplePathError(const std::string& path) {
  if (!path.starts_with('.')) return "must be a simple json path starting with .";
  return "";
}

void CheckColumns(const CustomResourceDefinitionVersion& version, const FieldPath& path,
                  Violations& out) {
  static const std::set<std::string_view> kTypes = {"boolean", "date", "integer", "number",
                                                    "string"};
  static const std::set<std::string_view> kFormats = {"byte",  "date",  "date-time", "double",
                                                      "float", "int32", "int64",     "password"};
  constexpr std::string_view kWhyType = "must be one of boolean,date,integer,number,string";
  for (size_t i = 0; i < version.additional_printer_columns.size(); ++i) {
    const auto& column = version.additional_printer_columns[i];
    const FieldPath at = path.Index(i);
    if (column.name.empty()) out.Required(at.Child("name"));
    if (column.type.empty()) {
      out.Required(at.Child("type"), kWhyType);
    } else if (!kTypes.contains(column.type)) {
      out.Invalid(at.Child("type"), column.type, kWhyType);
    }
    if (!column.format.empty() && !kFormats.contains(column.format)) {
      out.Invalid(at.Child("format"), column.format,
                  "must be one of byte,date,date-time,double,float,int32,int64,password");
    }
    if (column.json_path.empty()) {
      out.Required(at.Child("JSONPath"));
    } else if (const std::string why = SimplePathError(column.json_path); !why.empty()) {
      out.Invalid(at.Child("JSONPath"), column.json_path, why);
    }
  }
}

void CheckScalePath(const std::string& value, std::string_view root, std::string_view why,
                    const FieldPath& path, Violations& out) {
  if (value.empty()) return out.Required(path);
  if (const std::string wrong = SimplePathError(value); !wrong.empty()) {
    return out.Invalid(path, value, wrong);
  }
  if (!value.starts_with(root)) out.Invalid(path, value, why);
}

void CheckSubresources(const CustomResourceDefinitionVersion& version, const FieldPath& path,
                       Violations& out) {
  if (!version.subresources || !version.subresources->scale) return;
  const auto& scale = *version.subresources->scale;
  const FieldPath at = path.Child("scale");
  CheckScalePath(scale.spec_replicas_path, ".spec.", "should be a json path under .spec",
                 at.Child("specReplicasPath"), out);
  CheckScalePath(scale.status_replicas_path, ".status.", "should be a json path under .status",
                 at.Child("statusReplicasPath"), out);
  const std::string selector = scale.label_selector_path.value_or("");
  if (selector.empty()) return;
  const FieldPath selector_at = at.Child("labelSelectorPath");
  if (const std::string wrong = SimplePathError(selector); !wrong.empty()) {
    out.Invalid(selector_at, selector, wrong);
  } else if (!selector.starts_with(".spec.") && !selector.starts_with(".status.")) {
    out.Invalid(selector_at, selector, "should be a json path under either .spec or .status");
  }
}

// Of a definition that was made before there was a bound.
bool KeepsFields(const CustomResourceDefinitionVersion& version,
                 const CustomResourceDefinition* old) {
  if (old == nullptr) return false;
  return std::ranges::any_of(old->spec.versions, [&](const auto& each) {
    return each.name == version.name && each.selectable_fields == version.selectable_fields;
  });
}

void CheckSelectable(const CustomResourceDefinitionVersion& version, const Json& schema,
                     const CustomResourceDefinition* old, const FieldPath& path, Violations& out) {
  std::set<std::string> seen;
  const auto& fields = version.selectable_fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& value = fields[i].json_path;
    const FieldPath at = path.Index(i).Child("jsonPath");
    if (value.empty()) {
      out.Required(at);
      continue;
    }
    const auto found = FindField(value, schema, false);
    if (!found) {
      out.Invalid(at, value, "is an invalid path: " + found.error().message);
      continue;
    }
    if (found->place == "metadata" || found->place.starts_with("metadata.")) {
      out.Invalid(at, value, "must not point to fields in metadata");
    }
    const std::string type = WordOf(found->props, "type");
    if (type != "string" && type != "boolean" && type != "integer") {
      out.Invalid(at, value,
                  "must point to a field of type string, boolean or integer. Enum string fields "
                  "and strings with formats are allowed.");
    }
    if (!seen.insert(found->place).second) out.Duplicate(at, value);
  }
  if (seen.size() <= kSelectableFieldsMax || KeepsFields(version, old)) return;
  out.TooMany(path, seen.size(), kSelectableFieldsMax);
}

void CheckDeprecation(const CustomResourceDefinitionVersion& version, const FieldPath& path,
                      Violations& out) {
  if (!version.deprecation_warning) return;
  const std::string& text = *version.deprecation_warning;
  const FieldPath at = path.Child("deprecationWarning");
  if (!version.deprecated) {
    return out.Invalid(at, text, "can only be set for deprecated versions");
  }
  if (text.size() > kDeprecationBytesMax) {
    out.Invalid(at, text, "must be <= 256 characters long");
  }
  if (text.empty()) out.Invalid(at, text, "must not be an empty string");
  const auto unprintable = UnprintableRunes(text);
  if (!unprintable.empty()) {
    out.Invalid(at, text,
                "must only contain printable UTF-8 characters; non-printable character found at "
                "index " +
                    std::to_string(unprintable[0].first));
  }
}

// Rules that are stored stay as they are, even if they would not be taken any more.
bool KeepsSchema(const CustomResourceDefinitionVersion& version,
                 const CustomResourceDefinition* old) {
  if (old == nullptr) return false;
  const auto& before = old->spec.versions;
  return std::any_of(before.begin(), before.end(), [&](const auto& each) {
    return each.name == version.name && each.schema == version.schema;
  });
}

bool HasStatus(const CustomResourceDefinitionVersion& version) {
  return version.subresources && version.subresources->status;
}

// One that is not there, which only old definitions may be without.
void RequireSchema(const CustomResourceDefinition& definition,
                   const CustomResourceDefinitionVersion& version, bool is_needed,
                   const FieldPath& at, Violations& out) {
  const FieldPath place = at.Child("schema").Child("openAPIV3Schema");
  if (is_needed) return out.Required(place);
  if (definition.spec.preserve_unknown_fields || !version.served) return;
  out.Required(place, "because otherwise all fields are pruned");
}

void CheckVersion(const CustomResourceDefinition& definition, size_t index, const Places& places,
                  const VersionChecks& checks, Violations& out) {
  const auto& version = definition.spec.versions[index];
  const FieldPath spec("spec"), at = spec.Child("versions").Index(index);
  // What stands at the common place is told of once.
  const auto place = [&](bool common, const char* common_name, const char* name) {
    return common ? spec.Child(common_name) : at.Child(name);
  };
  CheckName(at.Child("name"), version.name, Dns1035LabelErrors(version.name), "", out);
  CheckDeprecation(version, at, out);
  const bool has_schema = version.schema && version.schema->open_api_v3_schema;
  const bool is_first = index == 0;
  const bool is_judged = is_first || !places.schema;
  const bool has_fields = (is_first || !places.fields) && !version.selectable_fields.empty();
  const Json schema = has_schema && (is_judged || has_fields)
                          ? version.schema->open_api_v3_schema->Parse()
                          : Json();
  if (!has_schema) {
    RequireSchema(definition, version, !checks.allowed.missing, at, out);
  } else if (is_judged) {
    // What all have in common is that of each that has a status.
    const bool has_status =
        HasStatus(version) ||
        (places.schema && std::ranges::any_of(definition.spec.versions, HasStatus));
    ValidateSchema(schema,
                   {.has_status = has_status,
                    .bounds = !KeepsSchema(version, checks.old),
                    .allowed = checks.allowed.schemas},
                   place(places.schema, "validation", "schema").Child("openAPIV3Schema"), out);
  }
  if (is_first || !places.subresources) {
    CheckSubresources(version, place(places.subresources, "subresources", "subresources"), out);
  }
  if (is_first || !places.columns) {
    CheckColumns(
        version, place(places.columns, "additionalPrinterColumns", "additionalPrinterColumns"),
        out);
  }
  if (places.fields && !places.schema) {
    // The other way round; said once.
    if (is_first && has_fields) {
      out.Invalid(spec.Child("selectableFields"), "",
                  "may only be set when validations.schema is included");
    }
  } else if ((places.schema || !has_schema) && !places.fields &&
             !version.selectable_fields.empty()) {
    // A schema of all is kept in the common place, where fields of one version do not look for it.
    out.Invalid(at.Child("selectableFields"), "",
                "may only be set when `version.schema.openAPIV3Schema` is not included");
  } else if (has_fields && has_schema) {
    CheckSelectable(version, schema, checks.old,
                    place(places.fields, "selectableFields", "selectableFields"), out);
  }
}

}  // namespace

bool AnySchema(const CustomResourceDefinition& definition, bool (*is)(const Json& props)) {
  return std::ranges::any_of(definition.spec.versions, [&](const auto& version) {
    return version.schema && version.schema->open_api_v3_schema &&
           is(version.schema->open_api_v3_schema->Parse());
  });
}

void CheckName(const FieldPath& path, const std::string& name,
               const std::vector<std::string>& wrong, std::string_view before, Violations& out) {
  if (wrong.empty()) return;
  out.Invalid(path, name, fmt::format("{}{}", before, fmt::join(wrong, ",")));
}

VersionFaults FaultsOf(const CustomResourceDefinition& definition) {
  VersionFaults faults;
  const auto& versions = definition.spec.versions;
  const Places places = PlacesOf(definition);
  for (size_t i = 0; i < versions.size(); ++i) {
    const auto& schema = versions[i].schema;
    const bool has_schema = schema && schema->open_api_v3_schema;
    faults.missing |= !has_schema;
    // One that all have in common is looked at once.
    if (has_schema && (i == 0 || !places.schema)) {
      FindFaults(schema->open_api_v3_schema->Parse(), faults.schemas);
    }
  }
  return faults;
}

void CheckVersions(const CustomResourceDefinition& definition, const VersionChecks& given,
                   Violations& out) {
  VersionChecks checks = given;
  // What is pruned, has defaults or speaks of more than values has to have a structure, whatever
  // there was.
  bool& no_structure = checks.allowed.schemas.structure;
  no_structure = no_structure && definition.spec.preserve_unknown_fields &&
                 !AnySchema(definition, SetsDefaults) && !AnySchema(definition, HasExtensions);
  const auto& versions = definition.spec.versions;
  const Places places = PlacesOf(definition);
  std::set<std::string> names;
  size_t stored = 0;
  for (size_t i = 0; i < versions.size(); ++i) {
    names.insert(versions[i].name);
    stored += versions[i].storage;
    CheckVersion(definition, i, places, checks, out);
  }
  const FieldPath path = FieldPath("spec").Child("versions");
  const bool sent_empty = out.WasSentEmpty("/spec/versions");
  const auto printed = [&] {
    return Printed::Verbatim(PrintedVersions(versions, places, sent_empty));
  };
  if (names.size() < versions.size()) {
    out.Invalid(path, printed(), "must contain unique version names");
  }
  if (stored != 1) {
    out.Invalid(path, printed(), "must have exactly one version marked as storage version");
  }
}

}  // namespace skiff::crd
