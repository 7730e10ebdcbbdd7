// What the schema cannot say about a VolumeAttachment.
#include "api/gen/storage_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/persistent_volume_validation.h"
#include "api/rules/defaults.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using storage_v1::VolumeAttachment;

void SetDefaults(VolumeAttachment& object) {
  if (auto& volume = object.spec.source.inline_volume_spec) {
    DefaultPersistentVolumeSource(*volume);
    DefaultResourceList(volume->capacity);
  }
}

constexpr size_t kMetadataBytesMax = 256 * 1024;
constexpr size_t kMessageBytesMax = 1024;

void ValidateSource(const storage_v1::VolumeAttachmentSource& source, const FieldPath& path,
                    Violations& out) {
  constexpr const char* kExactlyOne =
      "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (!source.inline_volume_spec && !source.persistent_volume_name) {
    out.Required(path, kExactlyOne);
  } else if (source.inline_volume_spec && source.persistent_volume_name) {
    out.Forbidden(path, kExactlyOne);
  } else if (source.persistent_volume_name) {
    if (source.persistent_volume_name->empty()) {
      out.Required(path.Child("persistentVolumeName"),
                   "must specify non empty persistentVolumeName");
    }
  } else {
    ValidateInlineVolume(*source.inline_volume_spec, path.Child("inlineVolumeSpec"), out);
  }
}

// An error may say no more than its limit; Kubernetes names another limit.
void ValidateError(const Box<storage_v1::VolumeError>& error, const FieldPath& path,
                   Violations& out) {
  if (!error) return;
  if (error->message.size() > kMessageBytesMax) {
    out.TooLong(path.Child("message"), kMetadataBytesMax);
  }
  if (error->error_code && *error->error_code < 0) {
    out.Invalid(path.Child("errorCode"), *error->error_code,
                "must be between 0 and 2147483647, inclusive");
  }
}

void ValidateContent(const VolumeAttachment& object, Violations& out) {
  const FieldPath path("spec");
  Require(object.spec.attacher, path.Child("attacher"), out);
  ValidateSource(object.spec.source, path.Child("source"), out);
  CheckFormat(Dns1123SubdomainErrors, object.spec.node_name, path.Child("nodeName"), out);
  const FieldPath status("status");
  size_t bytes = 0;
  for (const auto& [key, value] : object.status.attachment_metadata) {
    bytes += key.size() + value.size();
  }
  if (bytes > kMetadataBytesMax) {
    out.TooLong(status.Child("attachmentMetadata"), kMetadataBytesMax);
  }
  ValidateError(object.status.attach_error, status.Child("attachError"), out);
  ValidateError(object.status.detach_error, status.Child("detachError"), out);
}

void Validate(const VolumeAttachment& object, Violations& out) {
  ValidateContent(object, out);
  const FieldPath path("spec");
  ValidateCsiDriverName(object.spec.attacher, path.Child("attacher"), out);
  const auto& name = object.spec.source.persistent_volume_name;
  if (name) {
    CheckFormat(Dns1123SubdomainErrors, *name, path.Child("source").Child("persistentVolumeName"),
                out);
  }
}

void ValidateUpdate(const VolumeAttachment& object, const VolumeAttachment& old, Violations& out) {
  ValidateContent(object, out);
  if (!(object.spec == old.spec)) {
    out.Invalid(FieldPath("spec"), GoStruct(object.spec), kFieldImmutable);
  }
}

}  // namespace

constexpr RulesOf<VolumeAttachment> kTypedVolumeAttachmentRules = {
    .set_defaults = SetDefaults,
    .prepare_create = ClearStatus<VolumeAttachment>,
    .prepare_update = KeepStatus<VolumeAttachment>,
    .prepare_status_update = KeepSpecAndMetadata<VolumeAttachment>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateUpdate,
    .allow_unconditional_update = false,
};
constinit const Rules kVolumeAttachmentRules = Erase<kTypedVolumeAttachmentRules>();

}  // namespace skiff
