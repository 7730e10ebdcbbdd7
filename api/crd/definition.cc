#include "api/crd/definition.h"

#include <algorithm>
#include <set>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/crd/definition_schema.h"
#include "api/crd/definition_version.h"
#include "api/crd/formats.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/identity/x509.h"
#include "api/rules/names.h"
#include "api/rules/policy/webhook_validation.h"
#include "api/text/go_text.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinitionNames;

void CheckNames(const CustomResourceDefinitionNames& names, const FieldPath& path,
                Violations& out) {
  const auto check = [&](const std::string& value, const FieldPath& at) {
    CheckName(at, value, Dns1035LabelErrors(value), "", out);
  };
  const auto check_kind = [&](const std::string& value, const char* name) {
    if (value.empty()) return;
    CheckName(path.Child(name), value, Dns1035LabelErrors(Lower(value)),
              "may have mixed case, but should otherwise match: ", out);
  };
  if (!names.plural.empty()) check(names.plural, path.Child("plural"));
  if (!names.singular.empty()) check(names.singular, path.Child("singular"));
  check_kind(names.kind, "kind");
  check_kind(names.list_kind, "listKind");
  for (size_t i = 0; i < names.short_names.size(); ++i) {
    check(names.short_names[i], path.Child("shortNames").Index(i));
  }
  if (!names.kind.empty() && names.kind == names.list_kind) {
    out.Invalid(path.Child("listKind"), names.list_kind, "kind and listKind may not be the same");
  }
  for (size_t i = 0; i < names.categories.size(); ++i) {
    check(names.categories[i], path.Child("categories").Index(i));
  }
}

bool HasKnownVersion(const std::vector<std::string>& versions) {
  return std::ranges::any_of(
      versions, [](const std::string& each) { return each == "v1" || each == "v1beta1"; });
}

std::vector<std::string> ReviewVersionsOf(const CustomResourceDefinition& definition) {
  const auto& conversion = definition.spec.conversion;
  return conversion && conversion->webhook ? conversion->webhook->conversion_review_versions
                                           : std::vector<std::string>();
}

// `old` is null on create. One that named no version that is known may still name none.
void CheckReviewVersions(const std::vector<std::string>& versions,
                         const CustomResourceDefinition* old, const FieldPath& path,
                         Violations& out) {
  if (versions.empty()) return out.Required(path);
  std::set<std::string> seen;
  for (size_t i = 0; i < versions.size(); ++i) {
    if (!seen.insert(versions[i]).second) {
      out.Invalid(path.Index(i), versions[i], "duplicate version");
      continue;
    }
    out.InvalidEach(path.Index(i), versions[i], Dns1035LabelErrors(versions[i]));
  }
  const auto before = old == nullptr ? std::vector<std::string>() : ReviewVersionsOf(*old);
  const bool is_needed = before.empty() || HasKnownVersion(before);
  if (is_needed && !HasKnownVersion(versions)) {
    out.Invalid(path, versions, "must include at least one of v1, v1beta1");
  }
}

// What the first version is called counts once more: Kubernetes has a field for it inside.
void CheckFirstName(const CustomResourceDefinition& definition, Violations& out) {
  if (definition.spec.versions.empty()) return;
  const std::string& name = definition.spec.versions[0].name;
  if (name.empty()) return;
  CheckName(FieldPath("spec").Child("version"), name, Dns1035LabelErrors(name), "", out);
}

void CheckService(const apiextensions_v1::ServiceReference& service, const FieldPath& path,
                  Violations& out) {
  if (service.name.empty()) out.Required(path.Child("name"));
  if (service.namespace_.empty()) out.Required(path.Child("namespace"));
  const int32_t port = service.port.value_or(443);
  for (const std::string& error : PortNumberErrors(port)) {
    out.Invalid(path.Child("port"), port, "port is not valid: " + error);
  }
  if (service.path) ValidateWebhookServicePath(*service.path, path.Child("path"), out);
}

// By whom the webhook that converts is known; "": by nobody in particular, or there is none.
std::string CaBundleOf(const CustomResourceDefinition& definition) {
  const auto& conversion = definition.spec.conversion;
  const bool has_client = conversion && conversion->webhook && conversion->webhook->client_config;
  return has_client ? conversion->webhook->client_config->ca_bundle : "";
}

