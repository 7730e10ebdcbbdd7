#include <algorithm>

#include "api/kinds/behaviour.h"
#include "api/patch/managed_fields.h"

namespace skiff {

ResetFields ResetFieldsOf(const KindInfo& kind, std::string_view subresource) {
  ResetFields out;
  const auto rows = kind.behaviour->resets;
  const auto own = std::ranges::find(rows, subresource, &EndpointResets::subresource);
  if (own != rows.end()) {
    for (const std::string_view path : own->paths) {
      if (!path.empty()) out.paths.push_back(path);
    }
    return out;
  }
  const bool has_status = kind.FindSubresource("status") != nullptr;
  if (subresource.empty() && has_status) out.paths = {"status"};
  if (subresource == "status") out.paths = {"spec"};
  return out;
}

}  // namespace skiff
