#include "proxy/proxier.h"

namespace skiff::proxy {

Proxier::Proxier(Dependencies dependencies, std::string node_name, IptablesOptions options)
    : dependencies_(std::move(dependencies)),
      node_name_(std::move(node_name)),
      options_(std::move(options)) {
  const auto changed = [this](const auto&, const auto&) {
    changed_ = true;
    Wake();
  };
  dependencies_.services.OnChange(changed);
  dependencies_.slices.OnChange(changed);
  for (InformerCache* cache : {&dependencies_.services.cache(), &dependencies_.slices.cache(),
                               &dependencies_.nodes.cache()}) {
    cache->OnSynced([this] { Wake(); });
  }
}

bool Proxier::InformersSynced() const {
  return dependencies_.services.synced() && dependencies_.slices.synced() &&
         dependencies_.nodes.synced();
}

Duration Proxier::Step() {
  if (!InformersSynced()) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (now >= next_check_) {
    next_check_ = now + kSyncPeriod;
    if (synced_ && !dependencies_.netfilter.CanaryLives()) {
      log_.Info("somebody flushed the rules; writing them again");
      must_write_all_ = true;
    }
  }
  if (changed_.exchange(false) || must_write_all_) {
    if (const auto written = Sync(); !written) {
      log_.Error("service rules not written", {{"error", written.error().message}});
      must_write_all_ = true;
      return kSyncPeriod;
    }
  }
  return next_check_ - now;
}

Result<> Proxier::Sync() {
  Netfilter& netfilter = dependencies_.netfilter;
  NodeFacts node{node_name_, "", options_.family};
  if (const auto found = dependencies_.nodes.Get({"", node_name_})) {
    const auto zone = found->metadata.labels.find("topology.kubernetes.io/zone");
    if (zone != found->metadata.labels.end()) node.zone = zone->second;
  }
  ServiceMap services =
      BuildServiceMap(dependencies_.services.List(), dependencies_.slices.List(), node);
  RuleSet wanted = CompileIptables(services, options_);
  if (must_write_all_) {
    applied_ = TRY(netfilter.OurChains());
    TRY(netfilter.MakeCanary());
  }
  const std::string text = RestoreText(wanted, applied_);
  if (!text.empty()) TRY(netfilter.Restore(text));
  if (must_write_all_) TRY(netfilter.EnsureJumps(IptablesJumps()));
  applied_ = std::move(wanted);
  must_write_all_ = false;
  CleanConntrack(services_, services);
  services_ = std::move(services);
  synced_ = true;
  return {};
}

void Proxier::CleanConntrack(const ServiceMap& before, const ServiceMap& now) {
  for (const auto& [key, service] : now) {
    if (service.protocol != "udp" || service.cluster_endpoints.empty()) continue;
    const auto old = before.find(key);
    if (old != before.end() && old->second.cluster_endpoints == service.cluster_endpoints) continue;
    std::vector<std::string> serving;
    for (const auto& endpoint : service.cluster_endpoints) serving.push_back(endpoint.ip);
    dependencies_.netfilter.ForgetUdp(service.cluster_ip, service.port, serving);
  }
}

}  // namespace skiff::proxy