// Until it is established a definition may have one that is to be put right, and one that was wrong
// may stay so.
bool MayHaveFaultyBundle(const CustomResourceDefinition* old) {
  if (old == nullptr || !IsEstablished(*old)) return true;
  const std::string bundle = CaBundleOf(*old);
  return !bundle.empty() && !AuthoritiesFault(bundle).empty();
}

// `old` is null on create.
void CheckConversion(const CustomResourceDefinition& definition,
                     const CustomResourceDefinition* old, Violations& out) {
  if (!definition.spec.conversion) return;
  const auto& conversion = *definition.spec.conversion;
  const FieldPath path = FieldPath("spec").Child("conversion");
  const FieldPath client_at = path.Child("webhookClientConfig");
  const FieldPath versions_at = path.Child("conversionReviewVersions");
  const std::string& strategy = conversion.strategy;
  if (strategy.empty()) {
    out.Required(path.Child("strategy"));
  } else if (strategy != "None" && strategy != "Webhook") {
    out.NotSupported(path.Child("strategy"), strategy, {"None", "Webhook"});
  }
  const bool has_client = conversion.webhook && conversion.webhook->client_config;
  const auto versions = ReviewVersionsOf(definition);
  if (strategy == "Webhook") {
    if (!has_client) {
      out.Required(client_at, "required when strategy is set to Webhook");
    } else {
      const auto& client = *conversion.webhook->client_config;
      if (client.url.has_value() == client.service.has_value()) {
        out.Required(client_at, "exactly one of url or service is required");
      } else if (client.url) {
        ValidateWebhookUrl(*client.url, client_at.Child("url"), out);
      } else {
        CheckService(*client.service, client_at.Child("service"), out);
      }
      const std::string fault = client.ca_bundle.empty() || MayHaveFaultyBundle(old)
                                    ? ""
                                    : AuthoritiesFault(client.ca_bundle);
      if (!fault.empty()) {
        out.Invalid(client_at.Child("caBundle"), EncodeBase64(client.ca_bundle), fault);
      }
    }
    return CheckReviewVersions(versions, old, versions_at, out);
  }
  constexpr std::string_view kWhy = "should not be set when strategy is not set to Webhook";
  if (has_client) out.Forbidden(client_at, kWhy);
  if (!versions.empty()) out.Forbidden(versions_at, kWhy);
}

void CheckSpec(const CustomResourceDefinition& definition, const VersionChecks& checks,
               Violations& out) {
  const auto& spec = definition.spec;
  const FieldPath path("spec");
  if (spec.group.empty()) {
    out.Required(path.Child("group"));
  } else if (const auto wrong = Dns1123SubdomainErrors(spec.group); !wrong.empty()) {
    CheckName(path.Child("group"), spec.group, wrong, "", out);
  } else if (spec.group.find('.') == spec.group.npos) {
    out.Invalid(path.Child("group"), spec.group, "should be a domain with at least one dot");
  }
  if (spec.scope.empty()) {
    out.Required(path.Child("scope"));
  } else if (spec.scope != "Cluster" && spec.scope != "Namespaced") {
    out.NotSupported(path.Child("scope"), spec.scope, {"Cluster", "Namespaced"});
  }
  if (spec.preserve_unknown_fields && AnySchema(definition, SetsDefaults)) {
    out.Invalid(path.Child("preserveUnknownFields"), true,
                "must be false in order to use defaults in the schema");
  }
  CheckVersions(definition, checks, out);
  CheckFirstName(definition, out);
  const FieldPath names = path.Child("names");
  const std::pair<const char*, const std::string*> kNeeded[] = {
      {"plural", &spec.names.plural},
      {"singular", &spec.names.singular},
      {"kind", &spec.names.kind},
      {"listKind", &spec.names.list_kind}};
  for (const auto& [name, value] : kNeeded) {
    if (value->empty()) out.Required(names.Child(name));
  }
  CheckNames(spec.names, names, out);
  // Neither changes any more: what is there already cannot be named otherwise.
  if (checks.old == nullptr && IsBuiltInResource(spec.group, spec.names.plural)) {
    out.Invalid(names.Child("plural"), spec.names.plural,
                "is a resource that the API server has without a definition");
  }
  const auto& conversion = spec.conversion;
  if (conversion && conversion->strategy != "None" && spec.preserve_unknown_fields) {
    out.Invalid(path.Child("conversion").Child("strategy"), conversion->strategy,
                "must be None if spec.preserveUnknownFields is true");
  }
  CheckConversion(definition, checks.old, out);
}

