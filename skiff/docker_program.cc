#include "skiff/docker_program.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/flags.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "client/kubeconfig.h"
#include "skiff/chaos/program.h"
#include "skiff/cluster_choice.h"
#include "skiff/daemon.h"
#include "skiff/docker_cluster.h"
#include "skiff/given_flags.h"
#include "skiff/kubeconfig_entry.h"
#include "skiff/progress.h"

namespace skiff {
namespace {

std::string Home() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  const passwd* user = getpwuid(geteuid());
  return user == nullptr ? "/root" : user->pw_dir;
}

std::string PathOfKubeconfig(const std::string& name) {
  return DockerKubeconfigDirectory() + "/" + name + ".kubeconfig";
}

std::string UsersKubeconfig() {
  return Home() + "/.kube/config";
}

// Takes the cluster out of the user's files, where another one may have the same name; folders of
// ours go when they are empty.
Result<> ForgetKubeconfig(const std::string& name) {
  std::error_code ignored;
  const std::filesystem::path path = PathOfKubeconfig(name);
  const auto removed = RemoveOwnEntry(UsersKubeconfig(), DockerContext(name), path);
  std::filesystem::remove(path, ignored);
  std::filesystem::remove(path.parent_path(), ignored);
  std::filesystem::remove(path.parent_path().parent_path(), ignored);
  if (!removed) return Fail(removed.error());
  return {};
}

// By its nodes, as anybody may have made it whose kubeconfig is not ours; while none runs, by ours.
std::string AuthorityOf(const std::string& name) {
  std::string authority = DockerAuthority(name);
  if (!authority.empty()) return authority;
  const auto config = LoadKubeconfig(PathOfKubeconfig(name), "", "");
  const auto server = config ? config->Options() : Result<HttpsOptions>(Fail(config.error()));
  return server ? server->certificate_authority : "";
}

// Of the servers' programs.
struct ProgramArguments {
  std::vector<std::string> api_server = {};
  std::vector<std::string> controller_manager = {};
  std::vector<std::string> scheduler = {};
};

struct DockerFlags {
  DockerOptions options;
  bool docker = false;
  bool merge_kubeconfig = false;
  bool secrets_encryption = false;
  ProgramArguments arguments;
};

// Unless they are given, a cluster that is there keeps its own.
struct Counts {
  int nodes = 1;
  int etcd = 0;
};

void AddNameFlags(Flags& flags, DockerFlags& to) {
  flags.SpeakPlainly();
  flags.Add("docker", to.docker, "The cluster's nodes are containers of the Docker engine.");
  flags.Add("name", to.options.name, "The name of the cluster.");
}

void AddStatusFlags(Flags& flags, DockerFlags& to) {
  to.options.name = "";
  flags.Add("docker", to.docker, "Of clusters whose nodes are containers of the Docker engine.");
  flags.Add("name", to.options.name, "Of this cluster alone.");
}

// True when the command line is done with: it was help, or wrong and said so in `code`.
bool ParseOrStop(Flags& flags, const std::vector<std::string>& args, int& code,
                 std::vector<std::string>* words = nullptr) {
  const auto parsed = flags.Parse(args, words);
  code = parsed ? 0 : Complain(parsed.error().message);
  if (parsed && flags.help_asked()) std::printf("%s", flags.Help().c_str());
  return !parsed || flags.help_asked();
}

void AddUpFlagsOf(Flags& flags, DockerFlags& to, Counts& counts) {
  AddNameFlags(flags, to);
  flags.Add("image", to.options.image, "The image of the nodes.");
  flags.Add("nodes", counts.nodes, "How many nodes, servers among them.");
  flags.Add(
      "etcd", counts.etcd,
      "How many members of an etcd the objects lie in, each a container of its own; the first "
      "so many nodes are servers over all of them, and another container leads to a server "
      "that lives. Without it there is one server, which keeps the objects itself.");
  flags.Add("etcd-image", to.options.etcd_image,
            "The image of the members, with /usr/local/bin/etcd.");
  flags.Add("secure-port", to.options.secure_port,
            "The port of the API, on the host's loopback and inside; by default 6443, or another "
            "where that is taken.");
  flags.Add("publish", to.options.published_ports,
            "Ports of the servers to publish, HOST:CONTAINER as docker's.");
  flags.Add("load-image", to.options.image_archives,
            "Images to load into every node: archives, or images of the engine.");
  flags.Add("server-arg", to.options.server_arguments,
            "A further flag of the servers' skiff up. Where there are other nodes servers run no "
            "pods, unless --register-with-taints= is among them.");
  flags.Add("secrets-encryption", to.secrets_encryption,
            "Keep Secrets encrypted, by a key that the server makes in its volume.");
  ProgramArguments& arguments = to.arguments;
  const auto help = [](const std::string& program) {
    return "NAME=VALUE, a flag of " + program +
           ", as for skiff up; again for each. Files by their paths in the nodes.";
  };
  flags.AddEach("kube-apiserver-arg", arguments.api_server, help("kube-apiserver"));
  flags.AddEach("kube-controller-manager-arg", arguments.controller_manager,
                help("kube-controller-manager"));
  flags.AddEach("kube-scheduler-arg", arguments.scheduler, help("kube-scheduler"));
  flags.Add("merge-kubeconfig", to.merge_kubeconfig,
            "Also put the cluster into ~/.kube/config and make it the current one.");
}

void TakeGiven(const Flags& flags, const Counts& counts, DockerOptions& to) {
  for (const auto& [name, value] : flags.given()) {
    if (name == "nodes") to.nodes = counts.nodes;
    if (name == "etcd") to.etcd_members = counts.etcd;
    if (name == "image") to.image_is_asked = true;
    if (name == "etcd-image") to.etcd_image_is_asked = true;
  }
}

// What the servers' skiff up is told of it.
Result<> PassOn(const DockerFlags& flags, std::vector<std::string>& arguments) {
  if (flags.secrets_encryption && flags.options.etcd_members) {
    return Fail(Reason::kInvalid,
                "--secrets-encryption: each server makes a key, and those over an etcd need one: "
                "put an EncryptionConfiguration into the image of the nodes, and name it by "
                "--server-arg=--encryption-provider-config=/FILE");
  }
  if (flags.secrets_encryption) arguments.push_back("--secrets-encryption");
  const ProgramArguments& given = flags.arguments;
  for (const auto& [program, list] : {std::pair("apiserver", &given.api_server),
                                      std::pair("controller-manager", &given.controller_manager),
                                      std::pair("scheduler", &given.scheduler)}) {
    for (const std::string& each : *list) {
      arguments.push_back(std::string("--kube-") + program + "-arg=" + each);
    }
  }
  return {};
}

// Whoever names no cluster, but has the kubeconfig of another one, may mean that.
Result<> RequireMeant(const Flags& flags, const std::string& name) {
  const std::string directory = DockerKubeconfigDirectory();
  const std::string missing = MissingKubeconfig();
  if (!IsGiven(flags, "name") && !missing.empty() &&
      missing != fmt::format("{}/{}.kubeconfig", directory, name)) {
    return Fail(Reason::kNotFound,
                fmt::format("KUBECONFIG names {}, which does not exist, and no --name says that "
                            "\"{}\" is meant: --name={}, or unset KUBECONFIG",
                            missing, name, name));
  }
  const std::string named = DockerClusterOfVariable(directory);
  if (IsGiven(flags, "name") || named.empty() || named == name) return {};
  return Fail(Reason::kConflict,
              fmt::format("KUBECONFIG names the cluster \"{0}\" in Docker, and no --name says that "
                          "\"{1}\" is meant: --name={0}, or --name={1}",
                          named, name));
}

}  // namespace

