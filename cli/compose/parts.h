// What the parts of the conversion share: a service on its way into objects.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "cli/compose/convert.h"
#include "cli/compose/mistakes.h"

namespace skiff::cli::compose {

struct Scope {
  const Project& project;
  const Files& files;
  Conversion& out;
  Mistakes& wrong;
  std::string service;  // As the file calls it.
  const Node& node;
  std::string name;     // As objects are called.
  bool ends = false;    // It is a Job.
  bool is_task = false;  // And nothing that others ask while it runs.

  // What is read; nothing where it is wrong, which is told.
  template <typename Value>
  std::optional<Value> Sound(Result<Value> read) const {
    wrong.Add(read);
    if (!read) return std::nullopt;
    return *std::move(read);
  }
  // Notes what `key` of the service says, which stands at `at`.
  void Note(const Node& at, std::string_view key, std::string why) const;
};

// {kProjectLabel: ..., kServiceLabel: ...}; an empty service has none.
Json LabelsOf(const Project& project, const std::string& service = "");
// An object with its labels.
Json ObjectOf(const Project& project, const char* api_version, const char* kind,
              const std::string& name, const std::string& service = "");
// "PROJECT-NAME"
std::string OwnName(const Project& project, const std::string& name);
// The name of a top-level resource: as it says, else OwnName, or its key where it is external.
std::string ResourceName(const Project& project, const Node& resource, const std::string& key);
// Where an alias or a service may be found: the text itself, or what ObjectName() makes of it.
std::string ServiceName(const std::string& text);

// The members of `map`, which stands at `path`, that may be annotations; others are noted.
Json AnnotationsOf(const Node& map, const std::string& path, Notes& notes);
// A variable or argument, so that the kubelet makes nothing of $(NAME) in it.
std::string Unexpanded(std::string_view text);

// convert_container.cc: all of the container but its mounts, and what is wrong with it.
Json ContainerOf(const Scope& scope);
// What `pre_start` has to be done before the container starts: init containers, which see what it
// mounts. `container` is finished.
Json StepsOf(const Scope& scope, const Json& container);
// convert_resources.cc
Json ResourcesOf(const Scope& scope);
// convert_pod.cc: what a pod has beside containers and volumes.
void PutPodSettings(const Scope& scope, Json& pod);
// convert_placement.cc
void PutPlacement(const Scope& scope, Json& pod);

// Volumes of a pod and where its container has them.
class Mounts {
 public:
  // The name of the volume; the same one for the same source. Of empty directories each is one of
  // its own: the same for the same wanted name alone.
  std::string Add(const std::string& wanted, Json source);
  void Mount(Json mount) { mounts_.push_back(std::move(mount)); }
  void PutInto(Json& pod, Json& container) const;
  // Of the contents of files that are mounted.
  void Digest(const std::string& contents) { contents_ += contents; }
  const std::string& contents() const { return contents_; }
  bool keeps_data = false;  // Has a claim that it may write.
  std::set<std::string> secrets;

 private:
  struct Volume {
    std::string name;
    std::string identity;  // By which it is the same one.
    Json source;
  };
  std::vector<Volume> volumes_;
  Json mounts_ = Json::array();
  std::string contents_;
};
// convert_mounts.cc: volumes, tmpfs, shm_size.
void AddVolumeMounts(const Scope& scope, Mounts& mounts);
// A claim that is called so, of the usual size where none is given ("10Gi").
Json ClaimOf(const Project& project, const std::string& name, const std::string& size = "");
// The claims of named volumes, one for all who mount it.
void AddClaims(const Project& project, Conversion& out, Mistakes& wrong);
// convert_bind.cc
// What stands beside a compose file so that not everybody reads it: the files of secrets and of
// variables, where they are without links.
std::set<std::string> PrivateFiles(const Project& project, const Files& files);
// Where a path of this machine leads if it is not into the project's folder; "" where it is. Such
// files are not the project's to hand to all who may read a namespace.
std::string PlaceOutside(const Project& project, const Files& files, const std::string& path);
Result<> AddBindMount(const Scope& scope, const Node& mount, const std::string& key,
                      Mounts& mounts);
// convert_files.cc: configs and secrets.
void AddFileMounts(const Scope& scope, Mounts& mounts);
void AddFileObjects(const Project& project, const Files& files, Conversion& out, Mistakes& wrong);

// Adds an object unless it is there already.
bool AddShared(Conversion& out, Json object);

// convert_workload.cc: what runs the pods.
Json WorkloadObject(const Scope& scope, Json pod_template, bool keeps_data);
bool IsEnding(const Project& project, const std::string& service, const Node& node);
bool IsTask(const Project& project, const std::string& service, const Node& node);
// How many of it the file wants; says nothing: that is left to whoever scales it.
const Node& ReplicasNode(const Node& service);

// convert_network.cc
void AddServices(const Scope& scope);
// A port is published by one service.
void CheckPublished(const Project& project, const Files& files, Conversion& out, Mistakes& wrong);
void AddNetworkPolicies(const Project& project, Conversion& out);
// Labels of the networks that a pod has joined.
Json NetworkLabels(const Project& project, const Node& service);
bool IsOnHostNetwork(const Node& service);

// A port of a service, one of each range.
struct ServicePort {
  int target = 0;
  int published = 0;  // 0: not to the outside.
  std::string protocol = "TCP";
  std::string name;
  std::string app_protocol;
  bool of_host = false;  // mode: host
  Place place;
};
// `noting` tells of what is not published.
std::vector<ServicePort> PortsOf(const Scope& scope, bool noting);

}  // namespace skiff::cli::compose
