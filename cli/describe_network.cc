// Endpoints, endpoint slices, ingresses and network policies.
#include <set>

#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {
namespace {

std::string OrUnset(const std::string& text) {
  return text.empty() ? "<unset>" : text;
}
std::string OrNone(const std::string& text) {
  return text.empty() ? "<none>" : text;
}

std::string Addresses(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& each : list) texts.push_back(TextAt(each, "ip"));
  return OrNone(Join(texts, ","));
}

void WriteSliceEndpoint(DescribeWriter& out, const Json& endpoint) {
  out.Line(1, "- Addresses:\t" + OrNone(Join(TextsAt(endpoint, "addresses"), ", ")));
  out.Line(2, "Conditions:");
  const Json& ready = At(endpoint, "conditions", "ready");
  out.Field(3, "Ready", ready.is_null() ? "<unset>" : IsTrue(ready) ? "true" : "false");
  out.Field(2, "Hostname", OrUnset(TextAt(endpoint, "hostname")));
  if (const Json& target = At(endpoint, "targetRef"); target.is_object()) {
    out.Field(2, "TargetRef", TextAt(target, "kind") + "/" + TextAt(target, "name"));
  }
  out.Field(2, "NodeName", OrUnset(TextAt(endpoint, "nodeName")));
  out.Field(2, "Zone", OrUnset(TextAt(endpoint, "zone")));
}

// The name of the port that a backend means; "" of one that there is not.
std::string PortNameOf(const Json& service, const std::string& port) {
  for (const Json& each : At(service, "spec", "ports")) {
    if (PlainText(At(each, "port")) == port || TextAt(each, "name") == port) {
      return TextAt(each, "name");
    }
  }
  return "";
}

// "web:80 (10.1.1.1:8080)"
std::string BackendText(DescribeContext& context, const std::string& namespace_,
                        const Json& backend) {
  const Json& service = At(backend, "service");
  const Json& resource = At(backend, "resource");
  if (!service.is_object() && !resource.is_object()) return "";
  if (!service.is_object()) {
    const Json& group = At(resource, "apiGroup");
    return fmt::format("APIGroup: {}, Kind: {}, Name: {}",
                       group.is_null() ? "<none>" : TextOf(group), TextAt(resource, "kind"),
                       TextAt(resource, "name"));
  }
  const std::string name = TextAt(service, "name");
  const int64_t number = IntAt(service, "port", "number");
  const std::string port = number == 0 ? TextAt(service, "port", "name") : std::to_string(number);
  const auto failed = [&](const Error& error) {
    return fmt::format("{}:{} (<error: {}>)", name, port, error.message);
  };
  ListOptions options;
  options.namespace_ = namespace_;
  options.label_selector = "kubernetes.io/service-name=" + name;
  const auto slices = ListForDescribe(context, "endpointslices", options);
  if (!slices) return failed(slices.error());
  const auto kind = context.session.kinds().Find("services");
  const auto found = kind ? context.session.api().Get(kind->resource, {namespace_, name})
                          : Result<Json>(Fail(kind.error()));
  if (!found) return failed(found.error());
  return fmt::format("{}:{} ({})", name, port, EndpointsText(*slices, PortNameOf(*found, port)));
}

constexpr char kPolicyIndent[] = "    ";

std::string LabelSelectorText(const Json& selector) {
  return OrNone(SelectorText(selector));
}

void WritePeer(DescribeWriter& out, const Json& peer, const char* direction) {
  const std::string indent = kPolicyIndent;
  out.Line(0, indent + direction + ":");
  if (const Json& selector = At(peer, "namespaceSelector"); selector.is_object()) {
    out.Line(1, indent + "NamespaceSelector: " + LabelSelectorText(selector));
  }
  if (const Json& selector = At(peer, "podSelector"); selector.is_object()) {
    out.Line(1, indent + "PodSelector: " + LabelSelectorText(selector));
  }
  if (const Json& block = At(peer, "ipBlock"); block.is_object()) {
    out.Line(1, indent + "IPBlock:");
    out.Line(2, indent + "CIDR: " + TextAt(block, "cidr"));
    out.Line(2, indent + "Except: " + Join(TextsAt(block, "except"), ", "));
  }
}

