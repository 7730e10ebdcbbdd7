// What volumes, environments and stops look up in the API.
#pragma once

#include "client/informer.h"
#include "kubelet/environment.h"
#include "kubelet/kept_objects.h"
#include "kubelet/registry_credentials.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

// `objects` outlives what is returned.
VolumeSources ApiVolumeSources(KeptObjects& objects,
                               std::map<std::string, Quantity> node_allocatable,
                               csi::CsiVolumes* csi = nullptr, EventRecorder* events = nullptr);

// What the pull secrets of a pod hold. Those that are not there, or hold something else, are passed
// over; `missing` gets their names.
RegistryCredentials ApiPullCredentials(KeptObjects& objects, const core_v1::Pod& pod,
                                       std::vector<std::string>& missing);

// Services are those of the informer: of the pod's namespace, and the API's own.
EnvironmentSources ApiEnvironmentSources(KeptObjects& objects,
                                         const Informer<core_v1::Service>& services,
                                         std::map<std::string, Quantity> node_allocatable,
                                         const core_v1::Pod& pod);

// Whether a Service leads requests to the pod now: it is ready, and has the labels for it.
bool IsLedTo(const Informer<core_v1::Service>& services, const core_v1::Pod& pod);

}  // namespace skiff::kubelet
