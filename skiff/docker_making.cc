#include "skiff/docker_making.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "api/text/patterns.h"
#include "base/process.h"

namespace skiff {
namespace {

constexpr Duration kNodeTimeout = 120s;
// Of what they are given, what they would not make themselves.
constexpr char kMemberKey[] = "/var/etcd/data/pki/member.key";
constexpr char kServerKey[] = "/var/lib/skiff/pki/apiserver-etcd-client.key";
constexpr char kAtOnce[] = "; somebody else makes this cluster at the same time";

// Says who has the port, when it was that, or the name.
Error ExplainRun(const Error& error) {
  if (error.message.find("is already in use by container") != error.message.npos) {
    return {Reason::kConflict, error.message + kAtOnce};
  }
  const std::string taken = TakenPortOf(error.message);
  if (taken.empty()) return error;
  const std::string port = taken.substr(taken.rfind(':') + 1);
  const auto holder =
      Docker({"ps", "--filter", "publish=" + port, "--format", "container {{.Names}}"});
  const auto names = LinesOf(holder.value_or(""));
  return {Reason::kConflict,
          fmt::format("port {} of this machine is taken by {}; end that, or choose another port "
                      "with --secure-port (the API's) or --publish",
                      taken, names.empty() ? "another program" : names.front())};
}

// Those of its lines that tell of its start, not of its log ("I1120 16:00:23.688 apiserver] ...");
// a note and a warning stay that.
void Report(const std::string& container, std::string_view line, const Progress& progress) {
  const size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return;
  line.remove_prefix(begin);
  if (!PatternMatches("^[IWEF][0-9]{4} ", line)) {
    std::string_view kept;
    for (const std::string_view prefix : {"note: ", "warning: "}) {
      if (line.starts_with(prefix)) kept = prefix;
    }
    line.remove_prefix(kept.size());
    progress(fmt::format("{}{}: {}", kept, container, line));
  }
}

}  // namespace

// An address that the kernel forgets with the process; a file would have to be removed by somebody.
Result<DockerTurn> DockerTurn::Take(const std::string& cluster) {
  DockerTurn turn(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (turn.file_ < 0) return Fail(Reason::kInternalError, "no socket can be made");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("skiff-docker-{}-{}", getuid(), cluster);
  // The first byte stays 0: it is not a path.
  const size_t length = std::min(name.size(), sizeof(address.sun_path) - 1);
  std::memcpy(address.sun_path + 1, name.data(), length);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  if (bind(turn.file_, reinterpret_cast<const sockaddr*>(&address), size) == 0) return turn;
  return Fail(Refusal(errno, cluster));
}

Error DockerTurn::Refusal(int number, const std::string& cluster) {
  if (number != EADDRINUSE) {
    return {Reason::kInternalError,
            fmt::format("whether another skiff makes the cluster \"{}\" cannot be known: bind: {}",
                        cluster, std::strerror(number))};
  }
  return {Reason::kConflict,
          fmt::format("another skiff is making or removing the cluster \"{}\"; wait until it has "
                      "ended, and try again",
                      cluster)};
}

DockerTurn::DockerTurn(DockerTurn&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

DockerTurn::~DockerTurn() {
  if (file_ >= 0) close(file_);
}

Result<> DockerMaking::AddNetwork() {
  if (before_.networks.contains(options_.name)) return {};
  TRY(Docker({"network", "create", "--label", DockerLabel(options_.name), options_.name}));
  made_.networks.insert(options_.name);
  return {};
}

// The engine takes a volume for made that is there, and no container uses it yet perhaps: whose it
// is says a label, which does not change.
Result<> DockerMaking::AddVolume(const std::string& name, const std::vector<std::string>& labels) {
  std::vector<std::string> create = {"volume",  "create",
                                     "--label", DockerLabel(options_.name),
                                     "--label", fmt::format("{}={}", kDockerMakerLabel, maker_)};
  for (const std::string& label : labels) create.insert(create.end(), {"--label", label});
  create.push_back(name);
  TRY(Docker(std::move(create)));
  if (TRY(LabelOfVolume(name, kDockerMakerLabel)) == maker_) {
    made_.volumes.insert(name);
  } else if (!before_.volumes.contains(name)) {
    return Fail(Reason::kConflict, fmt::format("the volume {} is there by now{}", name, kAtOnce));
  }
  return {};
}

Result<> DockerMaking::WriteSettings() {
  const std::string name = DockerSettingsName(options_.name);
  const std::string text = DockerSettingsText(options_);
  if (before_.volumes.contains(name)) {
    const auto written = before_.settings.find(name);
    if (written != before_.settings.end() && written->second == text) return {};
    TRY(Docker({"volume", "rm", name}));
  }
  return AddVolume(name, {SettingsLabel()});
}

std::string DockerMaking::SettingsLabel() const {
  return fmt::format("{}={}", kDockerSettingsLabel, DockerSettingsText(options_));
}

// Keys are given between the container's making and its start. Who was ended there leaves one that
// makes keys of its own, or none, and would be no part of the cluster.
Result<> DockerMaking::CheckKeys(const std::string& name, const char* key) const {
  const auto read = Docker({"cp", name + ":" + key, "-"});
  if (read) return {};
  if (!PatternMatches("[Cc]ould not find the file|[Nn]o such", read.error().message)) {
    return Fail(read.error());
  }
  return Fail(Reason::kConflict,
              fmt::format("{} has no keys: an up was ended before it gave them, so this cluster "
                          "has never been whole; remove it by skiff down --docker --name={}, and "
                          "start again",
                          name, options_.name));
}

Result<> DockerMaking::Run(const std::string& name, const std::vector<std::string>& create,
                           const std::optional<Given>& given, const char* has) {
  if (const auto made = Docker(create); !made) return Fail(ExplainRun(made.error()));
  made_.containers.insert(name);
  if (has != nullptr) TRY(CheckKeys(name, has));
  if (given) TRY(Docker({"cp", given->from + "/.", name + ":" + given->to}));
  if (const auto run = Docker({"start", name}); !run) return Fail(ExplainRun(run.error()));
  return {};
}

Result<> DockerMaking::RunWithVolume(const std::string& name,
                                     const std::vector<std::string>& create,
                                     std::vector<std::string> labels,
                                     const std::optional<Given>& given, const char* has) {
  labels.push_back(fmt::format("{}={}", kDockerPortLabel, options_.secure_port));
  TRY(AddVolume(name, labels));
  return Run(name, create, given, has);
}

// Follows a node's own report until it is usable.
Result<> DockerMaking::WaitUntilUsable(const std::string& container) const {
  std::string error;
  bool usable = false;
  // Not what it said when it was started before.
  const auto started =
      LinesOf(TRY(Docker({"inspect", "--format", "{{.State.StartedAt}}", container})));
  const auto followed = RunProcess({.argv = {"docker", "logs", "--follow", "--since",
                                             started.empty() ? "0" : started.front(), container},
                                    .timeout = kNodeTimeout,
                                    .on_line = [&](std::string_view line) {
                                      usable = line == "usable";
                                      if (line.starts_with("error: ")) error = line.substr(7);
                                      if (!usable) Report(container, line, progress_);
                                      return !usable && error.empty();
                                    }});
  if (usable) return {};
  if (!error.empty()) return Fail(Reason::kInternalError, container + ": " + error);
  if (!followed) return Fail(followed.error());
  // It may be removed now, and its log with it.
  const auto last = RunProcess({.argv = {"docker", "logs", "--tail", "3", container}});
  return Fail(Reason::kInternalError,
              fmt::format("{} ended: {}", container, last ? last->out + last->err : ""));
}

Result<> DockerMaking::Start(const std::vector<DockerNode>& containers, const char* role) const {
  for (const DockerNode& container : containers) {
    if (container.role != role) continue;
    if (options_.etcd_members && container.state == "created") {
      if (container.role == kDockerEtcdRole) TRY(CheckKeys(container.name, kMemberKey));
      if (container.role == kDockerServerRole) TRY(CheckKeys(container.name, kServerKey));
    }
    progress_("starting " + container.name);
    if (const auto started = Docker({"start", container.name}); !started) {
      return Fail(ExplainRun(started.error()));
    }
  }
  return {};
}

Result<> DockerMaking::AddMembers(const std::set<int>& numbers, const DockerFiles* files,
                                  bool with_keys) {
  for (const int number : numbers) {
    progress_(fmt::format("starting member {} of {} of etcd", number, *options_.etcd_members));
    std::optional<Given> given;
    if (with_keys) given = {files->OfMember(number), kMemberKeys};
    TRY(RunWithVolume(DockerEtcdName(options_.name, number), DockerEtcdCommand(options_, number),
                      {SettingsLabel()}, given, with_keys ? nullptr : kMemberKey));
  }
  return {};
}

Result<> DockerMaking::AddServers(const std::set<int>& numbers, const DockerFiles* files,
                                  bool with_keys) {
  std::optional<Given> given;
  if (with_keys) given = {files->OfServers(), "/var/lib/skiff"};
  for (const int number : numbers) {
    progress_(fmt::format("starting node {} of {}", number, options_.nodes.value_or(1)));
    const std::string name = DockerServerName(options_.name, number);
    const bool has_keys = options_.etcd_members && !with_keys;
    TRY(RunWithVolume(name, DockerServerCommand(options_, number), {SettingsLabel()}, given,
                      has_keys ? kServerKey : nullptr));
    // By itself: it writes what all clusters begin with.
    if (number == 1) TRY(WaitUntilUsable(name));
  }
  for (const int number : numbers) {
    if (number != 1) TRY(WaitUntilUsable(DockerServerName(options_.name, number)));
  }
  return {};
}

Result<> DockerMaking::AddAgents(const std::set<int>& numbers) {
  if (numbers.empty()) return {};
  const std::string server = DockerServerName(options_.name);
  const std::string endpoint = options_.etcd_members ? DockerBalancerName(options_.name) : server;
  const std::string printed =
      TRY(Docker({"exec", server, "skiff", "token", "create", "--ttl=1h", "--print-join-command"}));
  const auto join = JoinArguments(printed, fmt::format("{}:{}", endpoint, options_.secure_port));
  if (join.empty()) {
    return Fail(Reason::kInternalError, server + " printed no join command: " + printed);
  }
  const int servers = DockerServers(options_);
  for (const int number : numbers) {
    progress_(fmt::format("starting node {} of {}", servers + number, options_.nodes.value_or(1)));
    TRY(RunWithVolume(DockerAgentName(options_.name, number),
                      DockerAgentCommand(options_, number, join), {}));
  }
  for (const int number : numbers) {
    TRY(WaitUntilUsable(DockerAgentName(options_.name, number)));
  }
  return {};
}

Result<> DockerMaking::Bring(const std::vector<DockerNode>& containers,
                             const DockerMissing& missing) {
  const int members = options_.etcd_members.value_or(0);
  const bool anew = !before_.volumes.contains(DockerServerName(options_.name));
  const bool with_keys = members > 0 && anew;  // The others have theirs in their volumes.
  TRY(AddNetwork());
  if (anew) TRY(WriteSettings());
  std::optional<DockerFiles> files;
  if (members > 0 && missing.any()) files.emplace(TRY(DockerFiles::Make(options_, with_keys)));
  const DockerFiles* const given = files ? &*files : nullptr;
  TRY(Start(containers, kDockerEtcdRole));
  TRY(AddMembers(missing.members, given, with_keys));
  TRY(Start(containers, kDockerServerRole));
  TRY(AddServers(missing.servers, given, with_keys));
  TRY(Start(containers, kDockerAgentRole));
  TRY(Start(containers, kDockerBalancerRole));
  if (missing.balancer) {
    TRY(Run(DockerBalancerName(options_.name), DockerBalancerCommand(options_),
            Given{given->OfBalancer(), kBalancerDirectory}));
  }
  for (const DockerNode& container : containers) {
    if (container.is_node()) TRY(WaitUntilUsable(container.name));
  }
  TRY(AddAgents(missing.agents));
  if (anew) return {};
  // Members that an older skiff made stay known by having none.
  const bool known = !DockerSettingsOf(options_.name, before_).empty();
  if (members > 0 && !known) return {};
  // What was said anew could be done; or they are gone.
  const bool gone = known && !before_.settings.contains(DockerSettingsName(options_.name));
  return gone || !missing.servers.empty() ? WriteSettings() : Result<>();
}

Error DockerMaking::Undo(Error why) const {
  std::string left;
  const auto remove = [&](std::vector<std::string> command) {
    const auto removed = Docker(std::move(command));
    // What another one uses meanwhile is his.
    if (removed || PatternMatches("in use|active endpoints", removed.error().message)) return;
    left += (left.empty() ? "" : "; ") + removed.error().message;
  };
  progress_("removing what was made");
  for (const std::string& name : made_.containers) remove({"rm", "--force", "--volumes", name});
  for (const std::string& name : made_.volumes) remove({"volume", "rm", name});
  for (const std::string& name : made_.networks) remove({"network", "rm", name});
  if (!left.empty()) why.message += "; and what was made could not be removed: " + left;
  return why;
}

Result<bool> RemoveDockerCluster(const std::string& cluster, const Progress& progress) {
  std::vector<std::string> remove = {"rm", "--force", "--volumes"};
  const size_t none = remove.size();
  for (const DockerNode& container : TRY(DockerNodes(cluster))) {
    progress("removing " + container.name);
    remove.push_back(container.name);
  }
  bool any = remove.size() > none;
  if (any) TRY(Docker(std::move(remove)));
  const DockerParts left = TRY(DockerPartsOf(cluster));
  for (const std::string& volume : left.volumes) {
    TRY(Docker({"volume", "rm", "--force", volume}));
    any = true;
  }
  for (const std::string& network : left.networks) {
    TRY(Docker({"network", "rm", network}));
    any = true;
  }
  return any;
}

}  // namespace skiff
