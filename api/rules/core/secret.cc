// What the schema cannot say about a Secret.
#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/pods/token_secrets.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/identity/x509.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/text/go_value.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::Secret;

// stringData is only for writing: it is folded into data and never shown again.
void SetDefaults(Secret& object) {
  Default(object.type, "Opaque");
  for (auto& [key, value] : object.string_data) object.data[key] = value;
  object.string_data.clear();
}

constexpr size_t kSecretBytesMax = 1024 * 1024;
constexpr const char* kImmutable = "field is immutable when `immutable` is set";
constexpr const char* kRedacted = "<secret contents redacted>";

// The credentials of a registry are a JSON object.
void ValidateDockerConfig(const Secret& object, const std::string& key, Violations& out) {
  const FieldPath at = FieldPath("data").Key(key);
  const auto text = object.data.find(key);
  if (text == object.data.end()) return out.Required(at);
  const auto document = ParseJson(text->second);
  if (!document) return out.Invalid(at, kRedacted, document.error().message);
  if (document->is_object() || document->is_null()) return;
  out.Invalid(at, kRedacted,
              std::string("json: cannot unmarshal ") + GoFound(*document) +
                  " into Go value of type map[string]interface {}");
}

void ValidateType(const Secret& object, Violations& out) {
  const FieldPath data("data");
  const auto missing = [&](const char* key) { return !object.data.contains(key); };
  if (object.type == kTokenSecretType) {
    const auto account = object.metadata.annotations.find(kTokenSecretAccount);
    if (account == object.metadata.annotations.end() || account->second.empty()) {
      out.Required(FieldPath("metadata").Child("annotations").Key(kTokenSecretAccount));
    }
  } else if (object.type == "kubernetes.io/dockercfg") {
    ValidateDockerConfig(object, ".dockercfg", out);
  } else if (object.type == "kubernetes.io/dockerconfigjson") {
    ValidateDockerConfig(object, ".dockerconfigjson", out);
  } else if (object.type == "kubernetes.io/basic-auth") {
    if (missing("username") && missing("password")) {
      out.Required(data.Key("username"));
      out.Required(data.Key("password"));
    }
  } else if (object.type == "kubernetes.io/ssh-auth") {
    const auto key = object.data.find("ssh-privatekey");
    if (key == object.data.end() || key->second.empty()) out.Required(data.Key("ssh-privatekey"));
  } else if (object.type == "kubernetes.io/tls") {
    if (missing("tls.crt")) out.Required(data.Key("tls.crt"));
    if (missing("tls.key")) out.Required(data.Key("tls.key"));
  }
}

void Validate(const Secret& object, Violations& out) {
  size_t bytes = 0;
  for (const auto& [key, value] : object.data) {
    CheckFormat(ConfigMapKeyErrors, key, FieldPath("data").Key(key), out);
    bytes += value.size();
  }
  if (bytes > kSecretBytesMax) out.TooLong(FieldPath("data"), kSecretBytesMax);
  ValidateType(object, out);
}

void ValidateUpdate(const Secret& object, const Secret& old, Violations& out) {
  ValidateImmutable(object.type, old.type, FieldPath("type"), out);
  if (old.immutable.value_or(false)) {
    if (!object.immutable.value_or(false)) out.Forbidden(FieldPath("immutable"), kImmutable);
    if (object.data != old.data) out.Forbidden(FieldPath("data"), kImmutable);
  }
  Validate(object, out);
}

void Warn(const Secret& object, const Secret*, std::vector<std::string>& out) {
  if (object.type != "kubernetes.io/tls") return;
  const auto text = [&](const char* key) {
    const auto found = object.data.find(key);
    return found == object.data.end() ? std::string_view() : std::string_view(found->second);
  };
  std::string fault = KeyPairFault(text("tls.crt"), text("tls.key"));
  if (!fault.empty()) out.push_back(std::move(fault));
}

}  // namespace

constexpr RulesOf<Secret> kTypedSecretRules = {
    .set_defaults = SetDefaults,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kSecretRules = Erase<kTypedSecretRules>();

}  // namespace skiff
