#include "skiff/service_proxy.h"

#include <algorithm>

#include "base/log.h"

namespace skiff {

Result<std::unique_ptr<ServiceProxy>> ServiceProxy::Make(const std::string& node_name,
                                                         const std::vector<Family>& families,
                                                         proxy::IptablesFlavour flavour,
                                                         InformerFactory& informers,
                                                         const Clock& clock,
                                                         const proxy::ProxierTimes& times) {
  auto made = std::make_unique<ServiceProxy>();
  for (const Family& family : families) {
    const proxy::IptablesOptions& rules = family.rules;
    auto netfilter = proxy::OpenIptables(rules.family, flavour);
    if (!netfilter) {
      if (&family == &families.front()) return Fail(netfilter.error());
      const std::string& why = netfilter.error().message;
      if (family.is_named) {
        Log("proxy").Error("a family of addresses is left out", {{"error", why}});
      } else {
        Log("proxy").Info("one family of addresses is proxied", {{"error", why}});
      }
      continue;
    }
    Part& part = made->parts_.emplace_back();
    part.netfilter = *std::move(netfilter);
    part.proxier = std::make_unique<proxy::Proxier>(
        proxy::Proxier::Dependencies{
            informers.For<core_v1::Service>(), informers.For<discovery_v1::EndpointSlice>(),
            informers.For<core_v1::Node>(), clock, *part.netfilter, &made->health_, family.metrics},
        node_name, rules, times);
    if (!rules.localhost_node_ports || rules.family != proxy::IpFamily::kIpv4) continue;
    const auto allowed = part.netfilter->AllowLocalNodePorts();
    if (!allowed) {
      Log("proxy").Error("no node ports at 127.0.0.1", {{"error", allowed.error().message}});
    }
  }
  return made;
}

void ServiceProxy::Start(Executor& executor) {
  executor_ = &executor;
  for (const Part& part : parts_) executor.Add(*part.proxier);
}

void ServiceProxy::Stop() {
  if (executor_ != nullptr) {
    for (const Part& part : parts_) executor_->Remove(*part.proxier);
  }
  executor_ = nullptr;
}

bool ServiceProxy::synced() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.proxier->synced(); });
}

TimePoint ServiceProxy::last_updated() const {
  TimePoint first = TimePoint::max();
  for (const Part& part : parts_) first = std::min(first, part.proxier->last_updated());
  return first;
}

Duration ServiceProxy::waiting_since() const {
  Duration first = kNever;
  for (const Part& part : parts_) first = std::min(first, part.proxier->waiting_since());
  return first;
}

}  // namespace skiff