std::string DockerKubeconfigDirectory() {
  return Home() + "/.local/share/skiff/docker";
}

Result<DockerOptions> DockerOptionsOf(const std::vector<std::string>& args) {
  DockerFlags to;
  Counts counts;
  Flags flags("skiff up --docker");
  AddUpFlagsOf(flags, to, counts);
  TRY(flags.Parse(args));
  TakeGiven(flags, counts, to.options);
  TRY(PassOn(to, to.options.server_arguments));
  return to.options;
}

bool IsAboutDocker(const std::vector<std::string>& args) {
  return std::any_of(args.begin(), args.end(), [](const std::string& arg) {
    return arg == "--docker" || (arg.starts_with("--docker=") && arg != "--docker=false");
  });
}

std::string DockerUpHelp() {
  DockerFlags to;
  Counts counts;
  Flags flags("skiff up --docker");
  AddUpFlagsOf(flags, to, counts);
  return flags.Help();
}

std::string DockerDownHelp() {
  DockerFlags to;
  Flags flags("skiff down --docker");
  AddNameFlags(flags, to);
  return flags.Help();
}

std::string DockerStatusHelp() {
  DockerFlags to;
  Flags flags("skiff status --docker");
  AddStatusFlags(flags, to);
  return flags.Help();
}

std::string DockerImageHelp() {
  DockerFlags to;
  Flags flags("skiff image load --docker");
  AddNameFlags(flags, to);
  return flags.Help();
}

