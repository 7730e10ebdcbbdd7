#include "skiff/joining.h"

#include <fmt/format.h>

#include "api/codec/document.h"
#include "api/text/yaml.h"
#include "base/certificates.h"
#include "skiff/host_facts.h"
#include "skiff/ready_nodes.h"

namespace skiff {
namespace {

// Somebody else wrote it: where no text is, there is none.
std::string NetworkAt(const Json& document, const char* key) {
  const auto networking = document.find("networking");
  return networking == document.end() ? "" : TextAt(*networking, key);
}

// False when it says so.
bool HasDns(const Json& document) {
  const auto dns = document.find("dns");
  return dns == document.end() || !dns->is_object() || dns->value("disabled", Json()) != true;
}

bool HasEnded(const KeyPair& client, TimePoint now) {
  const auto end = ExpiryOf(client.certificate_pem);
  return !end || *end <= now;
}

Result<> CheckStillThatNode(const NodeIdentity& known, const JoinOptions& options) {
  if (options.node_name.empty() || known.node_name == options.node_name) return {};
  return Fail(
      Reason::kConflict,
      fmt::format("this machine has joined {} as node {} already; `skiff down{}` takes it out "
                  "before it can join as {}",
                  known.server, known.node_name, DataDirWords(options.data_dir),
                  options.node_name));
}

// Nothing tells when a server that does not run yet begins to: it is asked once a second. A server
// that has just begun needs a moment until it has signed what it tells.
Result<Discovered> WaitForCluster(const JoinOptions& options, const Clock& clock,
                                  const Progress& progress) {
  constexpr Duration kPause = 1s;
  const Duration deadline = clock.Monotonic() + options.discovery_timeout;
  Mutex mutex;
  CondVar never;
  bool told = false;
  while (true) {
    auto found = DiscoverCluster(options.target, clock);
    if (found) return found;
    const Reason reason = found.error().reason;
    const bool may_pass = reason == Reason::kServiceUnavailable || reason == Reason::kNotFound ||
                          (reason == Reason::kUnauthorized && told);
    if (!may_pass || clock.Monotonic() >= deadline) return found;
    if (!told) progress("waiting for it: " + found.error().message);
    told = true;
    MutexLock lock(mutex);
    never.wait_for(lock, kPause, [] { return false; });
  }
}

}  // namespace

Result<ClusterNetwork> ParseClusterConfiguration(const std::string& text) {
  const auto documents = TRY(ParseYamlStream(text));
  for (const YamlDocument& document : documents) {
    if (!document.value.is_object()) continue;
    ClusterNetwork network{NetworkAt(document.value, "serviceSubnet"),
                           NetworkAt(document.value, "podSubnet"), HasDns(document.value)};
    if (!network.service_cidr.empty() && !network.cluster_cidr.empty()) return network;
  }
  return Fail(Reason::kInvalid,
              "ConfigMap kube-system/kubeadm-config does not name the cluster's serviceSubnet and "
              "podSubnet");
}

Result<ClusterNetwork> ReadClusterNetwork(Client& client) {
  const auto map = TRY(client.Get<core_v1::ConfigMap>({"kube-system", "kubeadm-config"}));
  const auto text = map->data.find("ClusterConfiguration");
  return ParseClusterConfiguration(text == map->data.end() ? "" : text->second);
}

Result<> CheckNodeNameIsFree(Client& client, const std::string& node_name) {
  const auto node = client.Get<core_v1::Node>({"", node_name});
  if (!node) {
    if (node.error().reason == Reason::kNotFound) return {};
    return Fail(node.error());
  }
  if (!ReadyNodes::IsReady(**node)) return {};  // It was this machine, or one that is gone.
  return Fail(Reason::kAlreadyExists,
              fmt::format("a Node with name \"{0}\" and status \"Ready\" already exists in the "
                          "cluster: give this machine another name with --node-name, or, if that "
                          "node is no more, `skiff delete node {0}` on the server",
                          node_name));
}

std::string ClockProblem(const NodeIdentity& identity, const Clock& clock) {
  const auto transport = MakeHttpsTransport(HttpsOptionsOf(identity));
  if (!transport) return transport.error().message;
  http::Request request;
  request.method = "GET";
  request.path = "/version";
  const http::Response answer = (*transport)->Send(request);
  const auto checked = CheckClock(answer.Header("Date"), clock.Now());
  if (!checked) return checked.error().message;
  // The clock may be so wrong that the server's certificate is not valid by it.
  const std::string message = StatusMessage(answer);
  return message.find("not yet valid") == std::string::npos ? "" : message;
}

namespace {

Result<NodeIdentity> JoinAnew(const JoinOptions& options, const Clock& clock, Random& random,
                              const Progress& progress) {
  progress("looking for the cluster at " + options.target.server);
  const Discovered cluster = TRY(WaitForCluster(options, clock, progress));
  const auto transport = TRY(MakeHttpsTransport({.server = cluster.server,
                                                 .certificate_authority = cluster.authority_pem,
                                                 .token = options.target.token.Text()}));
  Client client(*transport, "skiff-join");
  if (const auto is_free = CheckNodeNameIsFree(client, options.node_name); !is_free) {
    if (is_free.error().reason != Reason::kUnauthorized) return Fail(is_free.error());
    return Fail(Reason::kUnauthorized,
                "the cluster signs with this token but does not let it in: it lacks the usage "
                "\"authentication\", or has just expired; make a new one with `skiff token create "
                "--print-join-command` on the server");
  }
  if (options.accepts) {
    const ClusterNetwork network = TRY(ReadClusterNetwork(client));
    TRY(options.accepts(network));
  }
  progress("asking for a certificate as node " + options.node_name);
  NodeIdentity identity{.node_name = options.node_name,
                        .server = cluster.server,
                        .authority_pem = cluster.authority_pem};
  identity.client =
      TRY(ObtainClientCertificate({client, clock, random}, NodeClientCertificate(options.node_name),
                                  kCertificateTimeout));
  TRY(SaveNodeIdentity(options.data_dir, identity));
  return identity;
}

}  // namespace

Result<NodeIdentity> JoinCluster(const JoinOptions& options, const Clock& clock, Random& random,
                                 const Progress& progress) {
  const auto known = LoadNodeIdentity(options.data_dir);
  if (!known && known.error().reason != Reason::kNotFound) return Fail(known.error());
  if (!known) return JoinAnew(options, clock, random, progress);
  TRY(CheckStillThatNode(*known, options));
  progress("this machine has joined before, as node " + known->node_name);
  if (!HasEnded(known->client, clock.Now())) return *known;
  if (options.target.server.empty()) {
    return Fail(Reason::kUnauthorized,
                fmt::format("the certificate by which the cluster at {} knows this machine has "
                            "ended while it was not running: join anew with a token, which `skiff "
                            "token create --print-join-command` on the server makes; if this "
                            "machine's clock is wrong, set it",
                            known->server));
  }
  JoinOptions again = options;
  again.node_name = known->node_name;
  return JoinAnew(again, clock, random, progress);
}

}  // namespace skiff
