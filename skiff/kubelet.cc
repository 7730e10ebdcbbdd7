#include "skiff/kubelet.h"

#include "apiserver/auth/pki.h"
#include "kubelet/program.h"
#include "skiff/daemon.h"

namespace skiff {
namespace {

// A certificate of an authority that nobody else knows: clients that want to verify it need one
// that the configuration names.
Result<kubelet::ServingFiles> EnsureServing(const std::string& directory, const std::string& node,
                                            const std::string& address) {
  const SystemClock clock;
  Pki pki = TRY(Pki::Open(directory, clock.Now()));
  TRY(pki.EnsureLeaf("kubelet",
                     {.common_name = node,
                      .dns_names = {node, "localhost"},
                      .ip_addresses = {"127.0.0.1", address},
                      .server = true},
                     clock.Now()));
  return kubelet::ServingFiles{pki.Path("kubelet.crt"), pki.Path("kubelet.key")};
}

// In our image, where nothing else runs and a volume lies ready, the kubelet brings its containerd,
// which ends with the kubelet's container: what it put into the host's network is to go with it.
kubelet::KubeletFlags Defaults() {
  kubelet::KubeletFlags defaults;
  if (IsAttachedByDefault()) {
    defaults.containerd_dir = "/var/lib/skiff";
    defaults.image_dir = "/usr/share/skiff/images";
    defaults.leave_nothing = true;
  }
  return defaults;
}

}  // namespace

int KubeletMain(const std::vector<std::string>& args) {
  return kubelet::KubeletMain(args, &EnsureServing, Defaults());
}

}  // namespace skiff
