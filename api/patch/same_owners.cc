// Whether a write changes anything but when somebody wrote.
#include <algorithm>
#include <string_view>
#include <tuple>
#include <vector>

#include "api/patch/managed_fields.h"

namespace skiff {

bool SameButForTimes(const std::vector<meta_v1::ManagedFieldsEntry>& live,
                     const std::vector<meta_v1::ManagedFieldsEntry>& entries) {
  if (live.size() != entries.size()) return false;
  // Times order the list, so entries are paired by identity.
  const auto timeless = [](const std::vector<meta_v1::ManagedFieldsEntry>& list) {
    std::vector<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view,
                           std::string_view, std::string_view>>
        all;
    for (const meta_v1::ManagedFieldsEntry& entry : list) {
      all.emplace_back(entry.manager, entry.operation, entry.api_version, entry.subresource,
                       entry.fields_type,
                       entry.fields_v1 ? entry.fields_v1->Text() : std::string_view());
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  return timeless(live) == timeless(entries);
}

}  // namespace skiff
