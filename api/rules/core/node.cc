// What the schema cannot say about a Node.
#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/text/go_text.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::Node;

// podCIDR is the first of podCIDRs; a client may know only one of the two.
void AlignPodCidrs(core_v1::NodeSpec& spec) {
  if (!spec.pod_cidr.empty() &&
      (spec.pod_cidrs.empty() || spec.pod_cidrs.front() != spec.pod_cidr)) {
    spec.pod_cidrs = {spec.pod_cidr};
  }
  spec.pod_cidr = spec.pod_cidrs.empty() ? "" : spec.pod_cidrs.front();
}

void SetDefaults(Node& object) {
  Default(object.status.allocatable, object.status.capacity);
  DefaultResourceList(object.status.capacity);
  DefaultResourceList(object.status.allocatable);
  AlignPodCidrs(object.spec);
}

// A node registers itself with its status.
void Create(Node& object) {
  object.spec.config_source.reset();
  object.status.config.reset();
  object.status.declared_features.clear();  // Of a feature that is off in v1.35.
}

void Update(Node& object, const Node& old) {
  object.status = old.status;
  if (!old.spec.config_source) object.spec.config_source.reset();
}

void UpdateStatus(Node& object, const Node& old) {
  KeepSpec(object, old);
  if (!old.status.config) object.status.config.reset();
}

void ValidateTaints(const std::vector<core_v1::Taint>& taints, const FieldPath& path,
                    Violations& out) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < taints.size(); ++i) {
    const core_v1::Taint& taint = taints[i];
    const FieldPath at = path.Index(i);
    CheckFormat(LabelKeyErrors, taint.key, at.Child("key"), out);
    std::string joined;
    for (const auto& message : LabelValueErrors(taint.value)) {
      joined += (joined.empty() ? "" : ";") + message;
    }
    if (!joined.empty()) out.Invalid(at.Child("value"), taint.value, joined);
    RequireOneOf(taint.effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}, at.Child("effect"),
                 out);
    if (!seen.emplace(taint.key, taint.effect).second) {
      out.Duplicate(at, GoStruct(taint), "taints must be unique by key and effect pair");
    }
  }
}

// An annotation that Kubernetes has long stopped to act upon, but checks.
void ValidateAvoidedPods(const meta_v1::ObjectMeta& meta, Violations& out) {
  constexpr const char* kKey = "scheduler.alpha.kubernetes.io/preferAvoidPods";
  const auto annotation = meta.annotations.find(kKey);
  if (annotation == meta.annotations.end() || annotation->second.empty()) return;
  const FieldPath path = FieldPath("metadata").Child("annotations");
  const auto parsed = ParseJson(annotation->second);
  if (!parsed) return out.Invalid(path.Child("AvoidPods"), kKey, parsed.error().message);
  if (!parsed->is_object()) return;
  const Json entries = parsed->value("preferAvoidPods", Json::array());
  if (!entries.is_array() && !entries.is_null()) {
    const std::string found = entries.is_boolean() ? "bool" : entries.type_name();
    return out.Invalid(path.Child("AvoidPods"), kKey,
                       "json: cannot unmarshal " + found +
                           " into Go struct field AvoidPods.preferAvoidPods of type "
                           "[]v1.PreferAvoidPodsEntry");
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    const FieldPath at = path.Child(kKey).Index(i).Child("PodSignature");
    const Json::json_pointer controller("/podSignature/podController");
    if (!entries[i].contains(controller)) {
      out.Required(at);
      continue;
    }
    const Json& owner = entries[i][controller];
    if (!owner.is_object() || owner.value("controller", Json()) != true) {
      out.Invalid(at.Child("PodController").Child("Controller"), false,
                  "must point to a controller");
    }
  }
}

void ValidateResources(const core_v1::NodeStatus& status, Violations& out) {
  const auto each = [&](const std::map<std::string, Quantity>& list, const char* field) {
    for (const auto& [name, amount] : list) {
      ValidateQuantity(name, amount, FieldPath("status").Child(field).Child(name), out);
    }
  };
  each(status.capacity, "capacity");
  each(status.allocatable, "allocatable");
}

