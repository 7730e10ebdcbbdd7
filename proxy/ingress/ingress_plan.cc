#include "proxy/ingress/ingress_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "api/rules/core/ip.h"
#include "api/rules/names.h"
#include "api/rules/network/ingress_claim.h"
#include "base/text.h"
#include "proxy/ingress/ingress_annotations.h"
#include "proxy/ingress/route_keys.h"
#include "proxy/ingress/shares.h"

namespace skiff::ingress {
namespace {

using networking_v1::Ingress;
using networking_v1::IngressBackend;

constexpr int kPortMax = 65535;

// "" where none is said.
std::string SuffixOf(const BackendTimes& times) {
  if (times == BackendTimes()) return "";
  const auto text = [](const std::optional<Duration>& time) {
    return time ? std::to_string(std::chrono::floor<std::chrono::milliseconds>(*time).count()) : "";
  };
  return fmt::format(".{}-{}-{}", text(times.connect), text(times.server), text(times.tunnel));
}

auto AgeRank(const Ingress& ingress) {
  return std::tuple(ingress.metadata.creation_timestamp, ingress.metadata.namespace_,
                    ingress.metadata.name);
}

BackendProtocol ProtocolOf(const core_v1::ServicePort& port) {
  const std::string name = Lower(port.app_protocol.value_or(""));
  for (const char* h2 : {"kubernetes.io/h2c", "h2c", "grpc", "http2"}) {
    if (name == h2) return BackendProtocol::kH2c;
  }
  for (const char* tls : {"kubernetes.io/wss", "https", "wss"}) {
    if (name == tls) return BackendProtocol::kHttps;
  }
  return BackendProtocol::kHttp;  // "http", "kubernetes.io/ws", or nothing that we know.
}

// HAProxy is in the host's network: what names this machine alone, as 127.0.0.1 does, would lead
// to programs that nobody else is to reach, and 0.0.0.0 to whatever address was asked. The API lets
// no address be such a one, but texts of the type FQDN may be any.
std::optional<std::string> AddressOf(const discovery_v1::EndpointSlice& slice,
                                     const discovery_v1::Endpoint& endpoint) {
  if (slice.address_type == "FQDN" || endpoint.addresses.empty()) return std::nullopt;
  const auto ip = ParseIp(endpoint.addresses[0]);
  return ip && IsGlobalUnicast(*ip) ? std::optional(ip->Text()) : std::nullopt;
}

// Of one port, in all slices: those that are ready; else those that still serve while they end.
std::set<Endpoint> EndpointsOf(const std::vector<Shared<discovery_v1::EndpointSlice>>& slices,
                               const std::string& port_name) {
  std::set<Endpoint> ready, ending;
  for (const auto& slice : slices) {
    for (const auto& port : slice->ports) {
      if (port.name.value_or("") != port_name || port.protocol.value_or("TCP") != "TCP") continue;
      const int number = port.port.value_or(0);
      if (number < 1 || number > kPortMax) continue;
      for (const auto& endpoint : slice->endpoints) {
        const auto address = AddressOf(*slice, endpoint);
        if (!address) continue;
        if (endpoint.conditions.ready.value_or(true)) {
          ready.insert({*address, number});
        } else if (endpoint.conditions.serving.value_or(false)) {
          ending.insert({*address, number});
        }
      }
    }
  }
  return ready.empty() ? ending : ready;
}

// "a.com, b.com"; of many the first ones: a certificate may name tens of thousands.
std::string SomeOf(const std::set<std::string>& names) {
  constexpr size_t kShownMax = 3;
  const size_t shown = std::min(names.size(), kShownMax);
  const auto end = std::next(names.begin(), static_cast<ptrdiff_t>(shown));
  std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

// To other controllers ImplementationSpecific may be an expression, as /api(/|$)(.*), or a pattern,
// as /*.
bool LooksLikePattern(const networking_v1::HTTPIngressPath& path) {
  return path.path_type.value_or("") == "ImplementationSpecific" &&
         path.path.find_first_of("*(|[?") != path.path.npos;
}

class Planner {
 public:
  explicit Planner(const IngressWorld& world) : world_(world) {}

  IngressPlan Plan() {
    const IngressClaim ours(kIngressController, world_.classes);
    for (const auto& ingress : world_.ingresses) {
      if (ours.Has(*ingress)) plan_.ingresses.push_back({ingress, {}});
    }
    std::sort(plan_.ingresses.begin(), plan_.ingresses.end(), [](const auto& a, const auto& b) {
      return AgeRank(*a.ingress) < AgeRank(*b.ingress);
    });
    for (PlannedIngress& each : plan_.ingresses) {
      now_ = &each;
      IngressAnnotations said = ReadAnnotations(ingress());
      times_ = said.times;
      for (IngressProblem& each : said.problems) Tell(each.reason, each.message);
      TellOfParameters();
      AddRules();
      AddDefault();
      TellOfRoutes();
      AddCertificates();
    }
    return std::move(plan_);
  }

 private:
  const Ingress& ingress() const { return *now_->ingress; }
  const std::string& ns() const { return ingress().metadata.namespace_; }
  void Tell(std::string reason, std::string message) {
    if (now_->problems.size() >= kProblemsMax) return;
    now_->problems.insert({std::move(reason), std::move(message)});
  }

  void TellOfParameters() {
    const std::string name = ClassOfIngress(ingress());
    const bool has_any = std::ranges::any_of(world_.classes, [&](const auto& each) {
      return each->metadata.name == name && each->spec.parameters.has_value();
    });
    if (!has_any) return;
    Tell("UnsupportedParameters",
         fmt::format("it is served as without spec.parameters of the IngressClass {}: this "
                     "controller has settings by annotations of Ingresses alone",
                     name));
  }

  // Of many routes that suffer alike the first ones.
  void TellOfRoute(std::string reason, std::string message, const std::string& what) {
    std::vector<std::string>& routes = unserved_[{std::move(reason), std::move(message)}];
    if (constexpr size_t kShownMax = 3; routes.size() < kShownMax) {
      routes.push_back(what);
    } else if (routes.size() == kShownMax) {
      routes.push_back("others");
    }
  }
  void TellOfRoutes() {
    for (const auto& [problem, routes] : unserved_) {
      Tell(problem.reason,
           fmt::format("{}; 503 is the answer to {}", problem.message, fmt::join(routes, ", ")));
    }
    unserved_.clear();
  }

  void TellOfShare(const char* reason, const Shares& shares, const char* what) {
    const std::string who =
        shares.is_all_taken() ? "all Ingresses together" : "the Ingresses of namespace " + ns();
    const size_t max = shares.is_all_taken() ? shares.max() : shares.max_of_one();
    Tell(reason, fmt::format("{} have more than {} {}", who, max, what));
  }

  void AddRules() {
    for (const auto& rule : ingress().spec.rules) {
      if (!rule.host.empty() && !IsRouteHost(rule.host)) {
        Tell("InvalidHost", fmt::format("the host \"{}\" is no name in DNS", rule.host));
        continue;
      }
      if (!rule.http) continue;
      for (const auto& path : rule.http->paths) AddPath(rule.host, path);
    }
  }

  void AddPath(const std::string& host, const networking_v1::HTTPIngressPath& path) {
    const char* shown_host = host.empty() ? "*" : host.c_str();
    const bool exact = path.path_type.value_or("") == "Exact";
    const std::string key = exact ? ExactKey(host, path.path) : PrefixKey(host, path.path);
    if (key.size() > kRouteKeyBytesMax) {
      return Tell(
          "PathTooLong",
          fmt::format("a path of host {} has more than {} bytes with what has to be escaped",
                      shown_host, kRouteKeyBytesMax));
    }
    if (HasDots(path.path)) {
      return Tell("PathNeverAsked",
                  fmt::format("no request is led by a path with . or .. in it, which are resolved "
                              "before or refused: {} of host {}",
                              path.path, shown_host));
    }
    if (LooksLikePattern(path)) {
      Tell("LiteralPath",
           fmt::format("{} of host {} is no pattern here: requests are led by it that have these "
                       "very characters",
                       path.path, shown_host));
    }
    AddRoute(
        exact ? plan_.exact : plan_.prefix, key, path.backend,
        fmt::format("the path {} of host {}", path.path.empty() ? "/" : path.path, shown_host));
  }

  // For the hosts that its rules name, which are all where one names none, and where there is no
  // rule.
  void AddDefault() {
    if (!ingress().spec.default_backend) return;
    std::set<std::string> hosts;
    if (ingress().spec.rules.empty()) hosts.insert(std::string(kAnyHost));
    for (const auto& rule : ingress().spec.rules) {
      if (rule.host.empty()) {
        hosts.insert(std::string(kAnyHost));
      } else if (IsRouteHost(rule.host)) {
        hosts.insert(rule.host);
      }
    }
    for (const std::string& host : hosts) {
      AddRoute(plan_.defaults, host, *ingress().spec.default_backend,
               host == kAnyHost ? "the default backend" : "the default backend of host " + host);
    }
  }

  void AddRoute(std::map<std::string, std::string>& routes, const std::string& key,
                const IngressBackend& backend, const std::string& what) {
    if (routes.contains(key)) {
      const Owner& owner = owners_.at({&routes, key});
      if (owner.ingress != &ingress()) {
        Tell("PathTaken",
             fmt::format("{} is served for Ingress {}/{}", what, owner.ingress->metadata.namespace_,
                         owner.ingress->metadata.name));
      } else if (!LeadToOne(*owner.backend, backend)) {
        const std::string how =
            owner.what == what ? what + " is there twice" : what + " is the same as " + owner.what;
        Tell("PathTaken", how + ", and leads where the first one says");
      }
      return;
    }
    if (routes_.LeftFor(ns()) == 0) return TellOfShare("TooManyRoutes", routes_, "paths");
    routes_.Take(ns(), 1);
    routes.emplace(key, BackendFor(backend, what));
    owners_.emplace(std::pair(&routes, key), Owner{&ingress(), &backend, what});
  }

  // However they name it: a port has a number, and often a name.
  bool LeadToOne(const IngressBackend& first, const IngressBackend& second) {
    if (first == second) return true;
    const bool is_one_service =
        first.service && second.service && first.service->name == second.service->name;
    if (!is_one_service) return false;
    const KnownService& known = ServiceOf(first.service->name);
    const auto* port = PortOf(known, first.service->port);
    return port != nullptr && port == PortOf(known, second.service->port);
  }

  // The name of the backend; kNoBackend, and what is wrong is told.
  std::string BackendFor(const IngressBackend& wanted, const std::string& what) {
    if (!wanted.service) {
      TellOfRoute("UnsupportedBackend", "a backend that is no Service is not served", what);
      return std::string(kNoBackend);
    }
    const std::string& name = wanted.service->name;
    if (!Dns1123LabelErrors(name).empty() || !Dns1123LabelErrors(ns()).empty()) {
      TellOfRoute("ServiceNotFound", fmt::format("service \"{}\" not found", name), what);
      return std::string(kNoBackend);
    }
    plan_.services.insert(ns() + "/" + name);
    const KnownService& known = ServiceOf(name);
    const auto& service = known.service;
    if (!service) {
      TellOfRoute("ServiceNotFound", fmt::format("service \"{}\" not found", name), what);
      return std::string(kNoBackend);
    }
    if (service->spec.type == "ExternalName") {
      TellOfRoute("UnsupportedBackend",
                  fmt::format("service \"{}\" is of type ExternalName, which is not served", name),
                  what);
      return std::string(kNoBackend);
    }
    const auto* port = PortOf(known, wanted.service->port);
    if (port == nullptr) {
      const auto& asked = wanted.service->port;
      TellOfRoute("ServicePortNotFound",
                  fmt::format("service \"{}\" has no TCP port {}", name,
                              asked.name.empty() ? std::to_string(asked.number) : asked.name),
                  what);
      return std::string(kNoBackend);
    }
    const std::string key = fmt::format("{}.{}.{}{}", ns(), name, port->port, SuffixOf(times_));
    if (!plan_.backends.contains(key)) {
      const BackendProtocol protocol = ProtocolOf(*port);
      const size_t copies = protocol == BackendProtocol::kHttps ? 2 : 1;
      if (backends_.LeftFor(ns()) < copies) {
        TellOfShare("TooManyBackends", backends_, "backends");
        return std::string(kNoBackend);
      }
      backends_.Take(ns(), copies);
      Backend& made = plan_.backends[key];
      made = {.protocol = protocol,
              .times = times_,
              .sticky = service->spec.session_affinity == "ClientIP",
              .once = protocol == BackendProtocol::kHttp,
              .endpoints = TakeEndpoints(name, port->name, copies)};
      if (copies == 2) {
        Backend& once = plan_.backends[key + std::string(kOnce)] = made;
        once.once = true;
      }
    }
    return key;
  }

  // Those of a port, as far as there is room for so many of each.
  std::set<Endpoint> TakeEndpoints(const std::string& service, const std::string& port_name,
                                   size_t copies) {
    constexpr const char* kReason = "TooManyEndpoints";
    const size_t left = endpoints_.LeftFor(ns()) / copies;
    if (left == 0) {
      TellOfShare(kReason, endpoints_, "endpoints");
      return {};
    }
    std::set<Endpoint> endpoints = EndpointsOf(world_.slices(ns(), service), port_name);
    if (const size_t most = std::min(left, kBackendEndpointsMax); endpoints.size() > most) {
      endpoints.erase(std::next(endpoints.begin(), static_cast<ptrdiff_t>(most)), endpoints.end());
      if (most == left) {
        TellOfShare(kReason, endpoints_, "endpoints");
      } else {
        Tell(kReason, fmt::format("service \"{}\" has more than {} endpoints", service,
                                  kBackendEndpointsMax));
      }
    }
    endpoints_.Take(ns(), endpoints.size() * copies);
    return endpoints;
  }

  // The TCP ports of a Service, to be found by either: a Service may have thousands, and as many
  // paths may lead there.
  struct KnownService {
    Shared<core_v1::Service> service;  // Null: it is not there.
    std::map<int, const core_v1::ServicePort*> by_number;
    std::map<std::string_view, const core_v1::ServicePort*> by_name;
  };

  // Who had a route first, and for what.
  struct Owner {
    const Ingress* ingress;
    const IngressBackend* backend;
    std::string what;  // "the path /a of host a.com"
  };

  const KnownService& ServiceOf(const std::string& name) {
    const auto [known, is_new] = known_services_.try_emplace({ns(), name});
    KnownService& made = known->second;
    if (!is_new) return made;
    made.service = world_.service(ns(), name);
    if (!made.service) return made;
    for (const auto& port : made.service->spec.ports) {
      if (!port.protocol.empty() && port.protocol != "TCP") continue;
      made.by_number.emplace(port.port, &port);
      made.by_name.emplace(port.name, &port);
    }
    return made;
  }

  static const core_v1::ServicePort* PortOf(const KnownService& service,
                                            const networking_v1::ServiceBackendPort& wanted) {
    if (wanted.name.empty()) {
      const auto found = service.by_number.find(wanted.number);
      return found == service.by_number.end() ? nullptr : found->second;
    }
    const auto found = service.by_name.find(wanted.name);
    return found == service.by_name.end() ? nullptr : found->second;
  }

  void AddCertificates() {
    std::set<std::string> whole;  // Whose names were all asked for: another time changes nothing.
    for (const auto& tls : ingress().spec.tls) {
      if (tls.secret_name.empty()) continue;  // The default certificate.
      if (tls.hosts.empty() && !whole.insert(tls.secret_name).second) continue;
      const std::string name = ns() + "/" + tls.secret_name;
      plan_.secrets.insert(name);
      const auto found = world_.certificate(ns(), tls.secret_name);
      if (!found) {
        Tell(found.error().reason == Reason::kNotFound ? "SecretNotFound" : "InvalidCertificate",
             fmt::format("secret \"{}\": {}", tls.secret_name, found.error().message));
        continue;
      }
      const TlsCertificate& certificate = **found;
      if (tls.hosts.empty() && certificate.names.empty()) {
        Tell("InvalidCertificate",
             fmt::format("secret \"{}\": its certificate names no host", tls.secret_name));
        continue;
      }
      TellOfMismatch(tls, certificate.names);
      AddCertificate(name, tls, certificate);
    }
  }

  // It is shown all the same: who asks decides what it is worth.
  void TellOfMismatch(const networking_v1::IngressTLS& tls, const std::set<std::string>& names) {
    for (const std::string& host : tls.hosts) {
      const size_t dot = host.find('.');
      const bool is_meant =
          names.contains(host) || (dot != host.npos && names.contains("*" + host.substr(dot)));
      if (is_meant || names.empty()) continue;
      Tell("CertificateMismatch",
           fmt::format("secret \"{}\": its certificate is for {}, not for {}", tls.secret_name,
                       SomeOf(names), host));
    }
  }

  // Who asked for it without hosts asked for all that it names: another's among them are no more to
  // be had in that way.
  void AddCertificate(const std::string& name, const networking_v1::IngressTLS& tls,
                      const TlsCertificate& certificate) {
    const bool is_new = !plan_.certificates.contains(name);
    if (is_new && certificates_.LeftFor(ns()) == 0) {
      return TellOfShare("TooManyCertificates", certificates_, "certificates");
    }
    std::set<std::string> hosts;
    const auto add = [&](const std::string& host) {
      if (!IsRouteHost(host)) {
        return Tell("InvalidHost", fmt::format("the host \"{}\" is no name in DNS", host));
      }
      const auto known = certified_.find(host);
      if (known == certified_.end()) {
        if (hosts_.LeftFor(ns()) == 0) return TellOfShare("TooManyHosts", hosts_, "hosts for TLS");
        hosts_.Take(ns(), 1);
        certified_.emplace(host, name);
        hosts.insert(host);
      } else if (known->second == name) {
        hosts.insert(host);
      } else {
        Tell("HostTaken",
             fmt::format("host {} has the certificate of secret {}", host, known->second));
      }
    };
    std::for_each(tls.hosts.begin(), tls.hosts.end(), add);
    if (tls.hosts.empty()) std::for_each(certificate.names.begin(), certificate.names.end(), add);
    if (hosts.empty()) return;
    if (is_new) certificates_.Take(ns(), 1);
    PlannedCertificate& planned = plan_.certificates[name];
    if (planned.pem.empty()) planned.pem = certificate.pem;
    planned.hosts.merge(hosts);
  }

  const IngressWorld& world_;
  IngressPlan plan_;
  PlannedIngress* now_ = nullptr;
  BackendTimes times_;                                                 // Of that one.
  std::map<IngressProblem, std::vector<std::string>> unserved_;        // Of it, too: what they hit.
  std::map<std::pair<const void*, std::string>, Owner> owners_;
  std::map<std::string, std::string> certified_;                       // Secret by host.
  std::map<std::pair<std::string, std::string>, KnownService> known_services_;
  Shares routes_{kRoutesMax}, backends_{kBackendsMax}, endpoints_{kEndpointsMax};
  Shares certificates_{kCertificatesMax}, hosts_{kCertifiedHostsMax};
};

}  // namespace

IngressPlan PlanIngresses(const IngressWorld& world) {
  return Planner(world).Plan();
}

}  // namespace skiff::ingress
