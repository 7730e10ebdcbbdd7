// The list of admission plugins, in the order in which they run (plugins.cc), and what they are
// made of. One file a plugin.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/admission/admission.h"
#include "apiserver/admission/configuration.h"
#include "apiserver/auth/authorizer.h"
#include "apiserver/identity/caches.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/id.h"

namespace skiff {

class MetricRegistry;
class Webhooks;
struct Served;

// How long pods stay on a node that does not answer, unless they say otherwise.
struct DefaultTolerations {
  int not_ready_s = 300;
  int unreachable_s = 300;
};

struct AdmissionParts {
  Store& store;
  Caches& caches;
  Authorizer& authorizer;
  const Clock& clock;
  Random& random;
  DefaultTolerations tolerations = {};
  // Whether who writes what nothing acts on hears of it; else the log does.
  bool warns_of_unserved_kinds = false;
  bool network_policies_are_enforced = false;
  Webhooks* webhooks = nullptr;  // nullptr: none can be called.
  // The kinds of now.
  std::function<std::shared_ptr<const Served>()> served = {};
  MetricRegistry* metrics = nullptr;  // nullptr: nothing is counted.
  bool mutating_policies_act = false;
  AdmissionSettings settings = {};
};

// Whether there is one of that name that can be turned on or off.
bool IsAdmissionPlugin(std::string_view name);
// Of --enable-admission-plugins and --disable-admission-plugins; Invalid, in kube-apiserver's
// words.
Result<> CheckAdmissionPlugins(const std::vector<std::string>& enabled,
                               const std::vector<std::string>& disabled);
// Fails with Invalid on a name that is no plugin.
Result<> AddAdmissionPlugins(const AdmissionParts& parts, const std::vector<std::string>& enabled,
                             const std::vector<std::string>& disabled, AdmissionChain& chain);

using MakePlugin = std::unique_ptr<AdmissionPlugin> (*)(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeNamespaceLifecycle(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeLimitRanger(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeServiceAccount(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeNodeRestriction(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeNodeServices(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeTaintNodesByCondition(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakePodSecurity(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakePriority(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeDefaultTolerationSeconds(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeDefaultStorageClass(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeStorageObjectInUseProtection(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakePersistentVolumeClaimResize(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeRuntimeClass(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeCertificateApproval(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeCertificateSigning(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeCertificateSubjectRestriction(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeCertificateRequestUser(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeDeviceAdminAccess(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeDefaultIngressClass(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakePodTopologyLabels(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeAlwaysPullImages(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeDenyServiceExternalIps(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeExtendedResourceToleration(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeLimitPodHardAntiAffinityTopology(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeNamespaceExists(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeOwnerReferencesPermissionEnforcement(
    const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeRbacEscalation(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeResourceQuota(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeUnservedKinds(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeAlwaysDeny(const AdmissionParts& parts);
// apiserver/webhooks/plugins.cc
std::unique_ptr<AdmissionPlugin> MakeMutatingWebhooks(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeValidatingWebhooks(const AdmissionParts& parts);
// apiserver/policies
std::unique_ptr<AdmissionPlugin> MakeMutatingPolicies(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeParamAccess(const AdmissionParts& parts);
std::unique_ptr<AdmissionPlugin> MakeValidatingPolicies(const AdmissionParts& parts);

}  // namespace skiff
