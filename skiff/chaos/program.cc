#include "skiff/chaos/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/did_you_mean.h"
#include "base/flags.h"
#include "base/id.h"
#include "base/terminal.h"
#include "client/kubeconfig.h"
#include "skiff/chaos/checks.h"
#include "skiff/chaos/ending.h"
#include "skiff/chaos/events.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/places.h"
#include "skiff/chaos/supervisor.h"
#include "skiff/daemon.h"
#include "skiff/host_facts.h"

namespace skiff::chaos {
namespace {

constexpr char kUsage[] =
    "usage: skiff chaos FAULT TARGET [TARGET] --for=30s\n"
    "       skiff chaos ls\n"
    "       skiff chaos stop [ID...]\n"
    "\n"
    "A target is node/NAME, pod/NAME with -n NAMESPACE, or pod/NAMESPACE/NAME.\n"
    "When the time is up, all is as it was.\n"
    "\n"
    "  netem TARGET [TARGET]      --delay, --jitter, --loss, --duplicate, --reorder,\n"
    "                             --rate of what the first one sends: to anybody, or\n"
    "                             to the second one\n"
    "  partition TARGET [TARGET]  nothing goes between it and all others, or the\n"
    "                             second one; --direction=out|in: one way alone\n"
    "  kill TARGET                a pod's containers, with --signal; a node, which\n"
    "                             comes back\n"
    "  pause TARGET               the processes of a pod or a node stand still\n"
    "  disk TARGET                a pod's emptyDir, or the disk of a node, is full\n"
    "  clock TARGET               --offset, --drift: a node's kubelet, or the processes\n"
    "                             of a pod, take another time for the right one\n"
    "  ls                         what is on, and for how long\n"
    "  stop [ID...]               ends these, or all, now\n"
    "\n"
    "skiff chaos FAULT --help lists the flags.\n";

struct Cluster {
  std::string kubeconfig;  // With everything that the supervisor needs to find it again.
  std::string authority;   // PEM; "": the system's, or nobody's.
  std::unique_ptr<Transport> transport;
};

constexpr char kRootsDirectory[] = "/run/skiff-chaos";

// Where records are. Who is not root can make clocks of own simulated nodes wrong; then below a
// directory that nobody else can have made.
const std::string& Directory() {
  static const std::string directory =
      geteuid() == 0 ? kRootsDirectory : DefaultDataDir() + "-chaos";
  return directory;
}

// The kubeconfig that is named, or kubectl's variable; "": neither is.
std::string NamedKubeconfig(const Request& request) {
  if (!request.kubeconfig.empty()) return PathAsTyped(request.kubeconfig);
  const char* variable = std::getenv("KUBECONFIG");
  const std::string list = variable == nullptr ? "" : variable;
  return list.empty() ? "" : PathAsTyped(list.substr(0, list.find(':')));
}

// Where a cluster or a node of this machine keeps everything: as is said; or beside that
// kubeconfig, as `skiff up` leaves it; or by default.
std::string DataDirOf(const Request& request) {
  if (!request.data_dir.empty()) return PathAsTyped(request.data_dir);
  const std::string named = NamedKubeconfig(request);
  if (named.empty()) return DefaultDataDir();
  const auto beside = std::filesystem::path(named).parent_path();
  std::error_code ignored;
  const bool is_ours = std::filesystem::exists(beside / kClockFaultsFile, ignored);
  return is_ours ? beside.string() : DefaultDataDir();
}

std::string KubeconfigOf(const Request& request) {
  if (const std::string named = NamedKubeconfig(request); !named.empty()) return named;
  const char* home = std::getenv("HOME");
  return UnnamedKubeconfig(request.data_dir, home == nullptr ? "/root" : home);
}

Result<Cluster> ConnectTo(const Request& request) {
  constexpr int kPatienceMs = 10000;
  Cluster cluster{.kubeconfig = KubeconfigOf(request), .authority = "", .transport = nullptr};
  const auto config = LoadKubeconfig(cluster.kubeconfig, "", "");
  auto server = config ? config->Options() : Result<HttpsOptions>(Fail(config.error()));
  if (!server || server->server.empty()) {
    return Fail(Reason::kNotFound,
                fmt::format("no cluster is known here ({}): name a kubeconfig with --kubeconfig (on "
                            "the server's machine: /var/lib/skiff/admin.kubeconfig)",
                            server ? "no server in " + cluster.kubeconfig
                                   : server.error().message));
  }
  server->request_timeout_ms = kPatienceMs;
  cluster.authority = server->certificate_authority;
  cluster.transport = TRY(MakeHttpsTransport(*server));
  return cluster;
}

core_v1::ObjectReference ReferenceOf(const Place& place) {
  core_v1::ObjectReference object;
  object.api_version = "v1";
  object.kind = place.target.is_node ? "Node" : "Pod";
  object.namespace_ = place.target.namespace_;
  object.name = place.target.name;
  object.uid = place.uid;
  return object;
}

// What there is to be known before anything is done.
Result<World> LookAround(const Request& request, const Cluster& cluster, Client& client,
                         std::vector<Record> records) {
  World world{.is_root = geteuid() == 0,
              .kubeconfig = cluster.kubeconfig,
              .authority = cluster.authority,
              .programs = {},
              .target = {}};
  for (const NeededProgram& program : ProgramsFor(request)) {
    if (FindProgram(program.name)) world.programs.insert(program.name);
  }
  world.target = TRY(FindPlace(client, request, request.target));
  if (request.peer) world.peer = TRY(FindPlace(client, request, *request.peer));
  if (request.fault == Fault::kDisk && world.target.is_here) {
    world.disk = ReadDisk(world.target.holder, world.target.directory);
  }
  if (request.fault == Fault::kClock && request.target.is_node) {
    const bool is_container = !world.target.docker.empty();
    world.clock = ReadClock(is_container ? world.target.holder : ProcessId{},
                            world.target.directory);
  }
  world.records = std::move(records);
  return world;
}

// Over at once: no record, nobody who holds it. Whether anybody can be told changes nothing.
void KillNow(const Request& request, const World& world, const Record& record) {
  // Of each container its first process, with which the others end.
  for (const std::string& group : world.target.groups) {
    const auto processes = ProcessesIn({group});
    if (!processes.empty()) SignalProcess(processes.front(), request.signal);
  }
  (void)TellOf(record, "ChaosStarted", WhatItIs(record));
  // Who looks at Events only would take it for one that goes on.
  (void)TellOf(record, "ChaosStopped", WhatItIs(record) + " is over");
}

Result<> Start(const Request& request) {
  const auto records = TRY(Records::Open(Directory()));
  auto others = TRY(Sweep(Directory(), records));
  const Cluster cluster = TRY(ConnectTo(request));
  Client client(*cluster.transport, "skiff-chaos");
  const World world = TRY(LookAround(request, cluster, client, std::move(others)));
  TRY(CheckWorld(request, world));
  SystemRandom random;
  Record record{.id = random.NameSuffix(), .fault = request.fault, .plan = {}};
  record.target = request.target.Text();
  record.peer = request.peer ? request.peer->Text() : "";
  record.detail = DetailOf(request);
  record.length = request.length;
  record.ends = SystemClock().Monotonic() + request.length;
  record.objects = {ReferenceOf(world.target)};
  if (world.peer) record.objects.push_back(ReferenceOf(*world.peer));
  record.kubeconfig = cluster.kubeconfig;
  record.authority = cluster.authority.empty() ? world.target.authority : cluster.authority;
  if (request.length == 0ns) {
    KillNow(request, world, record);
    std::printf("%s\n", WhatItIs(record).c_str());
    return {};
  }
  record.plan = MakePlan(request, record.id, world.target, world.peer, record.ends);
  TRY(SaveRecord(Directory(), record));
  // Said before: once it is on, the API may be out of reach.
  const std::string length = GoDurationText(request.length);
  (void)TellOf(record, "ChaosStarted", fmt::format("{} for {}", WhatItIs(record), length));
  if (const auto started = StartSupervisor(Directory(), record.id); !started) {
    (void)TellOf(record, "ChaosStopped", WhatItIs(record) + " did not begin");
    return Fail(started.error());
  }
  std::printf("%s for %s: %s\n", WhatItIs(record).c_str(), length.c_str(), record.id.c_str());
  return {};
}

// What root made only root may read.
bool AreRootsElsewhere() {
  std::error_code ignored;
  return geteuid() != 0 && std::filesystem::exists(kRootsDirectory, ignored);
}

void SayNoneIsOn() {
  std::printf("%s\n", AreRootsElsewhere()
                          ? "No fault of yours is on; for root's: sudo skiff chaos ls"
                          : "No fault is on.");
}

Result<> ListAll() {
  const auto records = TRY(Records::Open(Directory()));
  const auto on = TRY(Sweep(Directory(), records));
  if (on.empty()) {
    SayNoneIsOn();
    return {};
  }
  std::printf("%s", DescribeRecords(on, SystemClock().Monotonic()).c_str());
  return {};
}

Result<> Stop(const std::vector<std::string>& ids) {
  const auto records = TRY(Records::Open(Directory()));
  const auto on = TRY(Sweep(Directory(), records));
  for (const std::string& id : ids) {
    const bool is_on =
        std::any_of(on.begin(), on.end(), [&](const Record& record) { return record.id == id; });
    if (is_on) continue;
    return Fail(Reason::kNotFound,
                fmt::format("no fault \"{}\" is on; `skiff chaos ls` shows those that are", id));
  }
  Result<> ended;
  for (const Record& record : on) {
    const bool is_meant = ids.empty() || std::find(ids.begin(), ids.end(), record.id) != ids.end();
    if (!is_meant) continue;
    auto done = EndFault(Directory(), record, &ShowEnded);
    // The others end all the same.
    if (!done && !ended) ShowEnded("note: " + ended.error().message);
    if (!done) ended = std::move(done);
  }
  if (on.empty()) SayNoneIsOn();
  return ended;
}

Result<> RunVerb(const std::string& verb, const std::vector<std::string>& args) {
  if (verb == "ls" || verb == "stop") {
    std::vector<std::string> words;
    Flags flags("skiff chaos " + verb);
    TRY(flags.Parse(args, &words));
    if (flags.help_asked()) {
      std::printf("%s", Wrapped(kUsage, TerminalWidth()).c_str());
      return {};
    }
    if (verb == "stop") return Stop(words);
    if (words.empty()) return ListAll();
    return Fail(Reason::kInvalid,
                fmt::format("ls shows all that is on and takes no words, not \"{}\"", words[0]));
  }
  const auto fault = FaultOf(verb);
  if (!fault) {
    return Fail(Reason::kInvalid,
                fmt::format("\"{}\" is no fault: netem, partition, kill, pause, disk, clock; or "
                            "ls, stop{}",
                            verb,
                            DidYouMean(verb, {"netem", "partition", "kill", "pause", "disk",
                                              "clock", "ls", "stop"})));
  }
  auto request = TRY(ParseRequest(*fault, args));
  if (!request) return {};
  request->data_dir = DataDirOf(*request);
  return Start(*request);
}

// `data_dir`: of the cluster's server or node; "": it is not known.
bool EndThose(const std::string& authority, const std::string& data_dir, const Progress& say) {
  if (AreRootsElsewhere()) {
    say("note: faults that root began are on here, of this cluster perhaps: `sudo skiff chaos ls` "
        "shows them, `sudo skiff chaos stop ID` ends one");
  }
  if (authority.empty()) {
    if (LivingRecords(Directory()).empty()) return true;
    say("note: faults are on here, and whether they are this cluster's is not known, as its "
        "authority is nowhere to be read: `skiff chaos ls` shows them, `skiff chaos stop ID` ends "
        "one");
    return false;
  }
  const auto ended = EndFaults(Directory(), authority, say, data_dir);
  if (!ended) say("note: " + ended.error().message);
  return ended.has_value();
}

}  // namespace

std::vector<FaultOn> FaultsOn() {
  std::vector<FaultOn> faults;
  const Duration now = SystemClock().Monotonic();
  for (const Record& record : LivingRecords(Directory())) faults.push_back(TellOf(record, now));
  return faults;
}

void ShowEnded(const std::string& line) {
  const bool is_note = line.starts_with("note: ");
  std::fprintf(is_note ? stderr : stdout, "%s\n", line.c_str());
  std::fflush(stdout);  // Before an error, too.
}

bool EndFaultsOf(const std::string& authority, const Progress& say) {
  return EndThose(authority, "", say);
}

bool EndFaultsAt(const std::string& data_dir, const Progress& say) {
  const std::string authority = ReadAuthority({}, data_dir);
  // Without one no cluster has been there that a fault could be of.
  return authority.empty() || EndThose(authority, data_dir, say);
}

int ChaosMain(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    std::fprintf(args.empty() ? stderr : stdout, "%s", Wrapped(kUsage, TerminalWidth()).c_str());
    return args.empty() ? 2 : 0;
  }
  if (args[0] == kSupervise && args.size() == 3) return Supervise(args[1], args[2]);
  const auto done = RunVerb(args[0], {args.begin() + 1, args.end()});
  return done ? 0 : Complain(done.error().message);
}

}  // namespace skiff::chaos
