#include "kubelet/api_lookups.h"

#include <algorithm>
#include <set>

#include "api/pods/conditions.h"
#include "api/select/selector.h"

namespace skiff::kubelet {

RegistryCredentials ApiPullCredentials(KeptObjects& objects, const core_v1::Pod& pod,
                                       std::vector<std::string>& missing) {
  RegistryCredentials credentials;
  std::set<std::string> asked;  // A pod may name one thousands of times.
  for (const auto& reference : pod.spec.image_pull_secrets) {
    if (!asked.insert(reference.name).second) continue;
    const auto secret =
        objects.Get<core_v1::Secret>(pod.metadata.namespace_, reference.name);
    if (!secret || !credentials.Add(**secret)) missing.push_back(reference.name);
  }
  return credentials;
}

EnvironmentSources ApiEnvironmentSources(KeptObjects& objects,
                                         const Informer<core_v1::Service>& services,
                                         std::map<std::string, Quantity> node_allocatable,
                                         const core_v1::Pod& pod) {
  EnvironmentSources sources;
  const std::string namespace_ = pod.metadata.namespace_;
  sources.config_map = [&objects, namespace_](const std::string& name) {
    return objects.Get<core_v1::ConfigMap>(namespace_, name);
  };
  sources.secret = [&objects, namespace_](const std::string& name) {
    return objects.Get<core_v1::Secret>(namespace_, name);
  };
  sources.services = services.ListIn(namespace_);
  if (namespace_ != "default") {
    if (auto master = services.Get({"default", "kubernetes"})) {
      sources.services.push_back(std::move(master));
    }
  }
  sources.node_allocatable = std::move(node_allocatable);
  return sources;
}

VolumeSources ApiVolumeSources(KeptObjects& objects,
                               std::map<std::string, Quantity> node_allocatable,
                               csi::CsiVolumes* csi, EventRecorder* events) {
  VolumeSources sources;
  sources.config_map = [&objects](const std::string& namespace_, const std::string& name) {
    return objects.Get<core_v1::ConfigMap>(namespace_, name);
  };
  sources.secret = [&objects](const std::string& namespace_, const std::string& name) {
    return objects.Get<core_v1::Secret>(namespace_, name);
  };
  sources.claim = [&objects](const std::string& namespace_, const std::string& name) {
    return objects.Get<core_v1::PersistentVolumeClaim>(namespace_, name);
  };
  sources.volume = [&objects](const std::string& name) {
    return objects.Get<core_v1::PersistentVolume>("", name);
  };
  sources.token = [&objects](const core_v1::Pod& pod, const std::string& audience,
                             int64_t expiration_seconds) {
    return objects.Token(pod, audience, expiration_seconds);
  };
  sources.csi = csi;
  sources.events = events;
  sources.node_allocatable = std::move(node_allocatable);
  return sources;
}

bool IsLedTo(const Informer<core_v1::Service>& services, const core_v1::Pod& pod) {
  const auto* ready = FindCondition(pod.status.conditions, "Ready");
  if (ready == nullptr || ready->status != "True") return false;
  const auto all = services.ListIn(pod.metadata.namespace_);
  return std::any_of(all.begin(), all.end(), [&](const Ptr<core_v1::Service>& service) {
    return !service->spec.selector.empty() &&
           LabelSelector::FromMap(service->spec.selector).Matches(pod.metadata.labels);
  });
}

}  // namespace skiff::kubelet
