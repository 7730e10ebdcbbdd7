#include "skiff/snapshot/fork.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "api/gen/core_v1.h"
#include "api/values.h"
#include "apiserver/auth/pki.h"
#include "base/flags.h"
#include "base/folders.h"
#include "base/shell_word.h"
#include "client/client.h"
#include "client/kubeconfig.h"
#include "skiff/daemon.h"
#include "skiff/free_port.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/secrets_encryption.h"
#include "skiff/snapshot/store_copy.h"
#include "skiff/up.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kForkMark[] = "/fork.json";
constexpr size_t kNameMax = 40;

Result<> CheckName(const std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  const bool fits = !name.empty() && name.size() <= kNameMax && name.front() != '-' &&
                    name.back() != '-' && name.find_first_not_of(kLetters) == std::string::npos;
  if (fits) return {};
  return Fail(Reason::kInvalid,
              fmt::format("\"{}\" is no name for a cluster: up to {} lower case letters, digits "
                          "and dashes, which begins and ends with a letter or digit",
                          name, kNameMax));
}

// What the fork is, of its own and of the other cluster's mark.
Result<ClusterOptions> OptionsOf(const ForkOptions& options) {
  if (!HasClusterMark(options.data_dir)) {
    return Fail(Reason::kNotFound,
                fmt::format("{} holds no cluster that `skiff up` made; which one is meant says "
                            "--data-dir",
                            options.data_dir));
  }
  ClusterOptions fork{.data_dir = options.data_dir};
  ReadClusterMark(fork);
  fork.start_flags.clear();  // It is started by others.
  if (fork.simulated_nodes == 0 && options.nodes == 0) {
    return Fail(Reason::kInvalid,
                fmt::format("the node of {} runs containers, and a machine has one such cluster "
                            "(its services are one set of rules): --nodes=N simulates so many "
                            "nodes for the fork",
                            options.data_dir));
  }
  if (options.nodes > 0) fork.simulated_nodes = options.nodes;
  fork.data_dir = ForkDirectory(options.data_dir, options.name);
  const DataDirFact found = ReadDataDir(fork.data_dir);
  if (found.is_file || !found.empty) {
    return Fail(Reason::kAlreadyExists,
                fmt::format("{} is there already: choose another name, or remove it with `skiff "
                            "down --data-dir={}`",
                            fork.data_dir, ShellWord(fork.data_dir)));
  }
  fork.secure_port = options.secure_port;
  if (fork.secure_port == 0) fork.secure_port = TRY(NextFreePort());
  return fork;
}

Result<> CopyInto(const ForkOptions& options, const ClusterOptions& fork) {
  const std::string aside = fs::path(fork.data_dir).parent_path();
  auto copy = TRY(StoreCopy::Take(options.data_dir, options.kubeconfig, aside));
  const SnapshotFacts facts = TRY(copy.Facts(options.data_dir));
  std::error_code error = MakeDataDir(fork.data_dir);
  if (!error) error = MakePrivateFolder(fork.data_dir + "/pki");
  if (error) {
    return Fail(Reason::kForbidden, fmt::format("{}: {}", fork.data_dir, error.message()));
  }
  TRY(copy.MoveTo(fork.data_dir + "/store"));
  for (const std::string& name : IdentityFiles(options.data_dir)) {
    const std::string text = TRY(ReadWholeFile(options.data_dir + "/" + name));
    TRY(WriteWholeFile(fork.data_dir + "/" + name, text, 0600));
  }
  TRY(CopyEncryptionConfig(options.data_dir, fork.data_dir));
  TRY(WriteClusterMark(fork));
  const Json mark = {{"of", options.data_dir},
                     {"revision", facts.revision.value},
                     {"created", Time(facts.created).Rfc3339()}};
  return WriteWholeFile(fork.data_dir + kForkMark, mark.dump() + "\n", 0644);
}

