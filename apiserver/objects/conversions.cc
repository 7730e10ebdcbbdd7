#include "apiserver/objects/conversions.h"

#include "api/codec/typed.h"
#include "api/crd/custom_kind.h"
#include "api/registry.h"
#include "api/rules/rules.h"
#include "api/rules/workloads/autoscaler_conversion.h"
#include "apiserver/objects/convert_event.h"

namespace skiff {
namespace {

using AutoscalerV1 = autoscaling_v1::HorizontalPodAutoscaler;
using AutoscalerV2 = autoscaling_v2::HorizontalPodAutoscaler;

// Objects are kept as v2, whose defaults they then have.
Result<Json> AutoscalerDocumentToV2(const Json& document) {
  const auto object = TRY(FromJson<AutoscalerV1>(document));
  AutoscalerV2 converted = AutoscalerToV2(object);
  FindRules(AutoscalerV2::Info())->set_defaults(&converted);
  return ToJson(converted);
}

Result<Json> AutoscalerDocumentToV1(const Json& document) {
  const auto object = TRY(FromJson<AutoscalerV2>(document));
  return ToJson(AutoscalerToV1(object));
}

}  // namespace

Result<Json> Convert(const KindInfo& from, const KindInfo& to, const Json& document) {
  Json converted;
  if (from.kind == "Event") {
    converted = to.group.empty() ? CoreEventFromEvent(document) : EventFromCoreEvent(document);
  } else if (from.kind == "HorizontalPodAutoscaler") {
    converted = TRY(to.version == "v2" ? AutoscalerDocumentToV2(document)
                                       : AutoscalerDocumentToV1(document));
  } else {
    return Fail(Reason::kInternalError, "no conversion of " + std::string(from.kind));
  }
  converted["apiVersion"] = to.api_version;
  return converted;
}

Result<Json> DocumentAs(const KindInfo& from, const KindInfo& to, Json document) {
  if (from.api_version == to.api_version) return document;
  const RuntimeKind* runtime = RuntimeKindOf(to);
  if (runtime == nullptr) return Convert(from, to, document);
  if (runtime->custom != nullptr && runtime->custom->converter != nullptr) {
    std::vector<Json> documents;
    documents.push_back(std::move(document));
    auto converted =
        TRY(runtime->custom->converter->Convert(std::move(documents), to.api_version));
    return std::move(converted.front());
  }
  document["apiVersion"] = to.api_version;
  return document;
}

}  // namespace skiff
