// Which pod goes first when a node is short of something, and in what words. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "kubelet/eviction.h"

namespace skiff::kubelet {

struct ContainerUsage {
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;  // Writable layer and logs.
};

// What a pod takes of the node now.
struct PodUsage {
  Ptr<core_v1::Pod> pod;
  bool is_known = false;  // Else nothing could be measured.
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;
  int64_t inodes = 0;
  int64_t processes = 0;
  std::map<std::string, ContainerUsage> containers;  // By name.
  std::map<std::string, int64_t> empty_dir_bytes;    // By volume.
  // They have more than was looked at. Who could hide in them what he writes would keep to any
  // limit, so that they count as beyond theirs.
  bool is_disk_unbounded = false;
  std::set<std::string> unbounded_empty_dirs;
};

// First victim first. Pods of which nothing is known come first.
void RankForEviction(Signal signal, std::vector<PodUsage>& pods);

// What is said of an eviction: its event has both, the pod's status the message.
struct EvictionNotice {
  std::string message;
  std::map<std::string, std::string> annotations = {};
};
// "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. Container c
// was using 200Mi, request is 100Mi, has larger consumption of memory. "; the annotations name
// the resource and who had more of it than it asked for, for programs.
EvictionNotice NoticeOfEviction(const Threshold& threshold, const Measurements& measured,
                                const PodUsage& usage);

// Why a pod must go for using more local storage than it said it would.
struct LocalExcess {
  std::string_view signal;  // As kubelet_evictions names it: "emptydirfs.limit".
  std::string message;
};
// nullopt: it keeps to it.
std::optional<LocalExcess> LocalStorageExcess(const PodUsage& usage);
// Whether that has to be asked at all: it or its volumes have limits.
bool HasLocalStorageLimits(const core_v1::Pod& pod);

// Why a node with these pressures does not take the pod: "The node had condition:
// [MemoryPressure]. "; nullopt: it does.
std::optional<std::string> RefusalUnderPressure(const core_v1::Pod& pod,
                                                const std::set<std::string>& pressures);

}  // namespace skiff::kubelet
