// Several servers of a cluster in Docker: `skiff up --docker --nodes=3 --etcd=3`.
//
//   kubeconfig, agents ──► NAME-api (HAProxy) ──► NAME-server, NAME-server-2, NAME-server-3
//                                                     └──► NAME-etcd-1, NAME-etcd-2, NAME-etcd-3
//
// Every server knows every member. All that they speak is TLS, members among each other and towards
// servers by an authority of their own: pods reach the engine's network.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "skiff/docker_cluster.h"

namespace skiff {

// Where the balancer finds its configuration.
inline constexpr char kBalancerDirectory[] = "/etc/skiff-balancer";
// Where a member of etcd finds its keys: in its volume, so that it can be made again over that.
inline constexpr char kMemberKeys[] = "/var/etcd/data/pki";

// Each over the members of etcd; one without any.
int DockerServers(const DockerOptions& options);
std::string DockerEtcdName(const std::string& cluster, int number);
std::string DockerBalancerName(const std::string& cluster);
// All containers that a cluster of these options has.
std::vector<std::string> DockerContainerNames(const DockerOptions& options);

// Command lines, and HAProxy's configuration; pure.
std::vector<std::string> DockerEtcdCommand(const DockerOptions& options, int number);
std::vector<std::string> DockerBalancerCommand(const DockerOptions& options);
std::string BalancerConfig(const DockerOptions& options);
// What a server over members is told beside all else.
std::vector<std::string> EtcdFlagsOfServer(const DockerOptions& options);

// --etcd, and that nothing is asked for which several servers do not have.
Result<> CheckDockerServers(const DockerOptions& options);

// What containers are given before they start, in a directory that goes with this: the balancer its
// configuration, and servers and members of a new cluster their keys and certificates.
class DockerFiles {
 public:
  static Result<DockerFiles> Make(const DockerOptions& options, bool with_keys);
  // Takes away what one of this user that was ended has left; not while another makes that cluster.
  static void RemoveLeft(const std::string& cluster);
  DockerFiles(DockerFiles&& other) noexcept : directory_(std::exchange(other.directory_, "")) {}
  ~DockerFiles();
  // What lies in there for each server (its data directory), and for a member (kMemberKeys).
  std::string OfServers() const { return directory_ + "/server"; }
  std::string OfMember(int number) const;
  // Where the balancer's configuration lies, haproxy.cfg.
  std::string OfBalancer() const { return directory_ + "/balancer"; }

 private:
  explicit DockerFiles(std::string directory) : directory_(std::move(directory)) {}
  Result<> MakeKeys(const DockerOptions& options) const;
  std::string directory_;
};

}  // namespace skiff
