#include "apiserver/managed_fields.h"

namespace skiff {
namespace {

Json WithoutTimes(const Json& document) {
  Json copy = document;
  if (auto metadata = copy.find("metadata"); metadata != copy.end() && metadata->is_object()) {
    metadata->erase("resourceVersion");
    if (auto fields = metadata->find("managedFields");
        fields != metadata->end() && fields->is_array()) {
      for (Json& entry : *fields) {
        if (entry.is_object()) entry.erase("time");
      }
    }
  }
  return copy;
}

}  // namespace

void TrackManagedFields(const KindInfo&, const Json&, Json&, const FieldWriter&) {}

bool SameButForTimes(const Json& a, const Json& b) {
  if (a == b) return true;
  return WithoutTimes(a) == WithoutTimes(b);
}

}  // namespace skiff
