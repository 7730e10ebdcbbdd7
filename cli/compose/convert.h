// A project as objects of Kubernetes: a pure function of what was loaded and of the files beside
// it that are mounted.
//
//   service   -> Deployment; StatefulSet where it keeps data in a volume; DaemonSet (mode: global);
//                Job where it ends (restart: "no" or on-failure, mode: replicated-job, or somebody
//                waits for its end)
//             -> Service under its name: the ports it names, with those at which others ask for it
//                (named_ports.h), or without any a headless one, whose name leads to its pods
//                whatever their ports
//             -> Service NAME-published of type LoadBalancer: what `ports` publishes
//   volume    -> PersistentVolumeClaim
//   config, secret, mounted files -> ConfigMap, Secret
//   networks  -> NetworkPolicies, where services are apart or a network is internal
//
// What has no place in them is noted.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/compose/load.h"
#include "cli/compose/named_ports.h"

namespace skiff::cli::compose {

// Labels of all objects, and of pods.
inline constexpr char kProjectLabel[] = "compose.skiff.io/project";
inline constexpr char kServiceLabel[] = "compose.skiff.io/service";
// Behind the name of a service: the Service for what it publishes.
inline constexpr char kPublished[] = "-published";
// Of what `up` has made: the folder of the project's files, by which those of one name are told
// apart.
inline constexpr char kFolderAnnotation[] = "compose.skiff.io/folder";
// Of a pod that has joined a network: the name stands behind.
inline constexpr char kNetworkLabelPrefix[] = "network.compose.skiff.io/";
// Of a pod's template: the digest of the files that it mounts, so that other files make new pods.
inline constexpr char kFilesAnnotation[] = "compose.skiff.io/files";
// Of a Job: what it was made of. Jobs do not change; another one takes their place.
inline constexpr char kDigestAnnotation[] = "compose.skiff.io/digest";

// What kProjectLabel is for a project of that name. No two names have one value: what cannot stand
// in a label, or is too long for one, ends in a part of its digest.
std::string ProjectLabelValue(const std::string& name);

// What has to be before a service is started; conditions are those of depends_on.
struct Dependency {
  std::string service;
  std::string condition;
};
struct Workload {
  std::string service;  // As the file calls it.
  Json object;
  bool is_task = false;  // A Job whose end is what it is for; others run until they are stopped.
  std::vector<Dependency> after;
  std::vector<std::string> secrets;  // Names of Secrets that its pods mount.
};
struct Conversion {
  std::vector<Json> shared;         // What pods need: configuration, claims, Services, policies.
  std::set<std::pair<std::string, std::string>> shared_names;  // Of these, kind and name.
  std::vector<Workload> workloads;  // Those that others depend on first.
  std::set<std::string> private_files;  // They are in no ConfigMap (parts.h).
  NamedPorts named_ports;
  Notes notes;
  std::vector<Json> Objects() const;
};

// Fails with all that is wrong.
Result<Conversion> Convert(const Project& project, const Files& files);
// Tells of it; of a project about which something has been told already, what else there is.
Conversion Convert(const Project& project, const Files& files, Mistakes& wrong);

}  // namespace skiff::cli::compose
