// skiff image load|ls: images of this machine's containerd, without a registry.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/flags.h"
#include "base/process.h"
#include "base/terminal.h"
#include "kubelet/containerd.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "skiff/cluster.h"
#include "skiff/cluster_choice.h"
#include "skiff/daemon.h"
#include "skiff/docker_program.h"
#include "skiff/host_facts.h"
#include "skiff/up.h"

namespace skiff {
namespace {

constexpr char kUsage[] = "usage: skiff image load FILE...|ls [flags]";
constexpr char kVerbs[] = R"(
Container images of a node that runs on this machine, without a registry.

  load FILE...  give it the images of these archives, as `docker save` writes them
  ls            list those that it has

)";

// One that was ended has taken its containerd along, and only what starts it would end another one.
// A node that runs may be about to start its own.
Result<> RequireRunning(const std::string& data_dir, const DataDirFact& found) {
  if (ReadPidFile(ContainerdPaths(data_dir).PidFile()) || RunningOn(data_dir)) return {};
  return Fail(Reason::kServiceUnavailable,
              fmt::format("the node of {} does not run, and its containerd with it: `skiff {}{}` "
                          "starts it",
                          data_dir, found.is_node ? "join" : "up", DataDirWords(data_dir)));
}

// A containerd is started for a node alone: nobody would end another one.
Result<> RequireNode(const std::string& data_dir) {
  const DataDirFact found = ReadDataDir(data_dir);
  if (found.simulated_nodes > 0) {
    return Fail(Reason::kInvalid,
                fmt::format("the nodes of {} are simulated: they have no images", data_dir));
  }
  if (found.has_mark) return RequireRunning(data_dir, found);
  return Fail(Reason::kNotFound,
              fmt::format("no node of this machine has its images in {}: `skiff up` first, or say "
                          "which one is meant with --data-dir",
                          data_dir));
}

int Load(const std::string& endpoint, const std::vector<std::string>& paths) {
  const auto runtime = cri::MakeGrpcRuntime({.endpoint = endpoint});
  for (const std::string& path : paths) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return Complain("cannot open " + path);
    const auto imported = cri::ImportImages(endpoint, *runtime, file);
    close(file);
    if (!imported) return Complain(path + ": " + imported.error().message);
    for (const auto& image : *imported) std::printf("loaded %s\n", image.name.c_str());
  }
  return 0;
}

int ListAll(const std::string& endpoint) {
  const auto images = cri::MakeGrpcRuntime({.endpoint = endpoint})->ListImages("");
  if (!images) return Complain(images.error().message);
  std::printf("%-44s  %-14s  %s\n", "IMAGE", "ID", "SIZE");
  for (const auto& image : *images) {
    const std::string id = image.id.substr(image.id.find(':') + 1, 12);
    for (const std::string& tag : image.repo_tags) {
      std::printf("%-44s  %-14s  %.1fMB\n", tag.c_str(), id.c_str(),
                  static_cast<double>(image.size_bytes) / 1e6);
    }
  }
  return 0;
}

}  // namespace

int ImageMain(const std::vector<std::string>& args) {
  if (IsAboutDocker(args)) return DockerImageMain(args);
  ClusterOptions options{.data_dir = "/var/lib/skiff"};
  KubeconfigWords named;
  std::string endpoint;
  std::vector<std::string> words;
  Flags flags("skiff image");
  flags.Add("data-dir", options.data_dir, "Where the cluster keeps everything.");
  AddKubeconfigFlags(flags, named);
  flags.Add("container-runtime-endpoint", endpoint, "The runtime, unix:///path.");
  if (const auto parsed = flags.Parse(args, &words); !parsed) {
    return Complain(parsed.error().message);
  }
  if (flags.help_asked()) {
    std::printf(
        "%s\n%s%s\nInto the nodes of a cluster that are containers of the Docker engine:\n\n%s",
        kUsage, Wrapped(kVerbs, TerminalWidth()).c_str(), flags.Help().c_str(),
        DockerImageHelp().c_str());
    return 0;
  }
  const std::string verb = words.empty() ? "" : words[0];
  if (verb != "load" && verb != "import" && verb != "ls") {
    return RefuseVerb(verb, {"load", "ls"}, kUsage);
  }
  if (verb != "ls" && words.size() == 1) {
    return Complain(std::string("which image is to be loaded? ") + kUsage);
  }
  if (endpoint.empty()) {
    if (const auto chosen = ChooseDataDir(flags, named, "skiff image " + verb, options); !chosen) {
      return Complain(chosen.error().message);
    }
    if (const auto checked = RequireNode(PathAsTyped(options.data_dir)); !checked) {
      return Complain(checked.error().message);
    }
  }
  const auto containerd = EnsureContainerd(
      {.endpoint = endpoint, .directory = PathAsTyped(options.data_dir), .use_system = false});
  if (!containerd) return Complain(containerd.error().message);
  if (verb == "ls") return ListAll(containerd->endpoint);
  return Load(containerd->endpoint, {words.begin() + 1, words.end()});
}

}  // namespace skiff
