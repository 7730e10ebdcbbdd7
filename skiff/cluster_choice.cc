#include "skiff/cluster_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <sstream>
#include <string_view>

#include "apiserver/auth/pki.h"
#include "base/certificates.h"
#include "base/shell_word.h"
#include "client/kubeconfig.h"
#include "skiff/daemon.h"
#include "skiff/docker_program.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/kubeconfig_entry.h"
#include "skiff/node_certificates.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKubeconfigSuffix = ".kubeconfig";

// Written anew, as they may stand in files with other spaces; what is none stays as it is.
std::string CertificatesOf(const std::string& pem) {
  std::string written;
  for (const std::string& certificate : SplitCertificates(pem)) written += certificate;
  return written.empty() ? pem : written;
}

std::string AuthorityOf(const Kubeconfig::Cluster& cluster) {
  const std::string& data = cluster.certificate_authority_data;
  if (!data.empty()) return CertificatesOf(data);
  return CertificatesOf(ReadWholeFile(cluster.certificate_authority).value_or(""));
}

// "6443" of "https://127.0.0.1:6443/"
std::string PortOf(std::string_view server) {
  while (server.ends_with('/')) server.remove_suffix(1);
  const size_t colon = server.rfind(':');
  return std::string(colon == server.npos ? "" : server.substr(colon + 1));
}

// A server has several addresses; who copies its cluster (`snapshot fork`) copies its authority,
// but not its port.
bool IsSame(const Kubeconfig::Cluster& one, const Kubeconfig::Cluster& other) {
  const std::string authority = AuthorityOf(one);
  if (authority != AuthorityOf(other)) return false;
  if (authority.empty()) return one.server == other.server;
  return PortOf(one.server) == PortOf(other.server);
}

bool Names(const std::string& kubeconfig, const Kubeconfig::Cluster& wanted) {
  const auto own = Kubeconfig::Load(kubeconfig);
  const Kubeconfig::Cluster* cluster = own ? ClusterNamedBy(*own) : nullptr;
  return cluster != nullptr && IsSame(*cluster, wanted);
}

bool Keeps(const std::string& directory, const Kubeconfig::Cluster& wanted) {
  return Names(AdminKubeconfigPath({.data_dir = directory}), wanted);
}

// Of a machine that has joined the cluster.
bool IsNodeOf(const std::string& directory, const Kubeconfig::Cluster& wanted) {
  const auto node = LoadNodeIdentity(directory);
  return node && !node->authority_pem.empty() &&
         CertificatesOf(node->authority_pem) == AuthorityOf(wanted);
}

// Of the daemons that run on this machine, as far as this user sees them.
std::vector<std::string> RunningDataDirs() {
  constexpr std::string_view kFlag = "--data-dir=";
  std::vector<std::string> directories;
  std::error_code unseen;
  for (const auto& entry : fs::directory_iterator("/proc", unseen)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || name.size() > 9) continue;
    std::string last;
    for (const std::string& word : ArgumentsOfDaemon({.pid = std::stoi(name)})) {
      if (word.starts_with(kFlag)) last = word.substr(kFlag.size());
    }
    if (last.starts_with('/') && HasClusterMark(last)) directories.push_back(std::move(last));
  }
  return directories;
}

// The files that the words are about.
std::vector<std::string> FilesOf(const KubeconfigWords& words) {
  if (!words.file.empty()) return {words.file};
  if (words.variable.empty()) return {words.home + "/.kube/config"};
  std::vector<std::string> files;
  std::istringstream paths(words.variable);
  for (std::string path; std::getline(paths, path, ':');) {
    if (!path.empty()) files.push_back(std::move(path));
  }
  return files;
}

// "" where none of them is kept on this machine. A snapshot that was restored is as what it was
// taken of: beside a file stands what it is about, and else what runs is meant. A file alone in a
// directory is a copy, whatever its name is: it may be of one that is kept elsewhere.
std::string KeptIn(const std::vector<std::string>& files, const std::string& cluster,
                   const Kubeconfig::Cluster& wanted, const std::string& usual) {
  const auto keeps = [&](const std::string& directory) { return Keeps(directory, wanted); };
  std::vector<std::string> alone;
  for (const std::string& file : files) {
    const std::string beside = fs::path(file).parent_path().string();
    const std::string directory = beside.empty() ? "." : beside;  // Of one that is named alone.
    if (keeps(directory) && HasClusterMark(directory)) return directory;
    alone.push_back(directory);
  }
  std::vector<std::string> others = {usual};
  if (const std::string said = DataDirSaidIn(files, cluster); !said.empty()) {
    others.push_back(said);
  }
  for (std::string& running : RunningDataDirs()) others.push_back(std::move(running));
  std::move(alone.begin(), alone.end(), std::back_inserter(others));
  others.erase(std::remove_if(others.begin(), others.end(), std::not_fn(keeps)), others.end());
  const auto running = std::find_if(others.begin(), others.end(), &IsDataDirLocked);
  if (running != others.end()) return *running;
  return others.empty() ? "" : others.front();
}

