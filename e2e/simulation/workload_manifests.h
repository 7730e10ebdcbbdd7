// What the workload of the simulation applies, as YAML.
#pragma once

namespace skiff {

// What is there from the beginning.
extern const char kUsualManifests[];
// Comes when the quota counts: what was there before, it leaves alone.
extern const char kCrowdManifests[];
// A pod that others make room for.
extern const char kFirstManifests[];
// A claim that waits for its pod.
extern const char kKeeperManifests[];
// Pods that no node can give what they ask for: the one's are refused, the other's never start.
extern const char kRefusedManifests[];

}  // namespace skiff
