#include "apiserver/objects/write_warnings.h"

#include <fmt/format.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "api/kinds/behaviour.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/rules.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// Custom resources may have finalizers of any name, if not gladly.
void WarnOfFinalizers(const Object& object, const Object* old, ApiRequest& request) {
  // Of these nobody is warned; those that were there may be a hundred thousand.
  std::unordered_set<std::string_view> taken = {"orphan", "foregroundDeletion", "kubernetes"};
  const std::vector<std::string> none;
  const auto& before = old == nullptr ? none : old->metadata().finalizers;
  taken.insert(before.begin(), before.end());
  for (const std::string& name : object.metadata().finalizers) {
    if (name.find('/') != name.npos || taken.contains(name)) continue;
    request.warnings.push_back(fmt::format(
        "metadata.finalizers: {}: prefer a domain-qualified finalizer name{} to avoid accidental "
        "conflicts with other finalizer writers",
        Quoted(name), name.find('.') != name.npos ? " including a path (/)" : ""));
  }
}

}  // namespace

void AddWarnings(const Object& object, const Object* old, std::string_view subresource,
                 ApiRequest& request) {
  const Rules& rules = *object.kind().behaviour->rules;
  if (object.is_custom()) WarnOfFinalizers(object, old, request);
  if (subresource == "status" && rules.status_warnings) {
    return rules.status_warnings(object.raw(), request.warnings);
  }
  if (!rules.warnings || (!subresource.empty() && subresource != "scale")) return;
  rules.warnings(object.raw(), old ? old->raw() : nullptr, request.warnings);
}

void DropOwnersTwiceNamed(Object& object, ApiRequest& request, bool after_admission) {
  const auto dropped = DropDuplicateOwners(object.metadata().owner_references);
  if (!dropped.empty())
    request.warnings.push_back(DuplicateOwnersWarning(dropped, after_admission));
}

}  // namespace skiff
