#include "skiff/answered_services.h"

#include <algorithm>
#include <utility>

#include "api/rules/network/ingress_claim.h"
#include "client/client.h"
#include "proxy/ingress/ingress_plan.h"
#include "skiff/symptoms.h"

namespace skiff {
namespace {

constexpr char kOfService[] = "kubernetes.io/service-name";

TimePoint LastChange(const meta_v1::ObjectMeta& meta) {
  TimePoint last = meta.creation_timestamp.point();
  for (const auto& entry : meta.managed_fields) {
    if (entry.time) last = std::max(last, entry.time->point());
  }
  return last;
}

bool DoesAnswer(const discovery_v1::EndpointConditions& conditions) {
  return conditions.ready.value_or(true) ||
         (conditions.terminating.value_or(false) && conditions.serving.value_or(false));
}

// Only of TCP are there any that an Ingress may lead to.
bool IsPort(const core_v1::ServicePort& port, const networking_v1::ServiceBackendPort& wanted) {
  if (!port.protocol.empty() && port.protocol != "TCP") return false;
  return wanted.name.empty() ? port.port == wanted.number : port.name == wanted.name;
}

}  // namespace

void AnsweredServices::Add(const discovery_v1::EndpointSlice& slice) {
  const auto service = slice.metadata.labels.find(kOfService);
  if (service == slice.metadata.labels.end()) return;
  Endpoints& known = endpoints_[{slice.metadata.namespace_, service->second}];
  known.changed = std::max(known.changed, LastChange(slice.metadata));
  for (const auto& endpoint : slice.endpoints) {
    known.any = true;
    if (!DoesAnswer(endpoint.conditions)) continue;
    known.answer = true;
    for (const auto& port : slice.ports) known.ports.insert(port.name.value_or(""));
  }
}

void AnsweredServices::AddIdle(const std::string& object_namespace, Labels labels) {
  idle_[object_namespace].push_back(std::move(labels));
}

void AnsweredServices::Add(const core_v1::Service& service) {
  services_.insert_or_assign(KeyOf(service),
                             Known{service.spec.type == "ExternalName", service.spec.ports});
}

void AnsweredServices::Add(const networking_v1::IngressClass& ingress_class) {
  if (ingress_class.spec.controller == ingress::kIngressController) {
    classes_.insert(ingress_class.metadata.name);
  }
}

bool AnsweredServices::IsIdle(const core_v1::Service& service) const {
  const auto found = idle_.find(service.metadata.namespace_);
  if (found == idle_.end()) return false;
  const auto& selector = service.spec.selector;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Labels& labels) {
    return std::includes(labels.begin(), labels.end(), selector.begin(), selector.end());
  });
}

bool AnsweredServices::Waits(TimePoint since) const {
  return now_ - std::max(since, started_) < kSymptomPatience;
}

bool AnsweredServices::LosesPort(const Endpoints& endpoints,
                                 const std::vector<core_v1::ServicePort>& ports) {
  return endpoints.answer && std::any_of(ports.begin(), ports.end(), [&](const auto& port) {
           return !endpoints.ports.contains(port.name);
         });
}

std::string AnsweredServices::SymptomOf(const core_v1::Service& service) const {
  const auto& meta = service.metadata;
  if (service.spec.selector.empty() || service.spec.type == "ExternalName" ||
      meta.deletion_timestamp || Waits(LastChange(meta))) {
    return "";
  }
  const auto found = endpoints_.find(KeyOf(service));
  const bool has_none =
      found == endpoints_.end() || (!found->second.any && !Waits(found->second.changed));
  if (has_none) return IsIdle(service) ? "" : "selecting no pods";
  const auto& [key, endpoints] = *found;
  const bool is_lost = !Waits(endpoints.changed) && LosesPort(endpoints, service.spec.ports);
  return is_lost ? "with a targetPort that no pod has" : "";
}

std::string AnsweredServices::TroubleOf(const std::string& object_namespace,
                                        const networking_v1::IngressServiceBackend& backend) const {
  const ObjectKey key{object_namespace, backend.name};
  const auto service = services_.find(key);
  if (service == services_.end()) return "no such service";
  if (service->second.is_name) return "";
  const auto& ports = service->second.ports;
  const auto port = std::find_if(ports.begin(), ports.end(),
                                 [&](const auto& each) { return IsPort(each, backend.port); });
  if (port == ports.end()) return "no such port";
  const auto found = endpoints_.find(key);
  if (found == endpoints_.end()) return "no ready pods";
  if (Waits(found->second.changed)) return "";
  if (!found->second.answer) return "no ready pods";
  return LosesPort(found->second, {*port}) ? "no pod has its targetPort" : "";
}

std::optional<AnsweredServices::Trouble> AnsweredServices::TroubleOf(
    const networking_v1::Ingress& ingress) const {
  const auto& meta = ingress.metadata;
  if (meta.deletion_timestamp || Waits(LastChange(meta))) return std::nullopt;
  const std::string named = ClassOfIngress(ingress);
  if (!named.empty() && !classes_.contains(named)) return std::nullopt;
  std::optional<Trouble> trouble;
  const auto look = [&](const networking_v1::IngressBackend& backend) {
    if (trouble || !backend.service) return;
    const std::string why = TroubleOf(meta.namespace_, *backend.service);
    if (!why.empty()) trouble = Trouble{"answering 503 (" + why + ")", backend.service->name};
  };
  if (ingress.spec.default_backend) look(*ingress.spec.default_backend);
  for (const auto& rule : ingress.spec.rules) {
    if (!rule.http) continue;
    for (const auto& path : rule.http->paths) look(path.backend);
  }
  return trouble;
}

}  // namespace skiff
