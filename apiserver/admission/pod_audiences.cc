#include "apiserver/admission/pod_audiences.h"

#include <algorithm>

#include "api/gen/storage_v1.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// As Kubernetes' caches call what they miss: in the singular.
Error Missing(std::string_view what, const std::string& name) {
  return NotFoundError({"", what}, name);
}

// "" for a volume that no CSI driver makes.
Result<std::string> DriverOfClaim(Store& store, const std::string& namespace_name,
                                  const std::string& name) {
  const auto claim = ReadTyped<core_v1::PersistentVolumeClaim>(store, namespace_name, name);
  if (!claim) return Fail(Missing("persistentvolumeclaim", name));
  const std::string& volume_name = (*claim)->spec.volume_name;
  const auto volume = ReadTyped<core_v1::PersistentVolume>(store, "", volume_name);
  if (!volume) return Fail(Missing("persistentvolume", volume_name));
  return (*volume)->spec.csi ? (*volume)->spec.csi->driver : std::string();
}

Result<std::string> DriverOf(Store& store, const core_v1::Pod& pod, const core_v1::Volume& volume) {
  const std::string& space = pod.metadata.namespace_;
  if (volume.ephemeral && volume.ephemeral->volume_claim_template) {
    return DriverOfClaim(store, space, pod.metadata.name + "-" + volume.name);
  }
  if (volume.persistent_volume_claim) {
    return DriverOfClaim(store, space, volume.persistent_volume_claim->claim_name);
  }
  return volume.csi ? volume.csi->driver : std::string();
}

bool DriverNamesAudience(Store& store, const std::string& driver_name,
                         const std::string& audience) {
  const auto driver = ReadTyped<storage_v1::CSIDriver>(store, "", driver_name);
  if (!driver) return false;
  const auto& requests = (*driver)->spec.token_requests;
  return std::any_of(requests.begin(), requests.end(),
                     [&](const auto& request) { return request.audience == audience; });
}

bool ProjectsAudience(const core_v1::Volume& volume, const std::string& audience) {
  if (!volume.projected) return false;
  const auto& sources = volume.projected->sources;
  return std::any_of(sources.begin(), sources.end(), [&](const auto& source) {
    return source.service_account_token && source.service_account_token->audience == audience;
  });
}

}  // namespace

Result<bool> PodNamesAudience(Store& store, const core_v1::Pod& pod, const std::string& audience) {
  std::vector<std::string> faults;
  for (const core_v1::Volume& volume : pod.spec.volumes) {
    if (ProjectsAudience(volume, audience)) return true;
    const auto driver = DriverOf(store, pod, volume);
    if (!driver) {
      faults.push_back(driver.error().message);
    } else if (!driver->empty() && DriverNamesAudience(store, *driver, audience)) {
      return true;
    }
  }
  if (faults.empty()) return false;
  return Fail(Reason::kForbidden, JoinedErrors(faults));
}

}  // namespace skiff