// Every version that objects may be kept in is one.
void CheckStored(const CustomResourceDefinition& definition, Violations& out) {
  const auto& stored = definition.status.stored_versions;
  const FieldPath path = FieldPath("status").Child("storedVersions");
  if (stored.empty()) {
    return out.Invalid(path, nullptr, "must have at least one stored version");
  }
  const auto& versions = definition.spec.versions;
  std::set<std::string> left(stored.begin(), stored.end());
  for (const auto& version : versions) {
    // A version that is there twice is stored once.
    const bool is_stored = left.erase(version.name) > 0;
    if (version.storage && !is_stored) {
      out.Invalid(path, stored, "must have the storage version " + version.name);
    }
  }
  for (size_t i = 0; i < stored.size(); ++i) {
    const std::string& name = stored[i];
    const bool known = std::any_of(versions.begin(), versions.end(),
                                   [&](const auto& version) { return version.name == name; });
    if (known) continue;
    out.Invalid(path.Index(i), name,
                "missing from spec.versions; " + name +
                    " was previously a storage version, and must remain in spec.versions until a "
                    "storage migration ensures no data remains persisted in " +
                    name + " and removes " + name + " from status.storedVersions");
  }
}

void CheckApproval(const CustomResourceDefinition& definition, Violations& out) {
  if (!IsProtectedGroup(definition.spec.group)) return;
  const Approval approval = ApprovalOf(definition.metadata.annotations);
  const FieldPath at = FieldPath("metadata").Child("annotations").Key(kApprovalAnnotation);
  if (approval.state == Approval::State::kMissing) out.Required(at, approval.text);
  if (approval.state == Approval::State::kInvalid) {
    out.Invalid(at, definition.metadata.annotations.at(kApprovalAnnotation), approval.text);
  }
}

// What was not always looked at may stay wrong where it was wrong before; nothing else may. What
// was wrong is only asked for where something is: few updates are.
void CheckChangedSpec(const CustomResourceDefinition& definition,
                      const CustomResourceDefinition& old, Violations& out) {
  Violations wrong(out.sent_empty());
  CheckSpec(definition, {.old = &old}, wrong);
  if (wrong.empty()) return;
  const VersionFaults faults = FaultsOf(old);
  if (!faults.missing && faults.schemas == SchemaFaults()) return out.Append(wrong);
  CheckSpec(definition, {.old = &old, .allowed = faults}, out);
}

// Whatever it was, it may stay.
void CheckChangedApproval(const CustomResourceDefinition& definition,
                          const CustomResourceDefinition& old, Violations& out) {
  const auto before = ApprovalOf(old.metadata.annotations).state;
  if (before != ApprovalOf(definition.metadata.annotations).state) CheckApproval(definition, out);
}

using FormatNames = std::set<std::string>;

// Of the schema or the schemas that `token` begins, and of those in them; no document is made. What
// looks like a schema in a value, as a default or an example, is none.
void CollectFormats(JsonReader& in, JsonToken token, FormatNames& out) {
  static const std::set<std::string_view> kSchemas = {
      "items", "additionalItems", "additionalProperties", "not", "allOf", "anyOf", "oneOf"};
  static const std::set<std::string_view> kByName = {"properties", "patternProperties",
                                                     "definitions", "dependencies"};
  if (token == JsonToken::kArray) {
    while (in.NextItem()) CollectFormats(in, in.Next(), out);
  }
  if (token != JsonToken::kObject) return;
  std::string type, format;
  std::string_view key;
  while (in.NextKey(key)) {
    const bool holds_schemas = kSchemas.contains(key), by_name = kByName.contains(key);
    std::string* const word = key == "type" ? &type : key == "format" ? &format : nullptr;
    const JsonToken value = in.Next();
    if (word != nullptr && value == JsonToken::kString) *word = in.string();
    if (holds_schemas) {
      CollectFormats(in, value, out);
    } else if (by_name && value == JsonToken::kObject) {
      while (in.NextKey(key)) CollectFormats(in, in.Next(), out);
    } else {
      in.SkipEntered(value);
    }
  }
  const bool is_text = type == "string" && !format.empty();
  if (is_text && KnownFormat(format).empty()) out.insert(format);
}

