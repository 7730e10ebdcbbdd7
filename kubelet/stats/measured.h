// What a node, its pods and their containers were measured to use, before it is told anybody:
// /stats/summary and /metrics/cadvisor are two ways to write the same down.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/stats/cgroup_stats.h"
#include "kubelet/stats/interface_stats.h"

namespace skiff::kubelet {

// Of a file system, or of what somebody takes of one.
struct FsUse {
  TimePoint at{};
  std::string device;  // As DeviceIo has it.
  std::optional<uint64_t> available_bytes, capacity_bytes, used_bytes;
  std::optional<uint64_t> inodes_free, inodes, inodes_used;
};

struct MeasuredCgroup {
  std::string path;
  CgroupStats stats;
  std::optional<uint64_t> nano_cores;  // Of late.
};

struct MeasuredContainer {
  std::string name, id, image;
  TimePoint started_at{};
  MeasuredCgroup cgroup;
  std::optional<FsUse> rootfs, logs;
};

struct MeasuredVolume {
  std::string name;
  std::string claim;  // "": it is no claim's.
  FsUse use;
};

struct MeasuredPod {
  std::string name, name_space, uid;
  TimePoint started_at{};
  std::optional<MeasuredCgroup> cgroup;
  std::string sandbox_id, sandbox_image;
  std::optional<MeasuredCgroup> sandbox;
  std::vector<InterfaceStats> interfaces;
  std::vector<MeasuredContainer> containers;
  std::vector<MeasuredVolume> volumes;
  std::optional<FsUse> ephemeral;
};

struct MeasuredMachine {
  uint64_t cores = 0, physical_cores = 0, sockets = 0;
  uint64_t memory_bytes = 0, swap_bytes = 0;
  std::string machine_id, system_uuid, boot_id, kernel_version, os_image;
};

struct SystemContainer {
  std::string name;  // "kubelet", "pods"
  MeasuredCgroup cgroup;
};

struct MeasuredNode {
  std::string name;
  TimePoint at{};
  TimePoint started_at{};
  MeasuredCgroup root{.path = "/", .stats = {}, .nano_cores = {}};
  MeasuredMachine machine;
  std::vector<InterfaceStats> interfaces;
  std::optional<FsUse> fs, image_fs, container_fs;
  std::optional<uint64_t> processes, processes_max;
  std::vector<SystemContainer> system;
  std::vector<MeasuredCgroup> groups;  // Above those of pods.
  std::vector<MeasuredPod> pods;
};

}  // namespace skiff::kubelet
