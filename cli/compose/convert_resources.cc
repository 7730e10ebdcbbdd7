// What a container may use, and what is kept for it.
#include <fmt/format.h>

#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"

namespace skiff::cli::compose {
namespace {

Result<> PutAmounts(const Node& amounts, const char* group, Json& resources) {
  if (amounts["cpus"].Says()) resources[group]["cpu"] = TRY(ReadCpus(amounts["cpus"]));
  if (amounts["memory"].Says()) {
    resources[group]["memory"] = QuantityOfBytes(TRY(ReadBytes(amounts["memory"])));
  }
  return {};
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

Result<> PutDevice(const Scope& scope, const Node& device, const std::string& key,
                   Json& resources) {
  const std::string resource = DeviceResource(device);
  if (resource.empty()) {
    scope.Note(device, key, "no device plugin is known that offers it");
    return {};
  }
  int64_t count = 1;
  const Node& said = device["count"];
  if (said.Text() == "all" || (!said.Says() && !device["device_ids"].Says())) {
    scope.Note(device, key, "a pod asks for a number of devices, never for all: it gets one");
  } else if (said.Says()) {
    count = TRY(ReadInteger(said, 1, 1000));
  } else {
    count = static_cast<int64_t>(device["device_ids"].items.size());
  }
  resources["limits"][resource] = std::to_string(count);
  return {};
}

}  // namespace

Result<Json> ResourcesOf(const Scope& scope) {
  Json resources = Json::object();
  const Node& node = scope.node;
  if (node["cpus"].Says()) resources["limits"]["cpu"] = TRY(ReadCpus(node["cpus"]));
  for (const auto& [key, group] : {std::pair("mem_limit", "limits"),
                                   std::pair("mem_reservation", "requests")}) {
    if (!node[key].Says()) continue;
    resources[group]["memory"] = QuantityOfBytes(TRY(ReadBytes(node[key])));
  }
  const Node& said = node["deploy"]["resources"];
  TRY(PutAmounts(said["limits"], "limits", resources));
  TRY(PutAmounts(said["reservations"], "requests", resources));
  for (const Node& device : said["reservations"]["devices"].items) {
    TRY(PutDevice(scope, device, "deploy.resources.reservations.devices", resources));
  }
  const Node& gpus = node["gpus"];
  if (gpus.Text() == "all") {
    resources["limits"]["nvidia.com/gpu"] = "1";
    scope.Note(gpus, "gpus", "a pod asks for a number of devices, never for all: it gets one");
  } else if (gpus.IsScalar()) {
    return Wrong(gpus, "gpus must be \"all\" or a list");
  }
  for (const Node& device : gpus.items) {
    Node gpu = device;
    if (!gpu["driver"].Says()) gpu.Put("driver", TextNode("nvidia", gpu.place));
    TRY(PutDevice(scope, gpu, "gpus", resources));
  }
  return resources;
}

}  // namespace skiff::cli::compose
