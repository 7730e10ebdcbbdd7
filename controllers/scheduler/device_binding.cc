// The scheduler's part in ResourceClaims: what it hears of them, when a pod waits for them, and
// what it writes once a node has been chosen. Claims are told who uses them before the pod is
// bound.
#include "api/values.h"
#include "controllers/devices/resource_claim_plan.h"
#include "controllers/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::scheduler {
namespace {

using resource_v1::ResourceClaim;

constexpr int kWritesMax = 5;  // Of one claim, where others write it meanwhile.

Result<> NotWritten(const std::string& what, const ResourceClaim& claim, const Error& error) {
  Error told = error;
  told.message = fmt::format("{} claim {}: {}", what, NameOf(claim), error.message);
  return Fail(std::move(told));
}

}  // namespace

void Scheduler::WatchDevices() {
  device_claims_.OnChange([this](const auto& before, const auto& now) {
    Post([=](Scheduler& self) { self.DeviceClaimChanged(before, now); });
  });
  device_slices_.OnChange([this](const auto&, const auto& now) {
    Post([is_there = now != nullptr](Scheduler& self) {
      self.slices_ = nullptr;
      if (is_there) self.queue_.Happened(ClusterEvent::kDeviceSlice, self.clock_.Monotonic());
    });
  });
  device_classes_.OnChange([this](const auto&, const auto& now) {
    if (!now) return;
    Post([](Scheduler& self) {
      self.queue_.Happened(ClusterEvent::kDeviceClass, self.clock_.Monotonic());
    });
  });
}

void Scheduler::DeviceClaimChanged(const DeviceClaimPtr& before, const DeviceClaimPtr& now) {
  ledger_.Heard(before, now);
  if (!now) return;
  HearOfChange(ClusterEvent::kDeviceClaim, {.device_claim = {before, now}});
}

DeviceView Scheduler::DevicesFor(const core_v1::Pod& pod) {
  return {.claim = [this](const std::string& space,
                          const std::string& name) { return ledger_.Get(space, name); },
          .is_under_way = [this](const std::string& uid) { return ledger_.IsUnderWay(uid); },
          .allocated = &ledger_.allocated(),
          .slices =
              [this] {
                if (!slices_) slices_ = std::make_shared<const DeviceSlices>(device_slices_.List());
                return slices_;
              },
          .device_class =
              [this](const std::string& name) {
                return device_classes_.Get({"", name});
              },
          .selectors = &selectors_,
          .now = [this] { return clock_.Monotonic(); },
          .search_timeout = ProfileFor(pod)->device_search_timeout,
          .allowances = &allowances_};
}

bool Scheduler::IsHeld(const core_v1::Pod& pod) {
  if (pod.spec.resource_claims.empty() || !ProfileFor(pod)->holds_pods_without_claims) return false;
  return !DeviceClaimsOf(pod, DevicesFor(pod).claim);
}

Scheduler::DevicesFreed Scheduler::FreeDevices(const DeviceCycle& cycle) {
  // A rule before it ended the cycle: kube-scheduler misses its notes then, and goes no further.
  if (!cycle.was_prepared()) return {"not found", true};
  if (!cycle.has_claims()) return {"no new claims to deallocate", false};
  const DeviceClaimPtr claim = cycle.ToFree(manager_.random());
  if (!claim) return {"still not schedulable", false};
  ResourceClaim free = *claim;
  free.status = {};
  const auto written = manager_.client().UpdateStatus(free);
  if (!written) return {written.error().message, true};
  return {"deallocation of ResourceClaim completed", false};
}

Result<> Scheduler::BindDevices(Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  for (DeviceBinding& each : binding.devices) {
    if (IsReservedFor(*each.claim, pod)) continue;
    auto bound = BindDevice(pod, each);
    if (!bound) {
      Error error = bound.error();
      error.message = "running PreBind plugin \"DynamicResources\": " + error.message;
      return Fail(std::move(error));
    }
    each.claim = *bound;
    Post([claim = *std::move(bound)](Scheduler& self) { self.ledger_.Written(claim); });
  }
  return {};
}

// Others may write a claim at any time, its driver above all: then the newest is read, and changed.
Result<DeviceClaimPtr> Scheduler::BindDevice(const core_v1::Pod& pod, const DeviceBinding& device) {
  DeviceClaimPtr claim = device.claim;
  for (int writes = 1;; ++writes) {
    auto written = WriteDevice(pod, device, *claim);
    const bool is_newer = !written && written.error().reason == Reason::kConflict;
    if (!is_newer || writes == kWritesMax) return written;
    auto newest = manager_.client().Get<ResourceClaim>(KeyOf(*claim));
    if (!newest) {
      return Fail(newest.error().reason, fmt::format("get updated claim {} after conflict: {}",
                                                     NameOf(*claim), newest.error().message));
    }
    claim = *std::move(newest);
  }
}

Result<DeviceClaimPtr> Scheduler::WriteDevice(const core_v1::Pod& pod, const DeviceBinding& device,
                                              ResourceClaim claim) {
  TRY(CanStillBind(device, claim));
  if (device.allocation) {
    auto& finalizers = claim.metadata.finalizers;
    if (std::ranges::find(finalizers, kClaimProtection) == finalizers.end()) {
      finalizers.emplace_back(kClaimProtection);
      const auto held = manager_.client().Update(claim);
      if (!held) TRY(NotWritten("add finalizer to", claim, held.error()));
      claim = **held;
    }
    claim.status.allocation = *device.allocation;
  }
  auto& user = claim.status.reserved_for.emplace_back();
  user.resource = "pods";
  user.name = pod.metadata.name;
  user.uid = pod.metadata.uid;
  auto written = manager_.client().UpdateStatus(claim);
  if (!written) {
    TRY(NotWritten(device.allocation ? "add allocation and reservation to" : "add reservation to",
                   claim, written.error()));
  }
  return *std::move(written);
}

void Scheduler::UnbindDevices(const Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  for (const DeviceBinding& each : binding.devices) {
    if (each.allocation && !each.claim->status.allocation) {
      // Who waited for this pod to have it allocated, or for its devices, may go on.
      Post([uid = each.claim->metadata.uid](Scheduler& self) {
        self.ledger_.GiveUp(uid);
        self.queue_.Happened(ClusterEvent::kDeviceClaim, self.clock_.Monotonic());
      });
    }
    if (!each.claim->status.allocation || !IsReservedFor(*each.claim, pod)) continue;
    // It says which one goes, whatever the others are by now.
    const Json user = {{"$patch", "delete"}, {"uid", pod.metadata.uid}};
    const Json patch = {{"metadata", {{"uid", each.claim->metadata.uid}}},
                        {"status", {{"reservedFor", Json::array({user})}}}};
    const auto written = manager_.client().Patch(ResourceClaim::Info(), KeyOf(*each.claim),
                                                 PatchType::kStrategic, patch, "status");
    // The next attempt comes here again.
    if (!written) log_.Info("claim not unreserved", {{"error", written.error().message}});
  }
}

}  // namespace skiff::scheduler
