// What the engine has of a cluster, what of it is missing, and what it was made with.
//
// Containers come and go by other hands; the cluster is in its volumes, one of each node and of
// each member of etcd. What was said when it was made is written on one more, NAME-settings: labels
// of a container go with it, and those of a volume never change.
#pragma once

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
// hands. Says in `options` how many there are then. Pure. Errors: kConflict: those that are there
// are not so many, or what is missing cannot be made again.
Result<DockerMissing> MissingOf(DockerOptions& options, const DockerParts& parts);

// The name of the volume that has them, their text, and what that says where `options` say nothing.
std::string DockerSettingsName(const std::string& cluster);
std::string DockerSettingsText(const DockerOptions& options);
void TakeDockerSettings(const std::string& text, DockerOptions& options);
// "" where there are none: an older skiff made it.
Result<std::string> DockerSettingsOf(const std::string& cluster, const DockerParts& parts);
// Takes them over, or where an older skiff made the cluster, what is known of them by the labels of
// its server.
Result<> AddDockerSettings(DockerOptions& options, const DockerParts& parts);

// Whether a container that is there was made with what `options` say; nothing of it can change.
// kConflict with what to do about it.
Result<> CheckDockerSaid(const DockerOptions& options, const DockerParts& parts);

// The port of the API: what its nodes know, what is asked for, or one that is free.
Result<> ChooseDockerPort(DockerOptions& options, const DockerParts& parts);

// No container, volume or network of somebody else has a name of the cluster's.
Result<> CheckDockerNames(const DockerOptions& options);

}  // namespace skiff
