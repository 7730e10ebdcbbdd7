// What containers and pods ask for, and which claims they use.
#include <set>

#include "api/rules/checks.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

using NameRuleOfResource = void (*)(const std::string& name, const FieldPath& path,
                                    Violations& out);

// Amounts of huge pages are whole pages.
bool IsWholePages(const std::string& name, const Quantity& amount) {
  const auto size = Quantity::Parse(name.substr(std::string_view("hugepages-").size()));
  if (!size || *size <= Quantity() || Quantity::FromValue(size->Value()) != *size) return false;
  return amount.Value() % size->Value() == 0;
}

void ValidateAmount(const std::string& name, const Quantity& amount, NameRuleOfResource name_rule,
                    const FieldPath& path, Violations& out) {
  name_rule(name, path, out);
  ValidateQuantity(name, amount, path, out);
}

void ValidateHugePages(const std::string& name, const Quantity& amount, bool allow_partial,
                       const FieldPath& path, Violations& out) {
  if (!IsHugePageResource(name) || allow_partial || IsWholePages(name, amount)) return;
  out.Invalid(path, amount.Text(), amount.Text() + " is not positive integer multiple of " + name);
}

void ValidateRequestAgainstLimit(const std::string& name, const Quantity& request,
                                 const ResourceList& limits, const FieldPath& path,
                                 Violations& out) {
  const auto limit = limits.find(name);
  if (limit == limits.end()) {
    if (!IsOvercommitAllowed(name)) {
      out.Required(path.Child("limits"), "Limit must be set for non overcommitable resources");
    }
    return;
  }
  const std::string of_limit = name + " limit of " + limit->second.Text();
  if (request != limit->second && !IsOvercommitAllowed(name)) {
    out.Invalid(path.Child("requests"), request.Text(), "must be equal to " + of_limit);
  } else if (request > limit->second) {
    out.Invalid(path.Child("requests"), request.Text(),
                "must be less than or equal to " + of_limit);
  }
}

void ValidateRequirements(const ResourceRequirements& resources, NameRuleOfResource name_rule,
                          bool allow_partial_pages, const FieldPath& path, Violations& out) {
  bool has_huge_pages = false;
  bool has_cpu_or_memory = false;
  const auto note = [&](const std::string& name) {
    has_huge_pages = has_huge_pages || IsHugePageResource(name);
    has_cpu_or_memory = has_cpu_or_memory || name == "cpu" || name == "memory";
  };
  for (const auto& [name, amount] : resources.limits) {
    const FieldPath at = path.Child("limits").Key(name);
    ValidateAmount(name, amount, name_rule, at, out);
    ValidateHugePages(name, amount, allow_partial_pages, at, out);
    note(name);
  }
  for (const auto& [name, amount] : resources.requests) {
    const FieldPath at = path.Child("requests").Key(name);
    ValidateAmount(name, amount, name_rule, at, out);
    ValidateRequestAgainstLimit(name, amount, resources.limits, path, out);
    ValidateHugePages(name, amount, allow_partial_pages, at, out);
    note(name);
  }
  if (has_huge_pages && !has_cpu_or_memory) {
    out.Forbidden(path, "HugePages require cpu or memory");
  }
}

std::set<std::string> ClaimNames(const PodSpec& spec) {
  std::set<std::string> names;
  for (const auto& claim : spec.resource_claims) {
    if (!claim.name.empty()) names.insert(claim.name);
  }
  return names;
}

void CheckKnownClaim(const std::string& name, const std::set<std::string>& known,
                     const FieldPath& path, Violations& out) {
  if (known.contains(name)) return;
  std::string names;
  for (const auto& one : known) names += (names.empty() ? ": " : ", ") + one;
  out.NotFound(path, name,
               "must be one of the names in pod.spec.resourceClaims" +
                   (names.empty() ? " which is empty" : names));
}

// `known`: names of the pod's claims.
void ValidateClaims(const std::vector<core_v1::ResourceClaim>& claims,
                    const std::set<std::string>& known, const FieldPath& path, Violations& out) {
  std::set<std::string> used;
  for (size_t i = 0; i < claims.size(); ++i) {
    const auto& [name, request] = claims[i];
    const FieldPath at = path.Index(i);
    if (name.empty()) {
      out.Required(at);
      continue;
    }
    if (used.contains(name)) {
      out.Duplicate(at, name);
    } else {
      std::string use = name;
      if (!request.empty()) {
        CheckFormat(Dns1123LabelErrors, request, at.Child("request"), out);
        use += "/" + request;
      }
      if (used.contains(use)) {
        out.Duplicate(at, use);
      } else if (request.empty()) {
        const std::string prefix = name + "/";
        for (auto part = used.lower_bound(prefix); part != used.end(); ++part) {
          if (!part->starts_with(prefix)) break;
          out.Duplicate(at, name);
        }
      }
      used.insert(use);
    }
    CheckKnownClaim(name, known, at, out);
  }
}

