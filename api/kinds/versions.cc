#include "api/kinds/versions.h"

#include "api/codec/typed.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/core_v1.h"
#include "api/rules/core/event_conversion.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/autoscaler_conversion.h"

namespace skiff {
namespace {

using OldAutoscaler = autoscaling_v1::HorizontalPodAutoscaler;
using NewAutoscaler = autoscaling_v2::HorizontalPodAutoscaler;

// Objects are kept as v2, whose defaults they then have.
Result<Json> AutoscalerDocumentToV2(const Json& document) {
  const auto object = TRY(FromJson<OldAutoscaler>(document));
  NewAutoscaler converted = AutoscalerToV2(object);
  kHorizontalPodAutoscalerRules.set_defaults(&converted);
  return ToJson(converted);
}

Result<Json> AutoscalerDocumentToV1(const Json& document) {
  const auto object = TRY(FromJson<NewAutoscaler>(document));
  return ToJson(AutoscalerToV1(object));
}

}  // namespace

constinit const EventVersions kEventVersions{};
constinit const AutoscalerVersions kAutoscalerVersions{};

Result<std::vector<Json>> EventVersions::Convert(std::vector<Json> documents,
                                                 std::string_view api_version) const {
  const bool to_core = api_version == core_v1::Event::Info().api_version;
  for (Json& document : documents) {
    document = to_core ? CoreEventFromEvent(document) : EventFromCoreEvent(document);
    document["apiVersion"] = api_version;
  }
  return documents;
}

Result<std::vector<Json>> AutoscalerVersions::Convert(std::vector<Json> documents,
                                                      std::string_view api_version) const {
  const bool to_v2 = api_version == NewAutoscaler::Info().api_version;
  for (Json& document : documents) {
    document = TRY(to_v2 ? AutoscalerDocumentToV2(document) : AutoscalerDocumentToV1(document));
    document["apiVersion"] = api_version;
  }
  return documents;
}

Result<Json> ConvertVersion(const KindInfo& kind, Json document, std::string_view api_version) {
  const VersionConverter* converter = kind.behaviour->converter;
  if (converter == nullptr) {
    document["apiVersion"] = api_version;
    return document;
  }
  std::vector<Json> documents;
  documents.push_back(std::move(document));
  auto converted = TRY(converter->Convert(std::move(documents), api_version));
  return std::move(converted.front());
}

Result<Json> DocumentAs(const KindInfo& from, const KindInfo& to, Json document) {
  if (from.api_version == to.api_version) return document;
  return ConvertVersion(to, std::move(document), to.api_version);
}

}  // namespace skiff
