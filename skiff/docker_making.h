// Makes and starts what a cluster in Docker lacks, and takes away again what it made.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "skiff/cluster.h"
#include "skiff/docker_cluster.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_parts.h"
#include "skiff/docker_servers.h"

namespace skiff {

inline constexpr char kDockerKubeconfigInside[] = "/var/lib/skiff/admin.kubeconfig";

// The one process of this user that makes or removes a cluster of that name; it ends with that
// process, however that ends. kConflict: there is another.
class DockerTurn {
 public:
  static Result<DockerTurn> Take(const std::string& cluster);
  // Why it could not be taken, by the error number of bind.
  static Error Refusal(int number, const std::string& cluster);
  DockerTurn(DockerTurn&& other) noexcept;
  ~DockerTurn();

 private:
  explicit DockerTurn(int file) : file_(file) {}
  int file_;
};

class DockerMaking {
 public:
  // What is there already is somebody's: nothing of `before` is taken away. All outlive this.
  DockerMaking(const DockerOptions& options, const DockerParts& before, const Progress& progress)
      : options_(options), before_(before), progress_(progress) {}

  // Starts those containers, makes what is missing, and waits for all nodes.
  Result<> Bring(const std::vector<DockerNode>& containers, const DockerMissing& missing);
  // `why`, and what could not be taken away of what Bring has made.
  Error Undo(Error why) const;

 private:
  // A file or directory of this machine, and where in a container what is in it belongs.
  struct Given {
    std::string from;
    std::string to;
  };
  Result<> AddNetwork();
  Result<> WriteSettings();
  Result<> AddVolume(const std::string& name, const std::vector<std::string>& labels);
  // Of what `docker create ...` makes, with what it is given before; `has`: a key that it was given
  // by who made its volume.
  Result<> Run(const std::string& name, const std::vector<std::string>& create,
               const std::optional<Given>& given = {}, const char* has = nullptr);
  // Its state lives in a volume with its name, which has those labels, too.
  Result<> RunWithVolume(const std::string& name, const std::vector<std::string>& create,
                         std::vector<std::string> labels, const std::optional<Given>& given = {},
                         const char* has = nullptr);
  std::string SettingsLabel() const;
  // That a container of a server or a member over a volume that was there has what is given once.
  Result<> CheckKeys(const std::string& name, const char* key) const;
  Result<> Start(const std::vector<DockerNode>& containers, const char* role) const;
  Result<> AddMembers(const std::set<int>& numbers, const DockerFiles* files, bool with_keys);
  Result<> AddServers(const std::set<int>& numbers, const DockerFiles* files, bool with_keys);
  Result<> AddAgents(const std::set<int>& numbers);
  Result<> WaitUntilUsable(const std::string& container) const;

  const DockerOptions& options_;
  const DockerParts& before_;
  const Progress& progress_;
  const std::string maker_ = SystemRandom().Uid();
  DockerParts made_;
};

// Removes all of a cluster. False when there was nothing.
Result<bool> RemoveDockerCluster(const std::string& cluster, const Progress& progress);

}  // namespace skiff
