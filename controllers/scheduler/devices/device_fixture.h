// Devices, classes and claims for tests of the search for devices, in few words.
//
//   DeviceWorld world;
//   world.AddSlice("slice-1", {.node = "n1", .devices = {DeviceNamed("gpu-0")}});
//   world.AddClaim("c", {Wants("one")});
//   world.Search("n1")  // "c: one=gpu-0"
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "controllers/scheduler/devices/device_search.h"

namespace skiff::scheduler {

inline constexpr char kDriver[] = "gpu.io";

inline resource_v1::Device DeviceNamed(const std::string& name,
                                       const std::map<std::string, std::string>& texts = {}) {
  resource_v1::Device device;
  device.name = name;
  for (const auto& [attribute, text] : texts) device.attributes[attribute].string = text;
  return device;
}

inline resource_v1::DeviceRequest Wants(const std::string& name, int64_t count = 1,
                                        const std::string& expression = "") {
  resource_v1::DeviceRequest request;
  request.name = name;
  auto& exactly = request.exactly.emplace();
  exactly.device_class_name = "any";
  exactly.allocation_mode = count == 0 ? "All" : "ExactCount";
  exactly.count = count;
  if (!expression.empty()) exactly.selectors.emplace_back().cel.emplace().expression = expression;
  return request;
}

// Of Wants: one of them will do.
inline resource_v1::DeviceRequest WantsFirst(const std::string& name,
                                             const std::vector<resource_v1::DeviceRequest>& of) {
  resource_v1::DeviceRequest request;
  request.name = name;
  for (const auto& each : of) {
    auto& alternative = request.first_available.emplace_back();
    alternative.name = each.name;
    alternative.device_class_name = each.exactly->device_class_name;
    alternative.selectors = each.exactly->selectors;
    alternative.allocation_mode = each.exactly->allocation_mode;
    alternative.count = each.exactly->count;
  }
  return request;
}

inline resource_v1::DeviceRequest ForAdmin(resource_v1::DeviceRequest request) {
  request.exactly->admin_access = true;
  return request;
}

struct SliceOf {
  std::string node;                             // "": of all nodes, unless:
  std::map<std::string, std::string> selected;  // Labels of nodes.
  std::string driver = kDriver;
  std::string pool = "pool";
  int64_t generation = 1;
  int64_t slices = 1;  // In the pool.
  std::vector<resource_v1::Device> devices;
};

class DeviceWorld {
 public:
  DeviceWorld() { AddClass("any"); }

  void AddSlice(const std::string& name, const SliceOf& of) {
    auto slice = std::make_shared<resource_v1::ResourceSlice>();
    slice->metadata.name = name;
    auto& spec = slice->spec;
    spec.driver = of.driver;
    spec.pool.name = of.pool;
    spec.pool.generation = of.generation;
    spec.pool.resource_slice_count = of.slices;
    spec.devices = of.devices;
    if (!of.node.empty()) {
      spec.node_name = of.node;
    } else if (of.selected.empty()) {
      spec.all_nodes = true;
    } else {
      auto& term = spec.node_selector.emplace().node_selector_terms.emplace_back();
      for (const auto& [key, value] : of.selected) {
        auto& label = term.match_expressions.emplace_back();
        label.key = key;
        label.operator_ = "In";
        label.values = {value};
      }
    }
    slices.push_back(std::move(slice));
  }
  resource_v1::DeviceClass& AddClass(const std::string& name, const std::string& expression = "") {
    auto added = std::make_shared<resource_v1::DeviceClass>();
    added->metadata.name = name;
    if (!expression.empty()) {
      added->spec.selectors.emplace_back().cel.emplace().expression = expression;
    }
    classes[name] = added;
    return *added;
  }
  resource_v1::ResourceClaim& AddClaim(const std::string& name,
                                       const std::vector<resource_v1::DeviceRequest>& requests) {
    auto claim = std::make_shared<resource_v1::ResourceClaim>();
    claim->metadata.namespace_ = "default";
    claim->metadata.name = name;
    claim->spec.devices.requests = requests;
    claims.push_back(claim);
    return *claim;
  }
  void Allocate(const std::string& device, bool for_admin = false) {
    resource_v1::AllocationResult allocation;
    auto& result = allocation.devices.results.emplace_back();
    result.driver = kDriver;
    result.pool = "pool";
    result.device = device;
    if (for_admin) result.admin_access = true;
    allocated.Add(allocation);
  }

  DeviceOutcome Outcome(
      const std::string& node, const std::function<bool()>& give_up = [] { return false; }) {
    core_v1::Node object;
    object.metadata.name = node;
    object.metadata.labels = labels[node];
    DeviceSearch search({.claims = {claims.begin(), claims.end()},
                         .slices = std::make_shared<const DeviceSlices>(slices),
                         .allocated = &allocated,
                         .device_class = [this](const std::string& name) -> DeviceClassPtr {
                           const auto found = classes.find(name);
                           return found == classes.end() ? nullptr : found->second;
                         },
                         .selectors = &selectors});
    return search.Allocate(object, give_up);
  }
  // "c: one=gpu-0 one=gpu-1; d: two=gpu-2", or why there is nothing.
  std::string Search(const std::string& node = "n1") {
    const DeviceOutcome outcome = Outcome(node);
    switch (outcome.code) {
      case DeviceOutcome::Code::kFound:
        break;
      case DeviceOutcome::Code::kNone:
        return "none";
      case DeviceOutcome::Code::kInvalidPools:
        return "invalid pools";
      case DeviceOutcome::Code::kGivenUp:
        return "given up";
      case DeviceOutcome::Code::kFailed:
        return outcome.error;
    }
    std::string text;
    for (size_t i = 0; i < claims.size(); ++i) {
      text += (i == 0 ? "" : "; ") + claims[i]->metadata.name + ":";
      for (const auto& result : outcome.results[i].devices.results) {
        text += fmt::format(" {}={}", result.request, result.device);
        if (result.admin_access.value_or(false)) text += "(admin)";
      }
    }
    return text;
  }

  std::vector<SlicePtr> slices;
  std::map<std::string, std::shared_ptr<resource_v1::DeviceClass>> classes;
  std::vector<std::shared_ptr<resource_v1::ResourceClaim>> claims;
  std::map<std::string, std::map<std::string, std::string>> labels;  // Of nodes.
  DeviceSet allocated;
  DeviceSelectors selectors;
};

}  // namespace skiff::scheduler
