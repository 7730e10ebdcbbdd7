// What the schema cannot say about a CSIDriver.
#include "api/gen/storage_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using storage_v1::CSIDriver;

void SetDefaults(CSIDriver& object) {
  auto& spec = object.spec;
  Default(spec.attach_required, true);
  Default(spec.pod_info_on_mount, false);
  Default(spec.storage_capacity, false);
  Default(spec.fs_group_policy, "ReadWriteOnceWithFSType");
  Default(spec.volume_lifecycle_modes, std::vector<std::string>{"Persistent"});
  Default(spec.requires_republish, false);
  Default(spec.se_linux_mount, false);
}

}  // namespace

// The generation of a CSIDriver starts at 0.
Rules CSIDriverRules() {
  return Erase<CSIDriver>({
      .set_defaults = SetDefaults,
      .prepare_update = PrepareUpdate<CSIDriver>,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
