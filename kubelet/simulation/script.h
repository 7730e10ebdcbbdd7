// What annotations of a pod or a node choose for its life where nodes are simulated
// (docs/simulated.md): delays, exit codes, failures. Pure.
//
//   metadata: {annotations: {simulation.skiff.io/exit-code: "3",
//                            simulation.skiff.io/exit-after.worker: 20s}}
//
// A word with a container's name behind a dot is about that container and wins over the word alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"

namespace skiff::kubelet {

inline constexpr char kSimulationPrefix[] = "simulation.skiff.io/";

struct SimulatedEnd {
  Duration after{};  // Since it started.
  int exit_code = 0;
};

// How a container that was started ends by itself; nullopt: it runs until it is stopped. Init
// containers are done at once, sidecars run, and what need not run for ever ends after a second.
std::optional<SimulatedEnd> EndOf(const core_v1::Pod& pod, const std::string& container);

// Since it started: ready from `from` on, until `until`.
struct ReadySpan {
  Duration from{};
  Duration until = kNever;
};
ReadySpan ReadySpanOf(const core_v1::Pod& pod, const std::string& container);

// How long after it was given to its node a pod's first container starts.
Duration StartDelayOf(const core_v1::Pod& pod);
bool FailsImagePull(const core_v1::Pod& pod);

// What a container takes of its node: as its pod's annotations say, else half of what it requests,
// else a little.
struct SimulatedUsage {
  int64_t nano_cores = 0;
  int64_t memory_bytes = 0;
};
SimulatedUsage UsageOf(const core_v1::Pod& pod, const std::string& container);

// Since the Node was made; kNever: never.
struct NodeScript {
  Duration not_ready_after = kNever;
  Duration silent_after = kNever;  // Its heartbeats stop.
};
NodeScript NodeScriptOf(const core_v1::Node& node);

// Annotations of that prefix that mean nothing, a text each: unknown words, values that cannot be
// read, containers that there are not. They have no effect.
std::vector<std::string> ScriptProblems(const core_v1::Pod& pod);
std::vector<std::string> ScriptProblems(const core_v1::Node& node);

// What the pod asks for that a real node would look for and a simulated one takes to be there, a
// text each.
std::vector<std::string> Unsimulated(const core_v1::Pod& pod);

}  // namespace skiff::kubelet
