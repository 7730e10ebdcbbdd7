// What the schema cannot say about a VolumeAttachment.
#include "api/gen/storage_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using storage_v1::VolumeAttachment;

void SetDefaults(VolumeAttachment& object) {
  if (auto& volume = object.spec.source.inline_volume_spec) {
    DefaultPersistentVolumeSource(*volume);
    DefaultResourceList(volume->capacity);
  }
}

}  // namespace

Rules VolumeAttachmentRules() {
  return Erase<VolumeAttachment>({
      .set_defaults = SetDefaults,
      .prepare_create = ClearStatus<VolumeAttachment>,
      .prepare_update = KeepStatus<VolumeAttachment>,
      .prepare_status_update = KeepSpecAndMetadata<VolumeAttachment>,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
