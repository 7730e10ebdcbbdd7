#include "apiserver/objects/metadata_checks.h"

#include "api/kinds/behaviour.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

void CheckOwnFinalizers(const Object& object, const FieldPath& path, Violations& out) {
  if (object.is_custom() || !object.kind().behaviour->metadata.finalizers) return;
  CheckFinalizerNames(object.metadata().finalizers, path.Child("finalizers"), out);
}

}  // namespace

void CheckMetadata(const Object& object, NameRule name_rule, Violations& out) {
  const KindInfo& kind = object.kind();
  const FieldPath path("metadata");
  if (!kind.behaviour->metadata.generate_name) {
    ValidateMetaButPrefix(object.metadata(), kind.namespaced, name_rule, path, out);
  } else {
    ValidateObjectMeta(object.metadata(), kind.namespaced, name_rule, path, out);
  }
  CheckOwnFinalizers(object, path, out);
}

void CheckMetadataUpdate(const Object& object, const Object& old, std::string_view subresource,
                         Violations& out) {
  const KindInfo& kind = object.kind();
  const FieldPath path("metadata");
  ValidateObjectMeta(object.metadata(), kind.namespaced, &NameIsPathSegment, path, out);
  ValidateObjectMetaUpdate(object.metadata(), old.metadata(), path, out);
  const MetadataChecks& checks = kind.behaviour->metadata;
  for (const MetadataCheck check : subresource == "status" ? checks.status_update : checks.update) {
    if (check == MetadataCheck::kWhole) {
      CheckMetadata(object, kind.behaviour->rules->validate_name, out);
    } else if (check == MetadataCheck::kChanges) {
      ValidateObjectMetaUpdate(object.metadata(), old.metadata(), path, out);
      CheckOwnFinalizers(object, path, out);
    }
  }
}

void CheckKindNames(const Object& object, Violations& out) {
  const KindInfo& kind = object.kind();
  const TypeMeta& self = *object.misnamed();
  if (self.kind != kind.kind) {
    out.Invalid(FieldPath("kind"), self.kind, "must be " + std::string(kind.kind));
  }
  if (self.api_version != kind.api_version) {
    out.Invalid(FieldPath("apiVersion"), self.api_version,
                "must be " + std::string(kind.api_version));
  }
}

}  // namespace skiff
