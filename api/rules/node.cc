// What the schema cannot say about a Node.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::Node;

// podCIDR is the first of podCIDRs; a client may know only one of the two.
void AlignPodCidrs(core_v1::NodeSpec& spec) {
  if (!spec.pod_cidr.empty() &&
      (spec.pod_cidrs.empty() || spec.pod_cidrs.front() != spec.pod_cidr)) {
    spec.pod_cidrs = {spec.pod_cidr};
  }
  spec.pod_cidr = spec.pod_cidrs.empty() ? "" : spec.pod_cidrs.front();
}

void SetDefaults(Node& object) {
  Default(object.status.allocatable, object.status.capacity);
  DefaultResourceList(object.status.capacity);
  DefaultResourceList(object.status.allocatable);
  AlignPodCidrs(object.spec);
}

// A node registers itself with its status.
void Create(Node& object) {
  object.spec.config_source.reset();
  object.status.config.reset();
}

void Update(Node& object, const Node& old) {
  object.status = old.status;
  if (!old.spec.config_source) object.spec.config_source.reset();
}

void UpdateStatus(Node& object, const Node& old) {
  KeepSpec(object, old);
  if (!old.status.config) object.status.config.reset();
}

}  // namespace

Rules NodeRules() {
  return Erase<Node>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = Update,
      .prepare_status_update = UpdateStatus,
  });
}

}  // namespace skiff
