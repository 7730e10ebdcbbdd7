#include "dns/publish_loop.h"

namespace skiff::dns {
namespace {

constexpr Duration kRetry = 5s;
const ObjectKey kServiceKey{kDnsNamespace, kDnsService};

}  // namespace

PublishLoop::PublishLoop(std::string service_address, Client client, InformerFactory& informers)
    : service_address_(std::move(service_address)),
      client_(std::move(client)),
      services_(informers.For<core_v1::Service>()),
      slices_(informers.For<discovery_v1::EndpointSlice>()),
      nodes_(informers.For<core_v1::Node>()) {
  services_.OnChange([this](const auto& before, const auto& now) {
    if (KeyOf(now ? *now : *before) == kServiceKey) Wake();
  });
  slices_.OnChange([this](const auto& before, const auto& now) {
    if ((before && IsOwnSlice(*before)) || (now && IsOwnSlice(*now))) Wake();
  });
  nodes_.OnChange([this](const auto& before, const auto& now) {
    if (!before || !now || WantedSlice(*before) != WantedSlice(*now)) Wake();
  });
  services_.cache().OnSynced([this] { Wake(); });
  slices_.cache().OnSynced([this] { Wake(); });
  nodes_.cache().OnSynced([this] { Wake(); });
}

Duration PublishLoop::Step() {
  if (!services_.synced() || !slices_.synced() || !nodes_.synced()) return kNever;
  const auto done = PublishAll();
  // What another wrote meanwhile comes by the informer.
  if (done || done.error().reason == Reason::kAlreadyExists) return kNever;
  log_.Info("cluster DNS not published", {{"error", done.error().message}});
  return kRetry;
}

Result<> PublishLoop::PublishAll() {
  const auto service = services_.Get(kServiceKey);
  if (service && !service->spec.selector.empty()) return {};
  const bool is_wanted = !service_address_.empty();
  if (is_wanted) TRY(PublishService());
  std::set<std::string> wanted_names;
  for (const auto& node : nodes_.List()) {
    const auto wanted = WantedSlice(*node);
    if (!wanted) continue;
    wanted_names.insert(wanted->metadata.name);
    // Another node's server goes on until that node is told.
    if (is_wanted || slices_.Get(KeyOf(*wanted))) TRY(PublishSlice(*wanted));
  }
  return DeleteOthersThan(wanted_names);
}

Result<> PublishLoop::DeleteOthersThan(const std::set<std::string>& wanted_names) {
  for (const auto& slice : slices_.List()) {
    if (!IsOwnSlice(*slice) || wanted_names.contains(slice->metadata.name)) continue;
    const auto deleted = client_.Delete<discovery_v1::EndpointSlice>(KeyOf(*slice));
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
  }
  return {};
}

Result<> PublishLoop::PublishService() {
  const auto service = services_.Get(kServiceKey);
  const core_v1::Service wanted = WantedService(service_address_);
  if (!service) {
    // The cache may lag our own write, and a second one would complain of the address.
    const auto present = client_.Get<core_v1::Service>(kServiceKey);
    if (present) return {};
    if (present.error().reason != Reason::kNotFound) return Fail(present.error());
    TRY(client_.Create(wanted));
    return {};
  }
  TRY(client_.Patch(*service, [&](core_v1::Service& it) {
    it.spec.traffic_distribution = wanted.spec.traffic_distribution;
  }));
  return {};
}

Result<> PublishLoop::PublishSlice(const discovery_v1::EndpointSlice& wanted) {
  const auto slice = slices_.Get(KeyOf(wanted));
  if (!slice) {
    TRY(client_.Create(wanted));
    return {};
  }
  if (slice->address_type != wanted.address_type) {
    // Cannot be changed: that it is gone brings us back here.
    return client_.Delete<discovery_v1::EndpointSlice>(KeyOf(wanted));
  }
  TRY(client_.Patch(*slice, [&](discovery_v1::EndpointSlice& it) {
    it.metadata.labels = wanted.metadata.labels;
    it.endpoints = wanted.endpoints;
    it.ports = wanted.ports;
  }));
  return {};
}

AnnounceLoop::AnnounceLoop(std::string node, int port, Client client, InformerFactory& informers)
    : node_(std::move(node)),
      port_(port == 0 ? "" : std::to_string(port)),
      client_(std::move(client)),
      nodes_(informers.For<core_v1::Node>()) {
  nodes_.OnChange([this](const auto&, const auto& now) {
    if (now && now->metadata.name == node_) Wake();
  });
}

Duration AnnounceLoop::Step() {
  const auto node = nodes_.Get({"", node_});
  if (!node) return kNever;
  if (port_.empty() && !node->metadata.annotations.contains(kDnsPortAnnotation)) return kNever;
  const auto done = client_.Patch(*node, [this](core_v1::Node& it) {
    auto& annotations = it.metadata.annotations;
    if (port_.empty()) {
      annotations.erase(kDnsPortAnnotation);
    } else {
      annotations[kDnsPortAnnotation] = port_;
    }
  });
  if (done) return kNever;
  log_.Info("DNS of this node not announced", {{"error", done.error().message}});
  return kRetry;
}

}  // namespace skiff::dns