// Huge pages that the old pod had too may stay as they are.
bool HadPartialPages(const PodSpec* old) {
  if (old == nullptr) return false;
  bool found = false;
  const auto look = [&](const ResourceList& list) {
    for (const auto& [name, amount] : list) {
      found = found || (IsHugePageResource(name) && !IsWholePages(name, amount));
    }
  };
  ForEachContainer(*old, FieldPath(), [&](const auto& container, const FieldPath&) {
    look(container.resources.limits);
    look(container.resources.requests);
  });
  return found;
}

void ValidatePodResourceName(const std::string& name, const FieldPath& path, Violations& out) {
  Violations errors;
  ValidateResourceName(name, path, errors);
  if (!errors.empty()) return out.Append(errors);
  if (name == "cpu" || name == "memory" || IsHugePageResource(name)) return;
  out.NotSupported(path, name, {"cpu", "hugepages-", "memory"});
}

// The pod as a whole has room for its containers.
void ValidateConsistency(const PodSpec& spec, const FieldPath& path, Violations& out) {
  const auto requests = AggregateContainers(
      spec, [](const auto& resources) -> const ResourceList& { return resources.requests; });
  for (const auto& [name, sum] : requests) {
    const auto of_pod = spec.resources->requests.find(name);
    if (of_pod == spec.resources->requests.end() || sum <= of_pod->second) continue;
    out.Invalid(path.Child("requests").Key(name), of_pod->second.Text(),
                "must be greater than or equal to aggregate container requests of " + sum.Text());
  }
  const auto& pod_limits = spec.resources->limits;
  const auto limits = AggregateContainers(
      spec, [](const auto& resources) -> const ResourceList& { return resources.limits; });
  for (const auto& [name, sum] : limits) {
    const auto of_pod = pod_limits.find(name);
    if (!IsHugePageResource(name) || of_pod == pod_limits.end() || sum <= of_pod->second) continue;
    out.Invalid(path.Child("limits").Key(name), of_pod->second.Text(),
                "must be greater than or equal to aggregate container limits of " + sum.Text());
  }
  for (size_t i = 0; i < spec.containers.size(); ++i) {
    for (const auto& [name, limit] : spec.containers[i].resources.limits) {
      const auto of_pod = pod_limits.find(name);
      if (of_pod == pod_limits.end() || limit <= of_pod->second) continue;
      out.Invalid(path.Child("containers").Index(i).Key(name).Child("limits"), limit.Text(),
                  "must be less than or equal to pod limits of " + of_pod->second.Text());
    }
  }
}

}  // namespace

void NoteResources(PodSpecContext& context) {
  context.claim_names = ClaimNames(context.spec);
  context.had_partial_pages = HadPartialPages(context.old);
}

void ValidateContainerResources(const ResourceRequirements& resources,
                                const PodSpecContext& context, const FieldPath& path,
                                Violations& out) {
  ValidateRequirements(resources, ValidateContainerResourceName, context.had_partial_pages, path,
                       out);
  ValidateClaims(resources.claims, context.claim_names, path.Child("claims"), out);
}

void ValidateOverhead(const PodSpec& spec, const FieldPath& path, Violations& out) {
  ResourceRequirements resources;
  resources.limits = spec.overhead;
  ValidateRequirements(resources, ValidateContainerResourceName, false, path, out);
}

void ValidatePodResources(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  const PodSpec& spec = context.spec;
  if (!spec.resources) return;
  if (spec.os && spec.os->name == "windows") {
    return out.Forbidden(path, "may not be set for a windows pod");
  }
  if (!spec.resources->claims.empty()) {
    out.Forbidden(path.Child("claims"), "claims may not be set for Resources at pod-level");
  }
  ValidateRequirements(*spec.resources, ValidatePodResourceName, false, path, out);
  ValidateClaims(spec.resources->claims, context.claim_names, path.Child("claims"), out);
  ValidateConsistency(spec, path, out);
}

void ValidateResourceClaims(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  const auto& claims = context.spec.resource_claims;
  if (context.is_mirror && !claims.empty()) {
    return out.Forbidden(FieldPath("[]"), "static pods do not support resource claims");
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < claims.size(); ++i) {
    const PodResourceClaim& claim = claims[i];
    const FieldPath at = path.Index(i);
    if (!claim.name.empty() && names.contains(claim.name)) {
      out.Duplicate(at.Child("name"), claim.name);
    } else {
      RequireFormat(Dns1123LabelErrors, claim.name, at.Child("name"), out);
      names.insert(claim.name);
    }
    if (claim.resource_claim_name && claim.resource_claim_template_name) {
      out.Invalid(at, GoStruct(claim),
                  "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be "
                  "specified");
    }
    if (!claim.resource_claim_name && !claim.resource_claim_template_name) {
      out.Invalid(at, GoStruct(claim),
                  "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    }
    if (claim.resource_claim_name) {
      CheckFormat(Dns1123SubdomainErrors, *claim.resource_claim_name, at.Child("resourceClaimName"),
                  out);
    }
    if (claim.resource_claim_template_name) {
      CheckFormat(Dns1123SubdomainErrors, *claim.resource_claim_template_name,
                  at.Child("resourceClaimTemplateName"), out);
    }
  }
}

}  // namespace skiff
