#include "apiserver/admission/plugins.h"

#include <algorithm>

namespace skiff {
namespace {

struct PluginEntry {
  std::string_view name;
  bool by_default;
  MakePlugin make;
};

// kube-apiserver's order.
constexpr PluginEntry kPlugins[] = {
    {"DeviceAdminAccess", true, &MakeDeviceAdminAccess},
    {"NamespaceLifecycle", true, &MakeNamespaceLifecycle},
    {"LimitRanger", true, &MakeLimitRanger},
    {"ServiceAccount", true, &MakeServiceAccount},
    {"NodeRestriction", false, &MakeNodeRestriction},
    {"NodeServices", true, &MakeNodeServices},
    {"TaintNodesByCondition", true, &MakeTaintNodesByCondition},
    {"PodSecurity", true, &MakePodSecurity},
    {"Priority", true, &MakePriority},
    {"DefaultTolerationSeconds", true, &MakeDefaultTolerationSeconds},
    {"DefaultStorageClass", true, &MakeDefaultStorageClass},
    {"StorageObjectInUseProtection", true, &MakeStorageObjectInUseProtection},
    {"PersistentVolumeClaimResize", true, &MakePersistentVolumeClaimResize},
    {"RuntimeClass", true, &MakeRuntimeClass},
    {"CertificateApproval", true, &MakeCertificateApproval},
    {"CertificateSigning", true, &MakeCertificateSigning},
    {"CertificateSubjectRestriction", true, &MakeCertificateSubjectRestriction},
    {"DefaultIngressClass", true, &MakeDefaultIngressClass},
    {"PodTopologyLabels", true, &MakePodTopologyLabels},
    {"AdmissionPolicyParams", true, &MakeParamAccess},
    {"UnservedKinds", true, &MakeUnservedKinds},
    {"MutatingAdmissionWebhook", true, &MakeMutatingWebhooks},
    // What Kubernetes does in the kinds' storage, with what webhooks have made of the object.
    {"CertificateRequestUser", true, &MakeCertificateRequestUser},
    {"RbacEscalation", true, &MakeRbacEscalation},
    {"ValidatingAdmissionPolicy", true, &MakeValidatingPolicies},
    {"ValidatingAdmissionWebhook", true, &MakeValidatingWebhooks},
    {"ResourceQuota", true, &MakeResourceQuota},
    {"AlwaysDeny", false, &MakeAlwaysDeny},
};

bool Has(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<> CheckNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool known = std::any_of(std::begin(kPlugins), std::end(kPlugins),
                                   [&](const PluginEntry& entry) { return entry.name == name; });
    if (!known) return Fail(Reason::kInvalid, "unknown admission plugin: \"" + name + "\"");
  }
  return {};
}

}  // namespace

Result<> AddAdmissionPlugins(const AdmissionParts& parts, const std::vector<std::string>& enabled,
                             const std::vector<std::string>& disabled, AdmissionChain& chain) {
  TRY(CheckNames(enabled));
  TRY(CheckNames(disabled));
  for (const PluginEntry& entry : kPlugins) {
    const bool wanted =
        (entry.by_default && !Has(disabled, entry.name)) || Has(enabled, entry.name);
    if (wanted) chain.Add(entry.make(parts));
  }
  return {};
}

}  // namespace skiff