std::string DockerHint(const std::vector<std::string>& args) {
  if (!DockerOptionsOf(args)) return "";
  return "\nwith --docker, by which nodes are containers, skiff up takes all of these flags";
}

int DockerUpMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Counts counts;
  Flags flags("skiff up --docker");
  AddUpFlagsOf(flags, to, counts);
  int code = 0;
  if (ParseOrStop(flags, args, code)) return code;
  const auto read = DockerOptionsOf(args);
  if (!read) return Complain(read.error().message);
  to.options = *read;
  to.options.kubeconfig_path = PathOfKubeconfig(to.options.name);
  if (to.merge_kubeconfig) {
    const auto free = RequireOwnOrFreeEntry(UsersKubeconfig(), DockerContext(to.options.name),
                                            to.options.kubeconfig_path);
    if (!free) return Complain(free.error().message);
  }
  std::printf("Cluster \"%s\" in Docker\n", to.options.name.c_str());
  std::fflush(stdout);  // Before an error, too.
  if (const auto up = DockerUp(to.options, &ShowProgress); !up) {
    return Complain(up.error().message);
  }
  if (to.merge_kubeconfig) {
    const auto config = Kubeconfig::Load(to.options.kubeconfig_path);
    if (!config) return Complain(config.error().message);
    if (const auto merged = PutIntoKubeconfigFile(UsersKubeconfig(), *config); !merged) {
      return Complain(merged.error().message);
    }
  }
  std::printf("The cluster is usable:\n  export KUBECONFIG=%s\n%s",
              ShellWord(to.options.kubeconfig_path).c_str(),
              Wrapped(NoteOfMissingKubeconfig(), TerminalWidth()).c_str());
  return 0;
}

int DockerDownMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Flags flags("skiff down --docker");
  AddNameFlags(flags, to);
  int code = 0;
  if (ParseOrStop(flags, args, code)) return code;
  const std::string& name = to.options.name;
  if (const auto meant = RequireMeant(flags, name); !meant) return Complain(meant.error().message);
  bool are_faults_over = true;
  const auto end_faults = [&] {
    are_faults_over = chaos::EndFaultsOf(AuthorityOf(name), &chaos::ShowEnded);
  };
  const auto down = DockerDown(name, &ShowProgress, end_faults);
  if (!down) return Complain(down.error().message);
  if (const auto forgotten = ForgetKubeconfig(name); !forgotten) {
    return Complain(forgotten.error().message);
  }
  if (!*down) {
    std::printf("There is no cluster \"%s\" in Docker.\n", name.c_str());
    return 0;
  }
  std::printf("Nothing of the cluster is left%s.\n",
              are_faults_over ? "" : " but what the note says");
  return are_faults_over ? 0 : 1;
}

int DockerStatusMain(const std::vector<std::string>& args) {
  DockerFlags to;
  Flags flags("skiff status --docker");
  AddStatusFlags(flags, to);
  int code = 0;
  if (ParseOrStop(flags, args, code)) return code;
  const auto status = DockerStatus(to.options.name);
  if (!status) return Complain(status.error().message);
  std::printf("%s", status->c_str());
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
    return Complain("usage: skiff image load --docker [--name=CLUSTER] FILE|IMAGE...");
  }
  const auto loaded = DockerLoadImages(to.options.name, {words.begin() + 1, words.end()},
                                       [](const std::string& line) {
                                         std::printf("%s\n", line.c_str());
                                         std::fflush(stdout);  // The next one may take its time.
                                       });
  return loaded ? 0 : Complain(loaded.error().message);
}

}  // namespace skiff