// "" where it is none of those in Docker.
std::string DockerNameOf(const std::string& directory, const Kubeconfig::Cluster& wanted) {
  std::error_code unseen;
  for (const auto& entry : fs::directory_iterator(directory, unseen)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(kKubeconfigSuffix) || !Names(entry.path(), wanted)) continue;
    return name.substr(0, name.size() - kKubeconfigSuffix.size());
  }
  return "";
}

// "KUBECONFIG", as a sentence about it begins.
std::string Speaker(const KubeconfigWords& words) {
  if (!words.context.empty()) return "--context=" + words.context;
  return words.file.empty() ? "KUBECONFIG" : "--kubeconfig=" + words.file;
}

std::string WhyThatOne(const KubeconfigWords& words) {
  if (!words.context.empty() || !words.file.empty()) return Speaker(words) + " names it";
  if (words.variable.empty()) return "~/.kube/config names it";
  return fmt::format("KUBECONFIG={} names it", words.variable);
}

tl::unexpected<Error> KeptElsewhere(const KubeconfigWords& words, const std::string& server,
                                    const std::string& usual, const std::string& command,
                                    const std::string& in_docker) {
  const std::string says = Speaker(words);
  const bool is_variable = words.file.empty() && words.context.empty();
  if (!in_docker.empty() && (command == "skiff down" || command == "skiff status")) {
    return Fail(Reason::kNotFound,
                fmt::format("{} names the cluster \"{}\" in Docker: {} --docker --name={}", says,
                            in_docker, command, in_docker));
  }
  std::string what = fmt::format(
      "{} names the cluster at {}, which is kept neither beside that file nor in {}: say which "
      "cluster is meant with --data-dir{}",
      says, server, usual, is_variable ? ", or unset KUBECONFIG" : "");
  if (HasClusterMark(usual)) {
    what += fmt::format(" (`{} --data-dir={}` means the one in there)", command, ShellWord(usual));
  }
  return Fail(Reason::kNotFound, std::move(what));
}

// The first file, where whoever has named files has named none that is there; "" else. The one at
// home nobody has named.
std::string MissingFile(const KubeconfigWords& words) {
  if (words.file.empty() && words.variable.empty()) return "";
  const std::vector<std::string> files = FilesOf(words);
  const bool is_any = std::any_of(files.begin(), files.end(), [](const std::string& file) {
    std::error_code unknown;
    return fs::exists(file, unknown) || unknown;
  });
  return is_any || files.empty() ? "" : files.front();
}

// A file that is not there yet, or is lost, may still lie where a cluster is kept, which it would
// be about.
Result<ChosenCluster> ChooseByMissing(const KubeconfigWords& words, const std::string& file,
                                      const std::string& usual, const std::string& command) {
  const std::string beside = fs::path(file).parent_path().string();
  if (const std::string directory = beside.empty() ? "." : beside; HasClusterMark(directory)) {
    return ChosenCluster{directory, directory == usual ? "" : WhyThatOne(words)};
  }
  const bool is_variable = words.file.empty();
  std::string what = fmt::format(
      "{}={} names a file that does not exist: say which cluster is meant with --data-dir{}",
      is_variable ? "KUBECONFIG" : "--kubeconfig", is_variable ? words.variable : words.file,
      is_variable ? ", or unset KUBECONFIG" : "");
  if (HasClusterMark(usual)) {
    what += fmt::format(" (`{} --data-dir={}` means the one in there)", command, ShellWord(usual));
  }
  return Fail(Reason::kNotFound, std::move(what));
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

KubeconfigWords WordsOfEnvironment() {
  return {.file = "", .context = "", .variable = Variable("KUBECONFIG"), .home = Variable("HOME")};
}

}  // namespace

Result<ChosenCluster> ChooseCluster(const KubeconfigWords& words, const std::string& usual,
                                    const std::string& command) {
  const bool is_home = words.file.empty() && words.variable.empty();
  if (const std::string missing = MissingFile(words); !missing.empty()) {
    return ChooseByMissing(words, missing, usual, command);
  }
  const auto config = LoadKubeconfig(words.file, words.variable, words.home);
  // Whoever has said nothing is not kept from his cluster by a file that is not about it.
  if (!config && is_home && words.context.empty()) return ChosenCluster{usual, ""};
  if (!config) return Fail(config.error());
  if (!words.context.empty() && !config->contexts.contains(words.context)) {
    return Fail(Reason::kNotFound,
                fmt::format("context was not found for specified context: {}", words.context));
  }
  const Kubeconfig::Cluster* wanted = ClusterNamedBy(*config, words.context);
  if (wanted == nullptr || wanted->server.empty()) return ChosenCluster{usual, ""};
  const auto context =
      config->contexts.find(words.context.empty() ? config->current_context : words.context);
  std::string found = KeptIn(FilesOf(words), context->second.cluster, *wanted, usual);
  if (found.empty() && IsNodeOf(usual, *wanted)) found = usual;
  if (!found.empty()) return ChosenCluster{found, found == usual ? "" : WhyThatOne(words)};
  if (is_home && words.context.empty()) return ChosenCluster{usual, ""};
  // By what is damaged no cluster is known again.
  if (const auto whole = CheckCertificateData(*config, words.context); !whole) {
    const std::string of_none = is_home ? "~/.kube/config" : "KUBECONFIG=" + words.variable;
    return Fail(Reason::kInvalid, fmt::format("{}: {}", words.file.empty() ? of_none : words.file,
                                              whole.error().message));
  }
  return KeptElsewhere(words, wanted->server, usual, command,
                       DockerNameOf(DockerKubeconfigDirectory(), *wanted));
}

