#include "kubelet/own_runtime.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/log.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "kubelet/network/links.h"
#include "kubelet/node_agent.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

const Log& Logger() {
  static const Log log("runtime");
  return log;
}

Result<int> LockDirectory(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return Fail(Reason::kForbidden, directory + ": " + error.message());
  const std::string path = directory + "/kubelet.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Fail(Reason::kForbidden, path + ": " + std::strerror(errno));
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  close(file);
  return Fail(Reason::kConflict,
              fmt::format("another kubelet runs containerd in {}: end it, or choose another "
                          "directory with --containerd-dir",
                          directory));
}

Result<std::vector<cri::ImportedImage>> Load(const std::string& path, const std::string& endpoint,
                                             cri::ContainerRuntime& runtime) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Fail(Reason::kNotFound, std::strerror(errno));
  auto imported = cri::ImportImages(endpoint, runtime, file, /*pinned=*/true);
  close(file);
  return imported;
}

}  // namespace

Result<std::unique_ptr<OwnRuntime>> OwnRuntime::Make(const Options& options) {
  const int lock = TRY(LockDirectory(options.directory));
  std::unique_ptr<OwnRuntime> runtime(new OwnRuntime(options, lock));
  runtime->containerd_ =
      TRY(EnsureContainerd({.directory = options.directory, .use_system = options.use_system}));
  for (const std::string& note : runtime->containerd_.notes) {
    Logger().Info("the machine limits containers", {{"note", note}});
  }
  runtime->LoadImages();
  return runtime;
}

OwnRuntime::~OwnRuntime() {
  Stop();
  close(lock_);
}

void OwnRuntime::LoadImages() {
  std::error_code error;
  std::set<std::string> archives;
  for (const auto& entry : fs::directory_iterator(options_.image_directory, error)) {
    if (entry.path().extension() == ".tar") archives.insert(entry.path());
  }
  if (archives.empty()) return;
  const auto runtime = cri::MakeGrpcRuntime({.endpoint = containerd_.endpoint});
  for (const std::string& path : archives) {
    const auto imported = Load(path, containerd_.endpoint, *runtime);
    if (!imported) {
      Logger().Error("images not loaded", {{"path", path}, {"error", imported.error().message}});
      continue;
    }
    for (const auto& image : *imported) Logger().Info("image loaded", {{"image", image.name}});
  }
}

void OwnRuntime::PrepareNetwork(NodeRouteLoop::Dependencies dependencies,
                                const std::string& node_name,
                                std::vector<std::string> cluster_cidrs) {
  if (!containerd_.is_ours) return;
  const bool has_ipv6 =
      std::any_of(cluster_cidrs.begin(), cluster_cidrs.end(),
                  [](const std::string& cidr) { return cidr.find(':') != std::string::npos; });
  const auto forwarding = EnableForwarding(ForwardingUndoPath(options_.directory), has_ipv6);
  if (!forwarding) {
    Logger().Error("pods cannot be routed", {{"error", forwarding.error().message}});
  }
  CniNetwork network;
  const auto uplink = FindUplink();
  if (uplink && *uplink) network.mtu = (*uplink)->mtu;
  network.ipam_directory = IpamDirectory(options_.directory);
  network.kept_ports = options_.kept_ports;
  // No node draws what goes to the Internet.
  if (cluster_cidrs.empty()) {
    cluster_cidrs = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};
  }
  network_ = std::make_unique<PodNetwork>(
      std::move(dependencies),
      PodNetwork::Options{
          .routes = {.node_name = node_name, .cluster_cidrs = std::move(cluster_cidrs)},
          .cni_directory = containerd_.cni_conf_directory,
          .network = network});
}

std::vector<int> OwnRuntime::kept_ports() const {
  return network_ == nullptr ? std::vector<int>() : options_.kept_ports;
}

void OwnRuntime::Start(NodeAgent& agent, const Clock& clock) {
  agent_ = &agent;
  if (network_) {
    network_->OnWritten([&agent] { agent.kubelet().RuntimeChanged(); });
    network_->Start(agent.executor());
  }
  if (!containerd_.is_ours) return;
  keeper_ = std::make_unique<ContainerdKeeper>(
      ContainerdOptions{.directory = options_.directory, .use_system = false}, agent.loops(), clock,
      [&agent] { agent.kubelet().RuntimeChanged(); });
  agent.executor().Add(*keeper_);
}

void OwnRuntime::Stop() {
  if (agent_ == nullptr) return;
  if (keeper_) {
    keeper_->Stop();
    agent_->executor().Remove(*keeper_);
    keeper_.reset();
  }
  if (network_) network_->Stop();
  agent_ = nullptr;
}

Result<> OwnRuntime::LeaveNothing(const std::string& kubelet_root, const std::string& cgroup_root) {
  if (!containerd_.is_ours) return {};
  const auto pods = RemoveNodePods({.directory = options_.directory,
                                    .kubelet_root = kubelet_root,
                                    .cgroups = {cgroup_root},
                                    .keep_data = true});
  const auto network = RemoveNodeNetwork(options_.directory);
  return !pods ? pods : network;
}

}  // namespace skiff::kubelet
