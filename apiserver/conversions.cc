#include "apiserver/conversions.h"

#include "apiserver/convert_event.h"
#include "apiserver/convert_hpa.h"

namespace skiff {

Result<Json> Convert(const KindInfo& from, const KindInfo& to, const Json& document) {
  Json converted;
  if (from.kind == "Event") {
    converted = to.group.empty() ? CoreEventFromEvent(document) : EventFromCoreEvent(document);
  } else if (from.kind == "HorizontalPodAutoscaler") {
    converted = to.version == "v2" ? HpaV2FromV1(document) : HpaV1FromV2(document);
  } else {
    return Fail(Reason::kInternalError, "no conversion of " + std::string(from.kind));
  }
  converted["apiVersion"] = to.api_version;
  return converted;
}

}  // namespace skiff
