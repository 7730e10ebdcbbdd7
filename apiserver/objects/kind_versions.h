// The versions of a kind as managedFields see them: fields that were written through another
// version are found again by making the object one of that version.
#pragma once

#include <string_view>

#include "api/patch/managed_fields.h"
#include "api/type.h"

namespace skiff {

// Of the versions in the kind's own group. The kind outlives it.
class KindVersions : public FieldVersions {
 public:
  explicit KindVersions(const KindInfo& kind) : kind_(kind) {}

  const Type* TypeOf(std::string_view api_version) const override;
  bool FailsAtUnknown() const override;
  Result<Json> Convert(Json document, std::string_view api_version) const override;

 private:
  const KindInfo& kind_;
};

}  // namespace skiff
