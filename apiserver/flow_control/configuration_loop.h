// Has the entrance follow the FlowSchemas and PriorityLevelConfigurations that are stored, and
// takes its steps. Sleeps until one of them changes, or the entrance wants something done.
#pragma once

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/flow_control/entrance.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/watches/prefix_bell.h"
#include "base/control_loop.h"

namespace skiff::flow_control {

class ConfigurationLoop final : public ControlLoop {
 public:
  // Both outlive it.
  ConfigurationLoop(Store& store, Entrance& entrance);
  Duration Step() override;

 private:
  void Follow();

  Entrance& entrance_;
  ObjectCache<flowcontrol_v1::FlowSchema> schemas_;
  ObjectCache<flowcontrol_v1::PriorityLevelConfiguration> levels_;
  PrefixBell schema_bell_;
  PrefixBell level_bell_;
};

}  // namespace skiff::flow_control