FormatNames FormatsOf(const CustomResourceDefinition& definition) {
  FormatNames formats;
  for (const auto& version : definition.spec.versions) {
    if (version.schema && version.schema->open_api_v3_schema) {
      JsonReader in(version.schema->open_api_v3_schema->Text());
      CollectFormats(in, in.Next(), formats);
    }
  }
  return formats;
}

}  // namespace

bool IsEstablished(const CustomResourceDefinition& definition) {
  return std::any_of(
      definition.status.conditions.begin(), definition.status.conditions.end(),
      [](const auto& each) { return each.type == "Established" && each.status == "True"; });
}

bool IsBuiltInResource(std::string_view group, std::string_view plural) {
  const std::string key = std::string(group) + "/" + std::string(plural);
  const auto is_it = [&](const KindInfo* kind) {
    return kind->storage_key == key || (kind->group == group && kind->resource == plural);
  };
  // Those that may be served one day have their places, too.
  return std::ranges::any_of(BuiltInKinds(), is_it) || std::ranges::any_of(KindsOnRequest(), is_it);
}

void ValidateDefinition(const CustomResourceDefinition& definition, Violations& out) {
  const auto& meta = definition.metadata;
  const std::string name = definition.spec.names.plural + "." + definition.spec.group;
  const auto check_name = [&](const std::string& given, const char* field) {
    if (given.empty() || given == name) return;
    out.Invalid(FieldPath("metadata").Child(field), given,
                "must be spec.names.plural+\".\"+spec.group");
  };
  check_name(meta.generate_name, "generateName");
  check_name(meta.name, "name");
  CheckSpec(definition, {}, out);
  CheckStored(definition, out);
  CheckApproval(definition, out);
  if (definition.spec.preserve_unknown_fields) {
    out.Invalid(FieldPath("spec").Child("preserveUnknownFields"), true,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                "spec.versions[*].schema instead");
  }
}

void ValidateDefinitionUpdate(const CustomResourceDefinition& definition,
                              const CustomResourceDefinition& old, Violations& out) {
  const FieldPath spec("spec");
  CheckChangedSpec(definition, old, out);
  if (IsEstablished(old)) {
    ValidateImmutable(definition.spec.scope, old.spec.scope, spec.Child("scope"), out);
    ValidateImmutable(definition.spec.names.kind, old.spec.names.kind,
                      spec.Child("names").Child("kind"), out);
  }
  ValidateImmutable(definition.spec.group, old.spec.group, spec.Child("group"), out);
  ValidateImmutable(definition.spec.names.plural, old.spec.names.plural,
                    spec.Child("names").Child("plural"), out);
  CheckNames(definition.status.accepted_names, FieldPath("status").Child("acceptedNames"), out);
  CheckStored(definition, out);
  CheckChangedApproval(definition, old, out);
  if (definition.spec.preserve_unknown_fields && !old.spec.preserve_unknown_fields) {
    out.Invalid(spec.Child("preserveUnknownFields"), true,
                "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                "spec.versions[*].schema instead");
  }
}

void ValidateDefinitionStatusUpdate(const CustomResourceDefinition& definition,
                                    const CustomResourceDefinition&, Violations& out) {
  CheckNames(definition.status.accepted_names, FieldPath("status").Child("acceptedNames"), out);
}

void WarnOfFormats(const CustomResourceDefinition& definition, const CustomResourceDefinition* old,
                   std::vector<std::string>& out) {
  const FormatNames before = old == nullptr ? FormatNames() : FormatsOf(*old);
  for (const std::string& format : FormatsOf(definition)) {
    if (!before.contains(format)) out.push_back("unrecognized format " + GoQuote(format));
  }
}

}  // namespace skiff::crd
