// What the engine has of a cluster, what of it is missing, and what it was made with.
//
// Containers come and go by other hands; the cluster is in its volumes, one of each node and of
// each member of etcd. What it was made with is written on those of servers and members: labels of
// a container go with it, and those of a volume never change. What is said anew when servers are
// made again is written on one more, NAME-settings. That has no container, so `docker volume prune`
// may take it; then the others say how many there are, and it is written again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/docker_cluster.h"
#include "skiff/docker_engine.h"

namespace skiff {

struct DockerParts {  // By name.
  std::set<std::string> containers, volumes, networks;
  std::map<std::string, std::string> settings;  // What is written of these, by the volume it is on.
};
Result<DockerParts> DockerPartsOf(const std::string& cluster);

// What has no container, by number.
struct DockerMissing {
  std::set<int> members, servers, agents;
  bool balancer = false;
  bool any() const {
    return !members.empty() || !servers.empty() || !agents.empty() || balancer;
  }
};

// What is to be made so that there is what is asked for: all of it, or what was removed by other
// hands. Says in `options` how many there are then: members and servers are as many as the cluster
// was made with. Pure. Errors: kConflict: those are not so many, or what is missing cannot be made
// again.
Result<DockerMissing> MissingOf(DockerOptions& options, const DockerParts& parts);

// The name of their own volume, their text, and what that says where `options` say nothing.
std::string DockerSettingsName(const std::string& cluster);
std::string DockerSettingsText(const DockerOptions& options);
void TakeDockerSettings(const std::string& text, DockerOptions& options);
// The text on its own volume, else on another. "" where there is none: an older skiff made it.
std::string DockerSettingsOf(const std::string& cluster, const DockerParts& parts);
// Takes them over; where their own volume is gone, what a container was made with, too.
Result<> AddDockerSettings(DockerOptions& options, const DockerParts& parts);

// Whether a container that is there was made with what `options` say; nothing of it can change.
// kConflict with what to do about it.
Result<> CheckDockerSaid(const DockerOptions& options, const DockerParts& parts);

// The port of the API: what its nodes know, what is asked for, or one that is free.
Result<> ChooseDockerPort(DockerOptions& options, const DockerParts& parts);

// No container, volume or network of somebody else has a name of the cluster's.
Result<> CheckDockerNames(const DockerOptions& options);

}  // namespace skiff