// Named like types of Go, with what stands below them behind slashes, and in order.
void ValidateDeclaredFeatures(const std::vector<std::string>& features, Violations& out) {
  constexpr size_t kNameBytesMax = 253;
  static const RE2 kName("[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*");
  const FieldPath path = FieldPath("status").Child("declaredFeatures");
  for (size_t i = 0; i < features.size(); ++i) {
    const std::string& feature = features[i];
    const std::string begin = "invalid feature name " + GoQuote(feature) + ": must ";
    if (feature.size() > kNameBytesMax) {
      out.Invalid(path.Index(i), feature, begin + "be no more than 253 characters");
    } else if (!RE2::FullMatch(feature, kName)) {
      out.Invalid(path.Index(i), feature,
                  begin +
                      "start with an UpperCamelCase segment, with subsequent segments separated "
                      "by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only "
                      "alphanumeric characters and slashes");
    }
    if (i + 1 == features.size()) break;
    const std::string& next = features[i + 1];
    if (next == feature) out.Duplicate(path.Index(i + 1), next);
    if (next < feature) {
      out.Invalid(path.Index(i + 1), next, "list must be sorted alphabetically");
    }
  }
}

// A node has at most one range of each family.
void ValidatePodCidrs(const std::vector<std::string>& cidrs, const FieldPath& path,
                      Violations& out) {
  for (size_t i = 0; i < cidrs.size(); ++i) {
    out.InvalidEach(path.Index(i), cidrs[i], LegacyCidrErrors(cidrs[i]));
  }
  if (cidrs.size() <= 1) return;
  std::set<bool> families;
  for (size_t i = 0; i < cidrs.size(); ++i) {
    const auto cidr = ParseCidr(cidrs[i]);
    if (!cidr) {
      out.Internal(path,
                   "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[" +
                       std::to_string(i) + "]: <nil> (invalid CIDR address: " + cidrs[i] + ")");
      families.clear();
      break;
    }
    families.insert(cidr->address.v6);
  }
  if (families.size() == 2 && cidrs.size() == 2) return;
  out.Invalid(path, cidrs, "may specify no more than one CIDR for each IP family");
}

void Validate(const Node& object, Violations& out) {
  ValidateAvoidedPods(object.metadata, out);
  ValidateTaints(object.spec.taints, FieldPath("metadata").Child("taints"), out);
  ValidateResources(object.status, out);
  const auto& swap = object.status.node_info.swap;
  if (swap && swap->capacity) {
    ValidatePositive(*swap->capacity,
                     FieldPath("metadata").Child("nodeSwapStatus").Child("capacity"), out);
  }
  ValidateDeclaredFeatures(object.status.declared_features, out);
  ValidatePodCidrs(object.spec.pod_cidrs, FieldPath("spec").Child("podCIDRs"), out);
}

// What holds for updates of the status too.
void ValidateChanges(const Node& object, const Node& old, Violations& out) {
  ValidateResources(object.status, out);
  ValidateDeclaredFeatures(object.status.declared_features, out);
  const auto& addresses = object.status.addresses;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (!seen.emplace(addresses[i].type, addresses[i].address).second) {
      out.Duplicate(FieldPath("status").Child("addresses").Index(i), GoStruct(addresses[i]));
    }
  }
  const FieldPath path("spec");
  if (!old.spec.pod_cidrs.empty() && object.spec.pod_cidrs != old.spec.pod_cidrs) {
    out.Forbidden(path.Child("podCIDRs"),
                  "node updates may not change podCIDR except from \"\" to valid");
  }
  if (!old.spec.provider_id.empty() && object.spec.provider_id != old.spec.provider_id) {
    out.Forbidden(path.Child("providerID"),
                  "node updates may not change providerID except from \"\" to valid");
  }
  ValidateTaints(object.spec.taints, FieldPath("metadata").Child("taints"), out);
  if (object.spec.external_id != old.spec.external_id) {
    out.Forbidden(path.Child("externalID"), "may not be updated");
  }
}

void ValidateUpdate(const Node& object, const Node& old, Violations& out) {
  Validate(object, out);
  ValidateChanges(object, old, out);
}

void Warn(const Node& object, const Node*, std::vector<std::string>& out) {
  if (object.spec.config_source) out.emplace_back("spec.configSource: the feature is removed");
  if (!object.spec.external_id.empty()) {
    out.emplace_back("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  }
  for (size_t i = 0; i < object.spec.pod_cidrs.size(); ++i) {
    const auto more =
        LegacyCidrWarnings(FieldPath("spec").Child("podCIDRs").Index(i), object.spec.pod_cidrs[i]);
    out.insert(out.end(), more.begin(), more.end());
  }
}

}  // namespace

constexpr RulesOf<Node> kTypedNodeRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = UpdateStatus,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateChanges,
    .warnings = Warn,
};
constinit const Rules kNodeRules = Erase<kTypedNodeRules>();

}  // namespace skiff
