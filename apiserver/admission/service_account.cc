// Pods run as a service account: its name, its token as a volume, its pull secrets.
#include <algorithm>
#include <unordered_set>

#include "api/gen/core_v1.h"
#include "api/pods/mirror_pods.h"
#include "api/rules/pods/pod_references.h"
#include "api/text/go_text.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/auth/service_accounts.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr std::string_view kVolumePrefix = "kube-api-access-";
// Of a volume; the pod is refused for a longer one, but nothing has been looked at yet, and it
// would be copied for each container.
constexpr size_t kTokenVolumeNameBytesMax = 63;
constexpr std::string_view kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr const char* kEnforceMountable = "kubernetes.io/enforce-mountable-secrets";

bool HasTokenMount(const core_v1::Container& container) {
  return std::any_of(container.volume_mounts.begin(), container.volume_mounts.end(),
                     [](const auto& mount) { return mount.mount_path == kMountPath; });
}

core_v1::Volume TokenVolume(std::string name) {
  core_v1::Volume volume;
  volume.name = std::move(name);
  auto& projected = volume.projected.emplace();
  projected.default_mode = 0644;
  auto& token = projected.sources.emplace_back().service_account_token.emplace();
  token.path = "token";
  token.expiration_seconds = kProjectedTokenSeconds;
  auto& authority = projected.sources.emplace_back().config_map.emplace();
  authority.name = "kube-root-ca.crt";
  auto& certificate = authority.items.emplace_back();
  certificate.key = "ca.crt";
  certificate.path = "ca.crt";
  auto& item = projected.sources.emplace_back().downward_api.emplace().items.emplace_back();
  item.path = "namespace";
  auto& field = item.field_ref.emplace();
  field.api_version = "v1";
  field.field_path = "metadata.namespace";
  return volume;
}

// A mirror pod shows what a kubelet runs without us; it may lean on nothing of the API.
Result<> CheckMirrorPod(const AdmissionRequest& request, const core_v1::Pod& pod) {
  const core_v1::PodSpec& spec = pod.spec;
  if (!spec.service_account_name.empty()) {
    return Deny(request, "a mirror pod may not reference service accounts");
  }
  if (!ReferencesOf(pod).secrets.empty()) {
    return Deny(request, "a mirror pod may not reference secrets");
  }
  for (const auto& volume : spec.volumes) {
    if (!volume.projected) continue;
    for (const auto& source : volume.projected->sources) {
      if (source.service_account_token) {
        return Deny(request, "a mirror pod may not use ServiceAccountToken volume projections");
      }
    }
  }
  return {};
}

// The secrets that an account names. It and a pod may name ten thousands each.
struct Mountable {
  explicit Mountable(const core_v1::ServiceAccount& from) : account(from) {
    for (const auto& reference : from.secrets) secrets.insert(reference.name);
    for (const auto& reference : from.image_pull_secrets) pull_secrets.insert(reference.name);
  }
  const core_v1::ServiceAccount& account;
  std::unordered_set<std::string_view> secrets, pull_secrets;
};

// "" when the container takes only secrets that its account names.
template <typename Container>
std::string EnvironmentFault(const Mountable& mountable, const Container& container,
                             std::string_view prefix) {
  const std::string who = std::string(prefix) + "container " + container.name;
  const std::string& name = mountable.account.metadata.name;
  for (const auto& variable : container.env) {
    if (!variable.value_from || !variable.value_from->secret_key_ref) continue;
    const std::string& secret = variable.value_from->secret_key_ref->name;
    if (mountable.secrets.contains(secret)) continue;
    return who + " with envVar " + variable.name + " referencing secret.secretName=\"" + secret +
           "\" is not allowed because service account " + name + " does not reference that secret";
  }
  for (const auto& from : container.env_from) {
    if (!from.secret_ref || mountable.secrets.contains(from.secret_ref->name)) continue;
    return who + " with envFrom referencing secret.secretName=\"" + from.secret_ref->name +
           "\" is not allowed because service account " + name + " does not reference that secret";
  }
  return "";
}

template <typename Container>
Result<> CheckEnvironment(const AdmissionRequest& request, const Mountable& mountable,
                          const Container& container, std::string_view prefix) {
  const std::string fault = EnvironmentFault(mountable, container, prefix);
  if (fault.empty()) return {};
  return Deny(request, fault);
}

Result<> CheckMountable(const AdmissionRequest& request, const core_v1::ServiceAccount& account,
                        const core_v1::PodSpec& spec) {
  const Mountable mountable(account);
  const std::string& name = account.metadata.name;
  for (const auto& volume : spec.volumes) {
    if (volume.secret && !mountable.secrets.contains(volume.secret->secret_name)) {
      return Deny(request, "volume with secret.secretName=\"" + volume.secret->secret_name +
                               "\" is not allowed because service account " + name +
                               " does not reference that secret");
    }
  }
  for (const auto& container : spec.init_containers) {
    TRY(CheckEnvironment(request, mountable, container, "init "));
  }
  for (const auto& container : spec.containers) {
    TRY(CheckEnvironment(request, mountable, container, ""));
  }
  for (size_t i = 0; i < spec.image_pull_secrets.size(); ++i) {
    const std::string& secret = spec.image_pull_secrets[i].name;
    if (mountable.pull_secrets.contains(secret)) continue;
    return Deny(request, "imagePullSecrets[" + std::to_string(i) + "].name=\"" + secret +
                             "\" is not allowed because service account " + name +
                             " does not reference that imagePullSecret");
  }
  return {};
}

