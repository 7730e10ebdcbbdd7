#include "kubelet/containerd_config.h"

#include <fmt/format.h>

#include "kubelet/cri_grpc.h"

namespace skiff {
namespace {

// A basic string of TOML.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string ContainerdConfigText(const ContainerdConfig& config) {
  // CRI's options stand in a table of a long name.
  const std::string cri = R"([plugins."io.containerd.grpc.v1.cri")";
  return fmt::format(
      R"(# Written by skiff at each start.
version = 2
root = {root}
state = {state}
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = {socket}
  max_send_message_size = {answer_bytes_max}
[ttrpc]
  address = {ttrpc}

{cri}]
  sandbox_image = {sandbox_image}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  systemd_cgroup = false
  disable_apparmor = {no_app_armor}
  restrict_oom_score_adj = {restrict_oom}
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
{cri}.containerd]
  snapshotter = {snapshotter}
{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
{cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
  BinaryName = {runc}
  Root = {runc_root}
{cri}.cni]
  bin_dir = {cni_bin}
  conf_dir = {cni_conf}
{cri}.registry]
  config_path = {registry}
)",
      fmt::arg("cri", cri), fmt::arg("root", Quoted(config.directory + "/root")),
      fmt::arg("state", Quoted(config.directory + "/run")),
      fmt::arg("socket", Quoted(config.Socket())), fmt::arg("answer_bytes_max", cri::kListBytesMax),
      fmt::arg("ttrpc", Quoted(config.Socket() + ".ttrpc")),
      fmt::arg("sandbox_image", Quoted(config.sandbox_image)),
      fmt::arg("restrict_oom", config.restrict_oom_score_adj),
      fmt::arg("no_app_armor", !config.app_armor),
      fmt::arg("snapshotter", Quoted(config.snapshotter)), fmt::arg("runc", Quoted(config.runc)),
      fmt::arg("runc_root", Quoted(config.directory + "/run/runc")),
      fmt::arg("cni_bin", Quoted(config.cni_bin)),
      fmt::arg("cni_conf", Quoted(config.CniConfDirectory())),
      fmt::arg("registry", Quoted(config.directory + "/certs.d")));
}

}  // namespace skiff
