#include "apiserver/identity/node_connections.h"

#include <charconv>
#include <utility>

#include "api/gen/core_v1.h"
#include "api/rules/core/ip.h"

namespace skiff {
namespace {

// Of a node none of whose addresses is of a kind that kubelets are reached by. As Go prints them.
Error NoKubeletAddress(const core_v1::Node& node) {
  std::string known;
  for (const auto& address : node.status.addresses) {
    known += (known.empty() ? "{" : " {") + address.type + " " + address.address + "}";
  }
  return PlainError("no preferred addresses found; known addresses: [" + known + "]");
}

}  // namespace

void NodeConnections::Divert(const std::string& node, http::Upstream& upstream) const {
  if (socket_of_simulated) upstream.unix_path = socket_of_simulated(node);
}

Result<http::Upstream> KubeletOf(Store& store, const NodeConnections& connections,
                                 const std::string& node_name) {
  const auto node = TRY(ReadTyped<core_v1::Node>(store, "", node_name));
  http::Upstream upstream;
  upstream.host = node_name;
  connections.Divert(node_name, upstream);
  if (!upstream.unix_path.empty()) return upstream;
  upstream.host.clear();
  for (const char* type : {"InternalIP", "ExternalIP", "Hostname"}) {
    for (const auto& address : node->status.addresses) {
      if (address.type == type && upstream.host.empty()) upstream.host = address.address;
    }
  }
  if (upstream.host.empty()) return Fail(NoKubeletAddress(*node));
  // Never what the system reads in another way than Kubernetes ("010.0.0.1").
  if (const auto address = ParseIp(upstream.host)) upstream.host = address->Text();
  upstream.port = node->status.daemon_endpoints.kubelet_endpoint.port;
  if (upstream.port == 0) upstream.port = 10250;
  upstream.tls = connections.kubelet_tls.load();
  upstream.server_name = node_name;
  return upstream;
}

http::Upstream BesideKubelet(http::Upstream kubelet, const std::string& port) {
  if (port.empty() || port == std::to_string(kubelet.port)) return kubelet;
  http::Upstream other = std::move(kubelet);
  other.tls = nullptr;
  other.server_name.clear();
  int number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_port = read.ec == std::errc() && read.ptr == port.data() + port.size() &&
                       number > 0 && number < 1 << 16;
  other.port = is_port ? number : 0;  // Where nothing listens.
  return other;
}

}  // namespace skiff
