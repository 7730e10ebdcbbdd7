// Has the entrance follow the FlowSchemas and PriorityLevelConfigurations that are stored, and
// takes its steps. Sleeps until one of them changes, or the entrance wants something done.
#pragma once

#include <array>
#include <memory>

#include "api/gen/flowcontrol_v1.h"
#include "apiserver/flow_control/entrance.h"
#include "apiserver/object_cache.h"
#include "base/control_loop.h"

namespace skiff::flow_control {

class ConfigurationLoop final : public ControlLoop {
 public:
  // Both outlive it.
  ConfigurationLoop(Store& store, Entrance& entrance);
  Duration Step() override;

 private:
  struct Watched {
    std::string prefix;
    std::unique_ptr<WatchCursor> cursor;
  };
  // Whether something came; a cursor that was lost is opened anew.
  Result<bool> TakeEvents();
  // Entered only once the store can be read.
  bool Follow();

  Store& store_;
  Entrance& entrance_;
  ObjectCache<flowcontrol_v1::FlowSchema> schemas_;
  ObjectCache<flowcontrol_v1::PriorityLevelConfiguration> levels_;
  std::array<Watched, 2> watched_;
};

}  // namespace skiff::flow_control
