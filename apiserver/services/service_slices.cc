#include "apiserver/services/service_slices.h"

#include <algorithm>

#include "api/codec/struct_text.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {

Result<std::vector<discovery_v1::EndpointSlice>> SlicesOfService(Store& store,
                                                                 const std::string& namespace_name,
                                                                 const std::string& name) {
  constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
  const std::string prefix =
      StorePrefix(discovery_v1::EndpointSlice::Info().storage_key, namespace_name);
  const auto page = TRY(store.List({.prefix = prefix}));
  std::vector<discovery_v1::EndpointSlice> slices;
  for (const RecordPtr& record : page.records) {
    const auto view = ObjectView::Of(*record);
    if (!view || view->label(kServiceNameLabel).value_or("") != name) continue;
    discovery_v1::EndpointSlice& slice = slices.emplace_back();
    TRY(DecodeStruct(discovery_v1::EndpointSlice::Describe(), view->body(),
                     FieldValidation::kIgnore, &slice));
  }
  return slices;
}

bool IsReadyEndpoint(const discovery_v1::Endpoint& endpoint) {
  return !endpoint.addresses.empty() && endpoint.conditions.ready.value_or(true);
}

const discovery_v1::EndpointPort* PortCalled(const discovery_v1::EndpointSlice& slice,
                                             const std::string& port_name) {
  const auto found = std::find_if(slice.ports.begin(), slice.ports.end(), [&](const auto& port) {
    return port.port && port.name.value_or("") == port_name;
  });
  return found == slice.ports.end() ? nullptr : &*found;
}

}  // namespace skiff