void AddKubeconfigFlags(Flags& flags, KubeconfigWords& to) {
  flags.Add("kubeconfig", to.file, "Of the cluster that this file names, in place of KUBECONFIG.");
  flags.Add("context", to.context, "Of the cluster of this context, in place of the current one.");
}

Result<std::string> ChooseDataDir(const Flags& flags, KubeconfigWords words,
                                  const std::string& command, ClusterOptions& options) {
  if (IsGiven(flags, "data-dir")) return std::string();
  const KubeconfigWords environment = WordsOfEnvironment();
  words.variable = environment.variable;
  words.home = environment.home;
  ChosenCluster chosen = TRY(ChooseCluster(words, options.data_dir, command));
  options.data_dir = std::move(chosen.data_dir);
  return std::move(chosen.because);
}

std::string DataDirToStart(const Flags& flags, ClusterOptions& options) {
  return ChooseDataDir(flags, {}, "skiff up", options).value_or("");
}

std::string StoppedText(const std::string& data_dir) {
  return fmt::format("The cluster of {} does not run: `{}` starts it.", data_dir,
                     UpCommandOf(data_dir));
}

std::string HowToStart(const std::string& kubeconfig, const std::string& context) {
  KubeconfigWords words = WordsOfEnvironment();
  words.file = kubeconfig;
  words.context = context;
  const auto chosen = ChooseCluster(words, DefaultDataDir(), "skiff up");
  const auto config = LoadKubeconfig(words.file, words.variable, words.home);
  if (!chosen || !config) return "";
  const std::string directory = PathAsTyped(chosen->data_dir);
  // One that is elsewhere is no reason to speak of the usual one.
  const Kubeconfig::Cluster* named = ClusterNamedBy(*config, context);
  const bool is_meant =
      named != nullptr ? Keeps(directory, *named) : words.file.empty() && words.variable.empty();
  const bool is_stopped =
      HasClusterMark(directory) && !LoadNodeIdentity(directory) && !IsDataDirLocked(directory);
  return is_meant && is_stopped ? StoppedText(directory) : "";
}

bool DoVerbsMean(const std::string& data_dir) {
  const KubeconfigWords words = WordsOfEnvironment();
  const auto config = LoadKubeconfig("", words.variable, words.home);
  if (!config) return false;
  if (const Kubeconfig::Cluster* named = ClusterNamedBy(*config)) return Keeps(data_dir, *named);
  const bool says_nothing =
      config->clusters.empty() && config->contexts.empty() && config->users.empty();
  return says_nothing && words.variable.empty() && data_dir == DefaultDataDir();
}

bool IsAnotherMeant(const std::string& usual) {
  const KubeconfigWords words = WordsOfEnvironment();
  if (const std::string missing = MissingFile(words); !missing.empty()) {
    const auto chosen = ChooseByMissing(words, missing, usual, "");
    return !chosen || PathAsTyped(chosen->data_dir) != usual;
  }
  const auto config = LoadKubeconfig("", words.variable, words.home);
  const Kubeconfig::Cluster* named = config ? ClusterNamedBy(*config) : nullptr;
  if (!config || named == nullptr || named->server.empty()) {
    return !config && !words.variable.empty();
  }
  const std::string& cluster = config->contexts.at(config->current_context).cluster;
  const std::string found = KeptIn(FilesOf(words), cluster, *named, usual);
  return found.empty() ? !words.variable.empty() : PathAsTyped(found) != usual;
}

std::string MissingKubeconfig() {
  return MissingFile(WordsOfEnvironment());
}

std::string NoteOfMissingKubeconfig() {
  const std::string missing = MissingKubeconfig();
  if (missing.empty()) return "";
  return fmt::format(
      "(KUBECONFIG names {}, which does not exist; nothing is written there, and "
      "kubectl and skiff's verbs find no cluster by it until that line is typed.)\n",
      missing);
}

std::string DockerClusterOfVariable(const std::string& directory) {
  const std::string variable = Variable("KUBECONFIG");
  if (variable.empty()) return "";
  const auto config = LoadKubeconfig("", variable, "");
  const Kubeconfig::Cluster* wanted = config ? ClusterNamedBy(*config) : nullptr;
  return wanted == nullptr ? "" : DockerNameOf(directory, *wanted);
}

}  // namespace skiff
