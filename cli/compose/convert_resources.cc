// What a container may use, and what is kept for it.
#include <fmt/format.h>

#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"

namespace skiff::cli::compose {
namespace {

void PutCpus(const Scope& scope, const Node& said, const char* group, Json& resources) {
  if (!said.Says()) return;
  // Zero is no limit, here and below, and nothing that is kept.
  auto cpus = scope.Sound(ReadCpus(said));
  if (cpus && *cpus != "0") resources[group]["cpu"] = *std::move(cpus);
}

void PutMemory(const Scope& scope, const Node& said, const char* group, Json& resources) {
  if (!said.Says()) return;
  const auto bytes = scope.Sound(ReadBytes(said));
  if (bytes && *bytes != 0) resources[group]["memory"] = QuantityOfBytes(*bytes);
}

void PutAmounts(const Scope& scope, const Node& amounts, const char* group, Json& resources) {
  PutCpus(scope, amounts["cpus"], group, resources);
  PutMemory(scope, amounts["memory"], group, resources);
}

// The resource that device plugins offer such devices as; "" when it is not known.
std::string DeviceResource(const Node& device) {
  bool gpu = false;
  for (const std::string& capability : device["capabilities"].Texts()) {
    gpu |= capability == "gpu" || capability == "nvidia" || capability == "compute";
  }
  const std::string driver = device["driver"].Text();
  if (driver == "amd" || driver == "amdgpu") return "amd.com/gpu";
  if (driver == "nvidia" || (driver.empty() && gpu)) return "nvidia.com/gpu";
  return "";
}

void PutDevice(const Scope& scope, const Node& device, const std::string& key, Json& resources) {
  const std::string resource = DeviceResource(device);
  if (resource.empty()) return scope.Note(device, key, "no device plugin is known that offers it");
  int64_t count = 1;
  const Node& said = device["count"];
  if (said.Text() == "all" || (!said.Says() && !device["device_ids"].Says())) {
    scope.Note(device, key, "a pod asks for a number of devices, never for all: it gets one");
  } else if (said.Says()) {
    count = scope.Sound(ReadInteger(said, 1, 1000)).value_or(1);
  } else {
    count = static_cast<int64_t>(device["device_ids"].items.size());
  }
  resources["limits"][resource] = std::to_string(count);
}

}  // namespace

Json ResourcesOf(const Scope& scope) {
  Json resources = Json::object();
  const Node& node = scope.node;
  PutCpus(scope, node["cpus"], "limits", resources);
  PutMemory(scope, node["mem_limit"], "limits", resources);
  PutMemory(scope, node["mem_reservation"], "requests", resources);
  const Node& said = node["deploy"]["resources"];
  PutAmounts(scope, said["limits"], "limits", resources);
  PutAmounts(scope, said["reservations"], "requests", resources);
  for (const Node& device : said["reservations"]["devices"].items) {
    PutDevice(scope, device, "deploy.resources.reservations.devices", resources);
  }
  const Node& gpus = node["gpus"];
  if (gpus.Text() == "all") {
    resources["limits"]["nvidia.com/gpu"] = "1";
    scope.Note(gpus, "gpus", "a pod asks for a number of devices, never for all: it gets one");
  } else if (gpus.IsScalar()) {
    scope.wrong.Add(Wrong(gpus, "gpus must be \"all\" or a list"));
  }
  for (const Node& device : gpus.items) {
    Node gpu = device;
    if (!gpu["driver"].Says()) gpu.Put("driver", TextNode("nvidia", gpu.place));
    PutDevice(scope, gpu, "gpus", resources);
  }
  return resources;
}

}  // namespace skiff::cli::compose
