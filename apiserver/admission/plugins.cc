#include "apiserver/admission/plugins.h"

#include <algorithm>
#include <set>

namespace skiff {
namespace {

// Those that are always on do what Kubernetes does in the storage of kinds, where they have no name
// by which they could be turned off.
enum class PluginWhen : uint8_t { kAlways, kByDefault, kIfAsked };

struct PluginEntry {
  std::string_view name;
  PluginWhen when;
  MakePlugin make;
};

// kube-apiserver's order.
constexpr PluginEntry kPlugins[] = {
    {"DeviceAdminAccess", PluginWhen::kAlways, &MakeDeviceAdminAccess},
    {"NamespaceLifecycle", PluginWhen::kByDefault, &MakeNamespaceLifecycle},
    {"NamespaceExists", PluginWhen::kIfAsked, &MakeNamespaceExists},
    {"LimitPodHardAntiAffinityTopology", PluginWhen::kIfAsked,
     &MakeLimitPodHardAntiAffinityTopology},
    {"LimitRanger", PluginWhen::kByDefault, &MakeLimitRanger},
    {"ServiceAccount", PluginWhen::kByDefault, &MakeServiceAccount},
    {"NodeRestriction", PluginWhen::kIfAsked, &MakeNodeRestriction},
    {"NodeServices", PluginWhen::kAlways, &MakeNodeServices},
    {"TaintNodesByCondition", PluginWhen::kByDefault, &MakeTaintNodesByCondition},
    {"AlwaysPullImages", PluginWhen::kIfAsked, &MakeAlwaysPullImages},
    {"PodSecurity", PluginWhen::kByDefault, &MakePodSecurity},
    {"Priority", PluginWhen::kByDefault, &MakePriority},
    {"DefaultTolerationSeconds", PluginWhen::kByDefault, &MakeDefaultTolerationSeconds},
    {"ExtendedResourceToleration", PluginWhen::kIfAsked, &MakeExtendedResourceToleration},
    {"DefaultStorageClass", PluginWhen::kByDefault, &MakeDefaultStorageClass},
    {"StorageObjectInUseProtection", PluginWhen::kByDefault, &MakeStorageObjectInUseProtection},
    {"OwnerReferencesPermissionEnforcement", PluginWhen::kIfAsked,
     &MakeOwnerReferencesPermissionEnforcement},
    {"PersistentVolumeClaimResize", PluginWhen::kByDefault, &MakePersistentVolumeClaimResize},
    {"RuntimeClass", PluginWhen::kByDefault, &MakeRuntimeClass},
    {"CertificateApproval", PluginWhen::kByDefault, &MakeCertificateApproval},
    {"CertificateSigning", PluginWhen::kByDefault, &MakeCertificateSigning},
    {"CertificateSubjectRestriction", PluginWhen::kByDefault, &MakeCertificateSubjectRestriction},
    {"DefaultIngressClass", PluginWhen::kByDefault, &MakeDefaultIngressClass},
    {"DenyServiceExternalIPs", PluginWhen::kIfAsked, &MakeDenyServiceExternalIps},
    {"PodTopologyLabels", PluginWhen::kByDefault, &MakePodTopologyLabels},
    {"AdmissionPolicyParams", PluginWhen::kAlways, &MakeParamAccess},
    {"UnservedKinds", PluginWhen::kByDefault, &MakeUnservedKinds},
    {"MutatingAdmissionPolicy", PluginWhen::kByDefault, &MakeMutatingPolicies},
    {"MutatingAdmissionWebhook", PluginWhen::kByDefault, &MakeMutatingWebhooks},
    // With what webhooks have made of the object.
    {"CertificateRequestUser", PluginWhen::kAlways, &MakeCertificateRequestUser},
    {"RbacEscalation", PluginWhen::kAlways, &MakeRbacEscalation},
    {"ValidatingAdmissionPolicy", PluginWhen::kByDefault, &MakeValidatingPolicies},
    {"ValidatingAdmissionWebhook", PluginWhen::kByDefault, &MakeValidatingWebhooks},
    {"ResourceQuota", PluginWhen::kByDefault, &MakeResourceQuota},
    {"AlwaysDeny", PluginWhen::kIfAsked, &MakeAlwaysDeny},
};

// Those of kube-apiserver that are not here: what each does there, why not here, and what to use.
constexpr std::pair<std::string_view, std::string_view> kAbsent[] = {
    {"NamespaceAutoProvision",
     "it makes a namespace of any name that an object is created in, mistyped ones too, for users "
     "who may create no namespaces; create namespaces before what is in them"},
    {"ImagePolicyWebhook",
     "it asks a server that a file names about the images of pods; a webhook of a "
     "ValidatingWebhookConfiguration is asked about the pods themselves"},
    {"PodNodeSelector",
     "it adds node selectors, which annotations of alpha versions and a file give, to the pods of "
     "a namespace; a webhook of a MutatingWebhookConfiguration can add them, and a "
     "ValidatingAdmissionPolicy can only refuse pods without them"},
    {"PodTolerationRestriction",
     "it adds tolerations, which annotations of alpha versions and a file give, to the pods of a "
     "namespace and refuses others; a webhook of a MutatingWebhookConfiguration can add them, and "
     "a ValidatingAdmissionPolicy can only refuse the others"},
    {"EventRateLimit",
     "it refuses events past a rate that a file gives; FlowSchemas bound how many requests of who "
     "writes events are served at once"},
};

bool Has(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<> CheckNames(std::string_view flag, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (IsAdmissionPlugin(name)) continue;
    for (const auto& [absent, why] : kAbsent) {
      if (absent != name) continue;
      return Fail(Reason::kInvalid, "admission plugin \"" + name + "\" is not part of skiff: " +
                                        std::string(why));
    }
    return Fail(Reason::kInvalid, std::string(flag) + " plugin \"" + name + "\" is unknown");
  }
  return {};
}

}  // namespace

bool IsAdmissionPlugin(std::string_view name) {
  return std::any_of(std::begin(kPlugins), std::end(kPlugins), [&](const PluginEntry& entry) {
    return entry.name == name && entry.when != PluginWhen::kAlways;
  });
}

Result<> CheckAdmissionPlugins(const std::vector<std::string>& enabled,
                               const std::vector<std::string>& disabled) {
  TRY(CheckNames("enable-admission-plugins", enabled));
  TRY(CheckNames("disable-admission-plugins", disabled));
  const std::set<std::string> sorted(enabled.begin(), enabled.end());
  std::string both;
  for (const std::string& name : sorted) {
    if (Has(disabled, name)) both += (both.empty() ? "" : " ") + name;
  }
  if (both.empty()) return {};
  return Fail(Reason::kInvalid, "[" + both +
                                    "] in enable-admission-plugins and "
                                    "disable-admission-plugins overlapped");
}

Result<> AddAdmissionPlugins(const AdmissionParts& parts, const std::vector<std::string>& enabled,
                             const std::vector<std::string>& disabled, AdmissionChain& chain) {
  TRY(CheckAdmissionPlugins(enabled, disabled));
  for (const PluginEntry& entry : kPlugins) {
    const bool wanted = entry.when == PluginWhen::kAlways || Has(enabled, entry.name) ||
                        (entry.when == PluginWhen::kByDefault && !Has(disabled, entry.name));
    if (wanted) chain.Add(entry.make(parts));
  }
  return {};
}

}  // namespace skiff
