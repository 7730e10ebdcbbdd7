#include "dns/service_record.h"

#include <algorithm>

namespace skiff::dns {
namespace {

std::string Lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(LowerByte(static_cast<uint8_t>(c)));
  return text;
}

// "10-0-0-1", "fd00--1".
std::string DashedAddress(const IpAddress& address) {
  std::string text = address.Text();
  std::replace(text.begin(), text.end(), address.v6 ? ':' : '.', '-');
  return text;
}

std::shared_ptr<const ServicePorts> PortsOf(const discovery_v1::EndpointSlice& slice) {
  std::vector<ServicePort> ports;
  for (const auto& port : slice.ports) {
    if (!port.port) continue;
    ports.push_back({Lowered(port.name.value_or("")), Lowered(port.protocol.value_or("TCP")),
                     static_cast<uint16_t>(*port.port)});
  }
  return std::make_shared<const ServicePorts>(std::move(ports));
}

void AddEndpoints(const discovery_v1::EndpointSlice& slice, bool also_not_ready,
                  ServiceRecord& record) {
  const auto ports = PortsOf(slice);
  for (const auto& endpoint : slice.endpoints) {
    // Unknown means ready.
    if (!also_not_ready && !endpoint.conditions.ready.value_or(true)) continue;
    for (const std::string& text : endpoint.addresses) {
      const auto address = ParseIp(text);
      if (!address) continue;
      std::string label = Lowered(endpoint.hostname.value_or(""));
      if (label.empty()) label = DashedAddress(*address);
      if (label.size() > Name::kLabelBytesMax) continue;
      record.endpoints.push_back({std::move(label), *address, ports});
    }
  }
}

}  // namespace

View::ServicePtr MakeServiceRecord(
    const core_v1::Service& service,
    const std::vector<std::shared_ptr<const discovery_v1::EndpointSlice>>& slices) {
  auto record = std::make_shared<ServiceRecord>();
  record->namespace_ = service.metadata.namespace_;
  record->name = service.metadata.name;
  const auto& spec = service.spec;
  if (spec.type == "ExternalName") {
    record->form = ServiceRecord::Form::kExternalName;
    if (!ParseIp(spec.external_name)) record->external_name = Name::FromText(spec.external_name);
    return record;
  }
  if (spec.cluster_ip.empty()) return nullptr;
  std::vector<ServicePort> ports;
  for (const auto& port : spec.ports) {
    ports.push_back({Lowered(port.name), Lowered(port.protocol.empty() ? "TCP" : port.protocol),
                     static_cast<uint16_t>(port.port)});
  }
  record->ports = ServicePorts(std::move(ports));
  if (spec.cluster_ip == "None") {
    record->form = ServiceRecord::Form::kHeadless;
  } else {
    std::vector<std::string> texts = spec.cluster_ips;
    if (texts.empty()) texts.push_back(spec.cluster_ip);
    for (const std::string& text : texts) {
      if (const auto address = ParseIp(text)) record->cluster_ips.push_back(*address);
    }
  }
  for (const auto& slice : slices) {
    if (slice->address_type != "FQDN")
      AddEndpoints(*slice, spec.publish_not_ready_addresses, *record);
  }
  record->IndexEndpoints();
  return record;
}

}  // namespace skiff::dns
