// One kind in several versions: HorizontalPodAutoscaler (autoscaling/v1 and v2), Event (core and
// events.k8s.io), and custom kinds.
#pragma once

#include <string_view>
#include <vector>

#include "api/kinds/behaviour.h"
#include "api/type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff {

// Makes objects of one version those of another. Of a custom kind a webhook may do that, and take
// as long as it likes; of built-in kinds it is a pure function.
class VersionConverter {
 public:
  virtual ~VersionConverter() = default;
  // Whole documents of one kind, none of them in `api_version`; as many come back, in that order.
  virtual Result<std::vector<Json>> Convert(std::vector<Json> documents,
                                            std::string_view api_version) const = 0;
};

// What an object of this built-in kind is stored as: the kind itself, or another version of it.
inline const KindInfo& StorageKindOf(const KindInfo& kind) {
  const auto versions = kind.behaviour->versions;
  return versions.empty() ? kind : *versions.front();
}

// One document of `kind` in that version, which is not its own.
Result<Json> ConvertVersion(const KindInfo& kind, Json document, std::string_view api_version);
// The document of one version as the other; the same where these are one.
Result<Json> DocumentAs(const KindInfo& from, const KindInfo& to, Json document);

// Of the built-in kinds that have versions.
struct EventVersions final : VersionConverter {
  Result<std::vector<Json>> Convert(std::vector<Json> documents,
                                    std::string_view api_version) const override;
};
struct AutoscalerVersions final : VersionConverter {
  Result<std::vector<Json>> Convert(std::vector<Json> documents,
                                    std::string_view api_version) const override;
};
extern const EventVersions kEventVersions;
extern const AutoscalerVersions kAutoscalerVersions;

}  // namespace skiff
