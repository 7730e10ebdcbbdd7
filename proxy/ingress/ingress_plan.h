// What the Ingresses that are ours want: which path of which host goes to which endpoints, by which
// certificates, and what of it cannot be. Pure.
//
//   Ingress -> rules, Service -> port, EndpointSlices -> endpoints, Secret -> certificate
//
// Where two Ingresses want the same path or a certificate for the same name, the older one has it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff::ingress {

// What an IngressClass names as its controller when it means this one.
inline constexpr std::string_view kIngressController = "skiff.io/ingress";
// The class that a cluster of ours has from the start.
inline constexpr std::string_view kIngressClassName = "skiff";

// Of all Ingresses together; of those of one namespace half of it. More are left out, the youngest
// Ingresses' first. A worker of HAProxy takes 10 KB for a backend, 6 KB for an endpoint and 20 KB
// for a certificate, of which it reads a thousand in a second; and many workers may be there that
// are about to end. Endpoints count for each backend that has them: one slice may have 20,000 ports
// and 1,000 addresses.
inline constexpr size_t kRoutesMax = 50'000;
inline constexpr size_t kBackendsMax = 5'000;
inline constexpr size_t kEndpointsMax = 20'000;
inline constexpr size_t kCertificatesMax = 2'000;
inline constexpr size_t kCertifiedHostsMax = 20'000;
// Of one backend. HAProxy takes turns among no more.
inline constexpr size_t kBackendEndpointsMax = 4000;
// Of a Secret's certificates and key: clients take no longer chain.
inline constexpr size_t kCertificateBytesMax = 100 << 10;
// Of a key of RSA: to sign by one of 16,384 takes a quarter of a second, for whoever says hello.
inline constexpr int kRsaBitsMax = 8192;
// Of a route's key. HAProxy reads a line of a map into 16 KiB and takes what is beyond for the next
// line: for whatever key its author liked.
inline constexpr size_t kRouteKeyBytesMax = 8 * 1024;
// Of one Ingress: it may name a hundred thousand hosts, each of them wrong.
inline constexpr size_t kProblemsMax = 1000;

template <typename K>
using Shared = std::shared_ptr<const K>;

// What a Secret has for TLS.
struct TlsCertificate {
  std::string pem;              // The chain, and the key.
  std::set<std::string> names;  // Hosts that the certificate names, where they can be a route's.
  bool operator==(const TlsCertificate&) const = default;
};

// The cluster as the plan looks at it; objects that are not there are null.
struct IngressWorld {
  std::vector<Shared<networking_v1::Ingress>> ingresses;
  std::vector<Shared<networking_v1::IngressClass>> classes;
  std::function<Shared<core_v1::Service>(const std::string& ns, const std::string& name)> service;
  std::function<std::vector<Shared<discovery_v1::EndpointSlice>>(const std::string& ns,
                                                                 const std::string& service)>
      slices;
  // What TlsCertificateOf makes of that Secret. NotFound, Invalid.
  std::function<Result<Shared<TlsCertificate>>(const std::string& ns, const std::string& name)>
      certificate;
};

struct Endpoint {
  std::string ip;  // As inet_ntop writes it.
  int port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

// How the endpoints of a port are spoken to: appProtocol.
enum class BackendProtocol : uint8_t { kHttp, kH2c, kHttps };

// How long endpoints may take, where an Ingress says so by an annotation; unset: as for all others.
struct BackendTimes {
  std::optional<Duration> connect;  // ingress.skiff.io/timeout-connect
  std::optional<Duration> server;   // .../timeout-server: without a byte of the answer.
  std::optional<Duration> tunnel;   // .../timeout-tunnel: without a byte on a WebSocket.
  bool operator==(const BackendTimes&) const = default;
};
inline constexpr Duration kBackendTimeMin = 100ms;
inline constexpr Duration kBackendTimeMax = 24h;

// A port of a Service, as Ingresses with those times lead to it.
struct Backend {
  BackendProtocol protocol = BackendProtocol::kHttp;
  BackendTimes times;
  bool sticky = false;  // sessionAffinity: ClientIP
  bool once = false;    // A connection is not used for a second request. Not of HTTP/2.
  std::set<Endpoint> endpoints;
  bool operator==(const Backend&) const = default;
};

// What is wrong, for an Event: a reason and a sentence.
struct IngressProblem {
  std::string reason;
  std::string message;
  auto operator<=>(const IngressProblem&) const = default;
};

struct PlannedIngress {
  Shared<networking_v1::Ingress> ingress;
  std::set<IngressProblem> problems;
};

struct PlannedCertificate {
  std::string pem;
  std::set<std::string> hosts;  // For whom it is shown; never empty.
};

struct IngressPlan {
  // Backends by the keys of route_keys; by the host alone for what no rule matches.
  std::map<std::string, std::string> exact, prefix, defaults;
  // By name: NAMESPACE.SERVICE.PORT, for times of its own .MS-MS-MS behind that, and kOnce behind
  // that; or kNoBackend, of which there is nothing to say.
  std::map<std::string, Backend> backends;
  std::map<std::string, PlannedCertificate> certificates;  // By "namespace/name" of the Secret.
  std::vector<PlannedIngress> ingresses;                   // Of ours, the oldest first.
  // "namespace/name" of all that was looked at, there or not: changes of others change nothing.
  std::set<std::string> services, secrets;
};

// One of TLS keeps its connections, and with this behind its name it is there a second time, for
// requests that cannot be sent twice: those have a connection each. A handshake costs twenty times
// what all else of a request does, and would be too much for every one.
inline constexpr std::string_view kOnce = ".once";
// Where requests go whose service or port is not there: 503. No Service has a name like it.
inline constexpr std::string_view kNoBackend = "unavailable";
// The key of `defaults` for any host; no host has it.
inline constexpr std::string_view kAnyHost = "-";

IngressPlan PlanIngresses(const IngressWorld& world);

// Certificate chain and private key of a Secret as one text, without anything else that may be in
// its files. Invalid says what is wrong with it: not PEM, or the key is another certificate's.
Result<TlsCertificate> TlsCertificateOf(const core_v1::Secret& secret,
                                        int rsa_bits_max = kRsaBitsMax);

}  // namespace skiff::ingress