// Nobody speaks for the nodes that ran containers: without them their pods go to the others.
Result<> RemoveForeignNodes(const ClusterOptions& fork) {
  const Kubeconfig config = TRY(Kubeconfig::Load(AdminKubeconfigPath(fork)));
  const HttpsOptions options = TRY(config.Options());
  const auto transport = TRY(MakeHttpsTransport(options));
  Client client(*transport, "skiff-fork");
  for (const auto& node : TRY(client.List<core_v1::Node>())) {
    if (node->status.node_info.container_runtime_version.starts_with("fake://")) continue;
    const auto gone = client.Delete(*node);
    if (!gone && gone.error().reason != Reason::kNotFound) return Fail(gone.error());
  }
  return {};
}

}  // namespace

std::string ForkDirectory(const std::string& data_dir, const std::string& name) {
  std::string directory = data_dir;
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  return directory + "-" + name;
}

std::vector<std::string> ForkArguments(const ClusterOptions& fork,
                                       const std::vector<std::string>& arguments) {
  static const std::set<std::string> kOwn = {
      "data-dir",     "secure-port",     "nodes",     "service-cluster-ip-range",
      "cluster-cidr", "cluster-dns",     "join-file", "bootstrap-token",
      "foreground",   "merge-kubeconfig"};
  UpFlags meant;
  Flags flags("skiff up");
  AddUpFlags(flags, meant);
  (void)flags.Parse(arguments);  // The other runs with them.
  std::vector<std::string> result = {
      "--data-dir=" + fork.data_dir,
      fmt::format("--secure-port={}", fork.secure_port),
      fmt::format("--nodes={}", fork.simulated_nodes),
      "--service-cluster-ip-range=" + fork.service_cidr,
      "--cluster-cidr=" + fork.cluster_cidr,
      "--cluster-dns=" + fork.cluster_dns,
  };
  for (const auto& [name, value] : flags.given()) {
    if (kOwn.contains(name) || IsOfRealNodes(name)) continue;
    result.push_back(fmt::format("--{}={}", name, value));
  }
  return result;
}

Result<int> Fork(const ForkOptions& options) {
  TRY(CheckName(options.name));
  const ClusterOptions fork = TRY(OptionsOf(options));
  ClusterOptions other{.data_dir = options.data_dir};
  ReadClusterMark(other);
  const auto daemon = DaemonOf(options.data_dir);
  const auto arguments =
      ForkArguments(fork, daemon ? ArgumentsOfDaemon(*daemon) : std::vector<std::string>());
  const auto remove = [&] {
    std::error_code ignored;
    fs::remove_all(fork.data_dir, ignored);
  };
  if (const auto copied = CopyInto(options, fork); !copied) {
    remove();
    return Fail(copied.error());
  }
  if (const int code = UpMain(arguments); code != 0) {
    remove();
    return code;
  }
  if (other.simulated_nodes == 0) TRY(RemoveForeignNodes(fork));
  return 0;
}

namespace {

// "" of what is no short file of this user's: in a folder where others write as well it may be
// anything.
std::string OwnFile(const std::string& path) {
  constexpr size_t kBytesMax = 16 << 10;
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return "";
  struct stat known {};
  std::string text;
  const bool is_own = ::fstat(file, &known) == 0 && S_ISREG(known.st_mode) &&
                      known.st_uid == ::geteuid() && known.st_size <= off_t{kBytesMax};
  if (is_own) {
    text.resize(static_cast<size_t>(known.st_size));
    const ssize_t count = ::read(file, text.data(), text.size());
    text.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  ::close(file);
  return text;
}

}  // namespace

std::vector<ForkedFrom> ForksOf(const std::string& data_dir) {
  std::vector<ForkedFrom> forks;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(data_dir).parent_path(), error)) {
    const std::string text = OwnFile(entry.path().string() + kForkMark);
    const Json mark = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    const auto of = mark.is_object() ? mark.find("of") : mark.end();
    if (of == mark.end() || !of->is_string() || of->get<std::string>() != data_dir) continue;
    forks.push_back({data_dir, entry.path(), IsDataDirLocked(entry.path())});
  }
  std::sort(forks.begin(), forks.end(), [](const ForkedFrom& a, const ForkedFrom& b) {
    return a.fork_data_dir < b.fork_data_dir;
  });
  return forks;
}

}  // namespace skiff
