#include "skiff/docker_program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/flags.h"
#include "client/kubeconfig.h"
#include "skiff/daemon.h"
#include "skiff/docker_cluster.h"

namespace skiff {
namespace {

void PrintProgress(const std::string& line) {
  std::printf("  %s\n", line.c_str());
  std::fflush(stdout);
}

std::string Home() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? "/root" : home;
}

// Everything about a cluster in Docker but its kubeconfig lies in the engine.
std::string KubeconfigPath(const std::string& name) {
  return Home() + "/.local/share/skiff/docker/" + name + ".kubeconfig";
}

struct DockerFlags {
  DockerOptions options;
  bool docker = false;
  bool merge_kubeconfig = false;
};

void AddNameFlags(Flags& flags, DockerFlags& to) {
  flags.Add("docker", to.docker, "The cluster's nodes are containers of the Docker engine.");
  flags.Add("name", to.options.name, "The name of the cluster.");
}

// True when the command line is done with: it was help, or wrong and said so in `code`.
bool ParseOrStop(Flags& flags, const std::vector<std::string>& args, int& code,
                 std::vector<std::string>* words = nullptr) {
  const auto parsed = flags.Parse(args, words);
  code = parsed ? 0 : Complain(parsed.error().message);
  if (parsed && flags.help_asked()) std::printf("%s", flags.Help().c_str());
  return !parsed || flags.help_asked();
}

}  // namespace

bool IsAboutDocker(const std::vector<std::string>& args) {
  return std::find(args.begin(), args.end(), "--docker") != args.end();
}

int DockerUpMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Flags flags("skiff up --docker");
  AddNameFlags(flags, to);
  flags.Add("image", to.options.image, "The image of the nodes.");
  flags.Add("nodes", to.options.nodes, "How many nodes, the server among them.");
  flags.Add("secure-port", to.options.secure_port,
            "The port of the API, on the host's loopback and inside.");
  flags.Add("publish", to.options.published_ports,
            "Ports of the server to publish, HOST:CONTAINER as docker's.");
  flags.Add("load-image", to.options.image_archives, "Image archives to load into every node.");
  flags.Add("server-arg", to.options.server_arguments, "A further flag of the server's skiff up.");
  flags.Add("merge-kubeconfig", to.merge_kubeconfig,
            "Also put the cluster into ~/.kube/config and make it the current one.");
  int code = 0;
  if (ParseOrStop(flags, args, code)) return code;
  to.options.kubeconfig_path = KubeconfigPath(to.options.name);
  if (const auto up = DockerUp(to.options, &PrintProgress); !up) {
    return Complain(up.error().message);
  }
  if (to.merge_kubeconfig) {
    const auto config = Kubeconfig::Load(to.options.kubeconfig_path);
    if (!config) return Complain(config.error().message);
    if (const auto merged = MergeIntoKubeconfigFile(Home() + "/.kube/config", *config); !merged) {
      return Complain(merged.error().message);
    }
  }
  std::printf("The cluster is usable:\n  export KUBECONFIG=%s\n",
              to.options.kubeconfig_path.c_str());
  return 0;
}

int DockerDownMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Flags flags("skiff down --docker");
  AddNameFlags(flags, to);
  int code = 0;
  if (ParseOrStop(flags, args, code)) return code;
  if (const auto down = DockerDown(to.options.name, &PrintProgress); !down) {
    return Complain(down.error().message);
  }
  std::remove(KubeconfigPath(to.options.name).c_str());
  std::printf("Nothing of the cluster is left.\n");
  return 0;
}

int DockerImageMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Flags flags("skiff image load --docker");
  AddNameFlags(flags, to);
  std::vector<std::string> words;
  int code = 0;
  if (ParseOrStop(flags, args, code, &words)) return code;
  if (words.size() < 2 || words[0] != "load") {
    return Complain("usage: skiff image load --docker [--name=CLUSTER] FILE...");
  }
  const auto loaded =
      DockerLoadImages(to.options.name, {words.begin() + 1, words.end()}, &PrintProgress);
  return loaded ? 0 : Complain(loaded.error().message);
}

}  // namespace skiff