class ServiceAccountPlugin final : public AdmissionPlugin, public Admits, public Validates {
 public:
  ServiceAccountPlugin(Caches& caches, Random& random) : caches_(caches), random_(random) {}
  std::string_view name() const override { return "ServiceAccount"; }

  Result<> Admit(AdmissionRequest& request) override {
    if (request.operation != Operation::kCreate || !request.Is("", "pods")) return {};
    auto& pod = *request.object->As<core_v1::Pod>();
    if (pod.metadata.annotations.contains(kMirrorPodAnnotation)) {
      return CheckMirrorPod(request, pod);
    }
    if (pod.spec.service_account_name.empty()) pod.spec.service_account_name = "default";
    pod.spec.service_account = pod.spec.service_account_name;
    const auto account = TRY(AccountOf(request, pod));
    if (pod.spec.automount_service_account_token.value_or(
            account->automount_service_account_token.value_or(true))) {
      MountToken(pod.spec);
    }
    if (pod.spec.image_pull_secrets.empty()) {
      pod.spec.image_pull_secrets = account->image_pull_secrets;
    }
    return Validate(request);
  }

  Result<> Validate(const AdmissionRequest& request) override {
    const bool is_debugging =
        request.operation == Operation::kUpdate && request.Is("", "pods", "ephemeralcontainers");
    const bool is_new = request.operation == Operation::kCreate && request.Is("", "pods");
    if (!is_new && !is_debugging) return {};
    const auto& pod = *request.object->As<core_v1::Pod>();
    if (is_debugging) return CheckDebugging(request, pod);
    if (pod.metadata.annotations.contains(kMirrorPodAnnotation)) {
      return CheckMirrorPod(request, pod);
    }
    const auto account = TRY(AccountOf(request, pod));
    if (!IsStrict(*account)) return {};
    return CheckMountable(request, *account, pod.spec);
  }

 private:
  static bool IsStrict(const core_v1::ServiceAccount& account) {
    const auto enforce = account.metadata.annotations.find(kEnforceMountable);
    return enforce != account.metadata.annotations.end() && GoBool(enforce->second).value_or(false);
  }

  // Of ephemeral containers Kubernetes does not say that it forbids them, but fails.
  Result<> CheckDebugging(const AdmissionRequest& request, const core_v1::Pod& pod) {
    const auto account = TRY(AccountOf(request, pod));
    if (!IsStrict(*account)) return {};
    const Mountable mountable(*account);
    for (const auto& container : pod.spec.ephemeral_containers) {
      const std::string fault = EnvironmentFault(mountable, container, "ephemeral ");
      if (!fault.empty()) return Fail(PlainError(fault));
    }
    return {};
  }

  using AccountPtr = std::shared_ptr<const core_v1::ServiceAccount>;
  Result<AccountPtr> AccountOf(const AdmissionRequest& request, const core_v1::Pod& pod) {
    const std::string& name = pod.spec.service_account_name;
    if (name.empty()) {
      return Deny(request, "no service account specified for pod " + request.namespace_name + "/" +
                               pod.metadata.name);
    }
    AccountPtr found = TRY(caches_.service_accounts.FindOrRead(request.namespace_name, name));
    if (found) return found;
    return Deny(request, "error looking up service account " + request.namespace_name + "/" + name +
                             ": serviceaccount " + Quoted(name) + " not found");
  }

  void MountToken(core_v1::PodSpec& spec) {
    const bool all_mounted =
        std::all_of(spec.containers.begin(), spec.containers.end(), &HasTokenMount) &&
        std::all_of(spec.init_containers.begin(), spec.init_containers.end(), &HasTokenMount);
    if (all_mounted) return;
    std::string name;
    const auto own = std::ranges::find_if(spec.volumes, [](const core_v1::Volume& volume) {
      return volume.name.starts_with(kVolumePrefix) &&
             volume.name.size() <= kTokenVolumeNameBytesMax;
    });
    if (own != spec.volumes.end()) {
      name = own->name;
    } else {
      name = std::string(kVolumePrefix) + random_.NameSuffix();
      spec.volumes.push_back(TokenVolume(name));
    }
    for (auto* containers : {&spec.init_containers, &spec.containers}) {
      for (core_v1::Container& container : *containers) {
        if (HasTokenMount(container)) continue;
        auto& mount = container.volume_mounts.emplace_back();
        mount.name = name;
        mount.read_only = true;
        mount.mount_path = kMountPath;
      }
    }
  }

  Caches& caches_;
  Random& random_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeServiceAccount(const AdmissionParts& parts) {
  return std::make_unique<ServiceAccountPlugin>(parts.caches, parts.random);
}

}  // namespace skiff
