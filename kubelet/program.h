// `skiff kubelet`: flags and configuration of the kubelet -> a node agent on a container runtime.
//
//   skiff kubelet --kubeconfig=kubelet.conf --config=config.yaml
//   skiff kubelet --pod-manifest-path=/etc/kubernetes/manifests      # standalone, without an API
//   skiff kubelet --containerd-dir=/var/lib/skiff ...                # brings its own containerd
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kubelet/configuration.h"

namespace skiff::kubelet {

struct KubeletFlags {
  KubeletConfiguration configuration;
  std::string config;      // A KubeletConfiguration, or (as once) a directory of manifests.
  std::string kubeconfig;  // "": standalone.
  std::string hostname_override;
  std::vector<std::string> node_ips;  // One of each family at most.
  std::string root_dir = "/var/lib/kubelet";
  std::string cert_dir = "/var/lib/kubelet/pki";
  std::map<std::string, std::string> node_labels;
  // Which programs give credentials for images, and where these lie.
  std::string image_credential_provider_config, image_credential_provider_bin_dir;
  // Where the kubelet runs a containerd of its own (own_runtime.h); "", and where a container
  // runtime endpoint is given: nowhere.
  std::string containerd_dir;
  std::string image_dir;
  // In that network: where other nodes' pods are.
  std::vector<std::string> cluster_cidrs;
  // With a containerd of its own: pods and network end with the kubelet.
  bool leave_nothing = false;
  std::vector<std::string> notes;  // Of flags that were given without effect.
};

// Flags win over the configuration file, and both over `defaults`. Invalid carries the kubelet's
// text; nullopt after --help or --version was printed.
Result<std::optional<KubeletFlags>> ParseKubeletFlags(const std::vector<std::string>& args,
                                                      const KubeletFlags& defaults = {});

// Files of a certificate and its key that `node` may show at these names and addresses; made in the
// directory unless they are there and fresh.
struct ServingFiles {
  std::string certificate, key;
};
using EnsureServingFiles = std::function<Result<ServingFiles>(
    const std::string& directory, const std::string& node, const std::string& address)>;

class KubeletProcess {
 public:
  // Runs when it returns, whether API and runtime are there yet or not. `serving` is asked when the
  // configuration names no certificate.
  static Result<std::unique_ptr<KubeletProcess>> Start(const KubeletFlags& flags,
                                                       const EnsureServingFiles& serving);
  // Containers go on, unless the flags want nothing left.
  ~KubeletProcess();
  int port() const;

 private:
  struct Parts;
  explicit KubeletProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The program: until SIGINT or SIGTERM, or until it has to be started anew, as it took the
// runtime's cgroup driver for another one while that was away. Returns the exit code.
int KubeletMain(const std::vector<std::string>& args, const EnsureServingFiles& serving,
                const KubeletFlags& defaults = {});

}  // namespace skiff::kubelet