// `peers`: "from" with "From", "to" with "To".
void WriteRules(DescribeWriter& out, const Json& rules, bool ingress) {
  const std::string indent = kPolicyIndent;
  if (rules.is_null() || rules.empty()) {
    out.Line(0, fmt::format("{}<none> (Selected pods are isolated for {} connectivity)", indent,
                            ingress ? "ingress" : "egress"));
    return;
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    const Json& ports = At(rules[i], "ports");
    if (ports.is_null() || ports.empty()) {
      out.Line(0, indent + "To Port: <any> (traffic allowed to all ports)");
    }
    for (const Json& port : ports) {
      // Any port is what Go calls a pointer to none.
      const Json& of = At(port, "port");
      const std::string number = of.is_null() ? "<nil>" : PlainText(of);
      const std::string named = TextAt(port, "protocol");
      const std::string protocol = named.empty() ? "TCP" : named;
      const std::string last = PlainText(At(port, "endPort"));
      out.Line(0, last.empty()
                      ? fmt::format("{}To Port: {}/{}", indent, number, protocol)
                      : fmt::format("{}To Port Range: {}-{}/{}", indent, number, last, protocol));
    }
    const Json& peers = At(rules[i], ingress ? "from" : "to");
    if (peers.is_null() || peers.empty()) {
      out.Line(0, fmt::format("{}{}: <any> (traffic not restricted by {})", indent,
                              ingress ? "From" : "To", ingress ? "source" : "destination"));
    }
    for (const Json& peer : peers) WritePeer(out, peer, ingress ? "From" : "To");
    if (i + 1 < rules.size()) out.Line(0, indent + "----------");
  }
}

// The address of each endpoint that is not said to be unready.
std::vector<std::string> ReadyHosts(const Json& slice) {
  std::vector<std::string> hosts;
  for (const Json& endpoint : At(slice, "endpoints")) {
    const Json& ready = At(endpoint, "conditions", "ready");
    if (!ready.is_null() && !IsTrue(ready)) continue;
    const auto addresses = TextsAt(endpoint, "addresses");
    // Of more than one nobody uses the others.
    if (!addresses.empty()) hosts.push_back(addresses.front());
  }
  return hosts;
}

}  // namespace

std::string EndpointsText(const std::vector<Json>& slices, const std::string& port_name) {
  constexpr size_t kShownMax = 3;
  std::vector<std::string> addresses;
  for (const Json& slice : slices) {
    const auto hosts = ReadyHosts(slice);
    const Json& ports = At(slice, "ports");
    if (ports.is_null() || ports.empty()) {
      addresses.insert(addresses.end(), hosts.begin(), hosts.end());
      continue;
    }
    for (const Json& port : ports) {
      if (TextAt(port, "name") != port_name) continue;
      for (const std::string& host : hosts) {
        const bool ipv6 = host.find(':') != std::string::npos;
        addresses.push_back(
            fmt::format("{}:{}", ipv6 ? "[" + host + "]" : host, IntAt(port, "port")));
      }
    }
  }
  if (slices.empty()) return "<none>";
  const size_t count = addresses.size();
  if (count <= kShownMax) return Join(addresses, ",");
  addresses.resize(kShownMax);
  return fmt::format("{} + {} more...", Join(addresses, ","), count - kShownMax);
}

void DescribeEndpoints(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Head(object);
  out.Line(0, "Subsets:");
  for (const Json& subset : At(object, "subsets")) {
    out.Field(1, "Addresses", Addresses(At(subset, "addresses")));
    out.Field(1, "NotReadyAddresses", Addresses(At(subset, "notReadyAddresses")));
    const Json& ports = At(subset, "ports");
    if (ports.is_array() && !ports.empty()) {
      out.Line(1, "Ports:");
      out.Line(2, "Name\tPort\tProtocol");
      out.Line(2, "----\t----\t--------");
      for (const Json& port : ports) {
        out.Line(2, fmt::format("{}\t{}\t{}", OrUnset(TextAt(port, "name")), IntAt(port, "port"),
                                TextAt(port, "protocol")));
      }
    }
    out.Line(0, "");
  }
}

