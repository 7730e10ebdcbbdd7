#include "apiserver/services/service_slices.h"

#include <algorithm>

#include "api/codec/struct_text.h"
#include "apiserver/storage/index_terms.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {

Result<std::vector<discovery_v1::EndpointSlice>> SlicesOfService(Store& store,
                                                                 const std::string& namespace_name,
                                                                 const std::string& name) {
  constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
  const std::string_view storage_key = discovery_v1::EndpointSlice::Info().storage_key;
  const auto is_of_service = [&name](const Record& record) {
    const auto view = ObjectView::Of(record);
    return view && view->label(kServiceNameLabel).value_or("") == name;
  };
  // A namespace may have thousands, and each call that is led to an end point asks.
  const auto page =
      TRY(store.List({.prefix = StorePrefix(storage_key, namespace_name),
                      .filter = is_of_service,
                      .terms = {.resource = StorePrefix(storage_key),
                                .groups = {{LabelIndexTerm(kServiceNameLabel, name)}}}}));
  std::vector<discovery_v1::EndpointSlice> slices;
  for (const RecordPtr& record : page.records) {
    const ObjectView view = TRY(ObjectView::Of(*record));
    discovery_v1::EndpointSlice& slice = slices.emplace_back();
    TRY(DecodeStruct(discovery_v1::EndpointSlice::Describe(), view.body(), FieldValidation::kIgnore,
                     &slice));
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
