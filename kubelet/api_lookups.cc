#include "kubelet/api_lookups.h"

#include "api/gen/authentication_v1.h"

namespace skiff::kubelet {
namespace {

template <Kind K>
Result<Ptr<K>> Look(Client& client, const std::string& namespace_, const std::string& name) {
  return client.Get<K>({namespace_, name});
}

Result<std::string> RequestToken(Client& client, const core_v1::Pod& pod,
                                 const std::string& audience, int64_t expiration_seconds) {
  Json request = {{"apiVersion", "authentication.k8s.io/v1"},
                  {"kind", "TokenRequest"},
                  {"spec",
                   {{"expirationSeconds", expiration_seconds},
                    {"boundObjectRef",
                     {{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"name", pod.metadata.name},
                      {"uid", pod.metadata.uid}}}}}};
  request["spec"]["audiences"] = audience.empty() ? Json::array() : Json::array({audience});
  const Json answer = TRY(client.Create(core_v1::ServiceAccount::Info(),
                                        {pod.metadata.namespace_, pod.spec.service_account_name},
                                        request, "token"));
  return answer.value("/status/token"_json_pointer, std::string());
}

}  // namespace

RegistryCredentials ApiPullCredentials(Client& client, const core_v1::Pod& pod,
                                       std::vector<std::string>& missing) {
  RegistryCredentials credentials;
  for (const auto& reference : pod.spec.image_pull_secrets) {
    const auto secret =
        client.Get<core_v1::Secret>({pod.metadata.namespace_, reference.name});
    if (!secret || !credentials.Add(**secret)) missing.push_back(reference.name);
  }
  return credentials;
}

EnvironmentSources ApiEnvironmentSources(Client& client, const Informer<core_v1::Service>& services,
                                         std::map<std::string, Quantity> node_allocatable,
                                         const core_v1::Pod& pod) {
  EnvironmentSources sources;
  const std::string namespace_ = pod.metadata.namespace_;
  sources.config_map = [&client, namespace_](const std::string& name) {
    return Look<core_v1::ConfigMap>(client, namespace_, name);
  };
  sources.secret = [&client, namespace_](const std::string& name) {
    return Look<core_v1::Secret>(client, namespace_, name);
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

VolumeSources ApiVolumeSources(Client& client, std::map<std::string, Quantity> node_allocatable) {
  VolumeSources sources;
  sources.config_map = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::ConfigMap>(client, namespace_, name);
  };
  sources.secret = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::Secret>(client, namespace_, name);
  };
  sources.claim = [&client](const std::string& namespace_, const std::string& name) {
    return Look<core_v1::PersistentVolumeClaim>(client, namespace_, name);
  };
  sources.volume = [&client](const std::string& name) {
    return Look<core_v1::PersistentVolume>(client, "", name);
  };
  sources.token = [&client](const core_v1::Pod& pod, const std::string& audience,
                            int64_t expiration_seconds) {
    return RequestToken(client, pod, audience, expiration_seconds);
  };
  sources.node_allocatable = std::move(node_allocatable);
  return sources;
}

}  // namespace skiff::kubelet
