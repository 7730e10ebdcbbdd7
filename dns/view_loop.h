// Keeps the view of the cluster's names in step with the API.
#pragma once

#include <set>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/informer.h"
#include "dns/service_record.h"
#include "dns/view_source.h"

namespace skiff::dns {

class ViewLoop final : public ControlLoop {
 public:
  struct Dependencies {
    Informer<core_v1::Service> services;
    Informer<discovery_v1::EndpointSlice> slices;
    Informer<core_v1::Namespace> namespaces;
    Informer<core_v1::Node> nodes;
    const Clock& clock;
    ViewSource& views;
  };
  // Informers are started by the caller, afterwards. The first view is published once all of them
  // have synced.
  explicit ViewLoop(Dependencies dependencies);
  Duration Step() override;

 private:
  bool Synced() const;
  void RebuildNamespaces();
  void RebuildNodes();
  void Changed(const std::string& namespace_, const std::string& service);
  void ServiceOfSliceChanged(const discovery_v1::EndpointSlice& slice);

  const Dependencies dependencies_;
  ViewBuilder builder_;
  Mutex mutex_;
  std::set<ObjectKey> changed_ GUARDED_BY(mutex_);
  bool namespaces_changed_ GUARDED_BY(mutex_) = true;
  bool nodes_changed_ GUARDED_BY(mutex_) = true;
};

}  // namespace skiff::dns