void DescribeEndpointSlice(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Head(object);
  out.Field(0, "AddressType", TextAt(object, "addressType"));
  const Json& ports = At(object, "ports");
  if (ports.is_null() || ports.empty()) {
    out.Line(0, "Ports: <unset>");
  } else {
    out.Line(0, "Ports:");
    out.Line(1, "Name\tPort\tProtocol");
    out.Line(1, "----\t----\t--------");
    for (const Json& port : ports) {
      out.Line(1, fmt::format("{}\t{}\t{}", OrUnset(TextAt(port, "name")),
                              OrUnset(PlainText(At(port, "port"))), TextAt(port, "protocol")));
    }
  }
  const Json& endpoints = At(object, "endpoints");
  if (endpoints.is_null() || endpoints.empty()) {
    out.Line(0, "Endpoints: <none>");
    return;
  }
  out.Line(0, "Endpoints:");
  for (const Json& endpoint : endpoints) WriteSliceEndpoint(out, endpoint);
}

void DescribeIngress(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  const std::string namespace_ = NamespaceOf(object);
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Field(0, "Namespace", namespace_);
  std::set<std::string> addresses;
  for (const Json& each : At(object, "status", "loadBalancer", "ingress")) {
    const std::string ip = TextAt(each, "ip");
    const std::string address = ip.empty() ? TextAt(each, "hostname") : ip;
    if (!address.empty()) addresses.insert(address);
  }
  out.Field(0, "Address", Join({addresses.begin(), addresses.end()}, ","));
  out.Field(0, "Ingress Class", OrNone(TextAt(spec, "ingressClassName")));
  const Json& otherwise = At(spec, "defaultBackend");
  const std::string default_text =
      otherwise.is_object() ? BackendText(context, namespace_, otherwise) : "<default>";
  out.Field(0, "Default backend", default_text);
  if (const Json& tls = At(spec, "tls"); tls.is_array() && !tls.empty()) {
    out.Line(0, "TLS:");
    for (const Json& each : tls) {
      const std::string secret = TextAt(each, "secretName");
      out.Line(1, (secret.empty() ? "SNI routes " : secret + " terminates ") +
                      Join(TextsAt(each, "hosts"), ","));
    }
  }
  out.Line(0, "Rules:\n  Host\tPath\tBackends");
  out.Line(1, "----\t----\t--------");
  bool any = false;
  for (const Json& rule : At(spec, "rules")) {
    if (!At(rule, "http").is_object()) continue;
    any = true;
    const std::string host = TextAt(rule, "host");
    out.Line(1, (host.empty() ? "*" : host) + "\t");
    for (const Json& path : At(rule, "http", "paths")) {
      out.Line(2, fmt::format("\t{} \t{}", TextAt(path, "path"),
                              BackendText(context, namespace_, At(path, "backend"))));
    }
  }
  if (!any) out.Line(1, "*\t*\t" + default_text);
  out.Annotations(At(object, "metadata", "annotations"));
}

void DescribeNetworkPolicy(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  // Go's own form of a time: "2026-11-20 07:00:00 +0000 UTC".
  out.Field(0, "Created on",
            LocalTime(TextAt(object, "metadata", "creationTimestamp"), "%Y-%m-%d %H:%M:%S %z %Z"));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Line(0, "Spec:");
  const std::string pods = SelectorText(At(spec, "podSelector"));
  out.Line(
      1, "PodSelector:     " +
             (pods.empty() ? "<none> (Allowing the specific traffic to all pods in this namespace)"
                           : pods));
  const auto types = TextsAt(spec, "policyTypes");
  for (const bool ingress : {true, false}) {
    const char* type = ingress ? "Ingress" : "Egress";
    const std::string lower = ingress ? "ingress" : "egress";
    if (std::find(types.begin(), types.end(), type) == types.end()) {
      out.Line(1, "Not affecting " + lower + " traffic");
      continue;
    }
    out.Line(1, "Allowing " + lower + " traffic:");
    WriteRules(out, At(spec, lower), ingress);
  }
  out.Line(1, "Policy Types: " + OrNone(Join(types, ", ")));
}

}  // namespace skiff::cli
