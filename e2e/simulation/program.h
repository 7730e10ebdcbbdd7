// A program of the simulation: informers and a manager over a link of its machine.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/informer.h"
#include "client/manager.h"
#include "e2e/harness.h"
#include "e2e/simulation/link.h"

namespace skiff {

// Starts when made, and ends without a word when destroyed, as by kill -9: what it held in memory
// is gone, what it had sent may still arrive.
class SimulatedProgram {
 public:
  // Adds its parts to the manager; keeps alive what the answer holds, if anything.
  using AddParts = std::function<std::shared_ptr<void>(Manager& manager)>;

  // `clock`: of the machine that it runs on.
  SimulatedProgram(TestCluster& cluster, Executor& executor, Link& link, const Clock& clock,
                   const std::string& name, const AddParts& add)
      : client_(link, name),
        informers_(Reflector::Dependencies{client_, clock, cluster.random()}),
        manager_(Manager::Dependencies{link, clock, cluster.random(), informers_, name}),
        parts_(add(manager_)) {
    manager_.Start(executor);
  }
  ~SimulatedProgram() {
    // Informers call the parts: they stop first.
    manager_.Stop();
    parts_.reset();
  }

 private:
  Client client_;
  InformerFactory informers_;
  Manager manager_;
  std::shared_ptr<void> parts_;
};

}  // namespace skiff
