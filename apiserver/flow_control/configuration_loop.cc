#include "apiserver/flow_control/configuration_loop.h"

namespace skiff::flow_control {

ConfigurationLoop::ConfigurationLoop(Store& store, Entrance& entrance)
    : entrance_(entrance),
      schemas_(store),
      levels_(store),
      schema_bell_(BellOf<flowcontrol_v1::FlowSchema>(store, *this)),
      level_bell_(BellOf<flowcontrol_v1::PriorityLevelConfiguration>(store, *this)) {
  entrance_.WakeBy([this] { Wake(); });
  Follow();
}

void ConfigurationLoop::Follow() {
  const bool schemas_changed = schema_bell_.HasRung();
  if (!level_bell_.HasRung() && !schemas_changed) return;
  entrance_.Configure(schemas_.All(), levels_.All());
}

Duration ConfigurationLoop::Step() {
  Follow();
  return entrance_.Step();
}

}  // namespace skiff::flow_control
