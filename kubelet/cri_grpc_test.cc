// The runtime interface on a real containerd with real pods. Skips where containers cannot run.
#include "kubelet/cri_grpc.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>

#include "base/test_port.h"
#include "kubelet/containerd_host.h"
#include "kubelet/containerd_test_host.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/cri_grpc_decode.h"
#include "kubelet/proto/containerd_events.pb.h"
#include "kubelet/proto/containerd_events_service.grpc.pb.h"

namespace skiff::cri {
namespace {

using testing::HasSubstr;

// Collects events; tests wait for one instead of sleeping.
class EventLog {
 public:
  std::function<void(const Event&)> Callback() {
    return [this](const Event& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
  }
  // The first event that fits, among those not asked for before; unset if none comes in time.
  std::optional<Event> WaitFor(Event::What what, const std::string& id = "",
                               Duration timeout = 20s) {
    std::unique_lock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (true) {
      for (; next_ < events_.size(); ++next_) {
        if (events_[next_].what == what && events_[next_].id == id) return events_[next_++];
      }
      if (changed_.wait_until(lock, until) == std::cv_status::timeout) return std::nullopt;
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  size_t next_ = 0;
};

class CriGrpcTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { host_ = std::make_unique<ContainerdTestHost>(0); }
  static void TearDownTestSuite() { host_.reset(); }
  void SetUp() override {
    if (!host_->skip_reason.empty()) GTEST_SKIP() << host_->skip_reason;
    ASSERT_TRUE(host_->runtime) << "containerd did not start";
  }
  void TearDown() override {
    for (const std::string& id : sandboxes_) {
      EXPECT_TRUE(runtime().StopPodSandbox(id));
      EXPECT_TRUE(runtime().RemovePodSandbox(id));
    }
  }

  static ContainerRuntime& runtime() { return *host_->runtime; }

  SandboxConfig Pod(const std::string& name) const {
    return {.metadata = {.name = name, .uid = name + "-uid", .name_space = "default"},
            .hostname = name,
            .log_directory = host_->directory + "/logs/" + name,
            .labels = {{"io.kubernetes.pod.uid", name + "-uid"}, {"app", name}},
            .cgroup_parent = host_->Cgroup() + "/pod" + name};
  }

  std::string Run(const SandboxConfig& config) {
    const auto id = runtime().RunPodSandbox(config, "");
    EXPECT_TRUE(id) << id.error().message;
    if (id) sandboxes_.push_back(*id);
    return id.value_or("");
  }

  static ContainerConfig Shell(const std::string& script) {
    return {.metadata = {.name = "main"},
            .image = {.image = ContainerdTestHost::kImage},
            .command = {"sh", "-c", script},
            .labels = {{"io.kubernetes.container.name", "main"}},
            .log_path = "main/0.log"};
  }

  std::string Start(const std::string& sandbox, const ContainerConfig& config,
                    const SandboxConfig& pod) {
    const auto id = runtime().CreateContainer(sandbox, config, pod);
    EXPECT_TRUE(id) << id.error().message;
    if (!id) return "";
    const auto started = runtime().StartContainer(*id);
    EXPECT_TRUE(started) << started.error().message;
    return *id;
  }

  static std::unique_ptr<ContainerdTestHost> host_;
  std::vector<std::string> sandboxes_;
};

std::unique_ptr<ContainerdTestHost> CriGrpcTest::host_;

bool Connects(const std::string& ip, uint16_t port) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Waits until the file holds `text`; false after 20 s.
bool WaitUntilFileHas(const std::string& path, const std::string& text) {
  const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  inotify_add_watch(watch, path.c_str(), IN_MODIFY);
  bool found = false;
  for (int waits = 0; waits < 200 && !found; ++waits) {
    found = ReadFile(path).find(text) != std::string::npos;
    pollfd file{watch, POLLIN, 0};
    if (!found) poll(&file, 1, 100);
    char events[4096];
    while (read(watch, events, sizeof events) > 0) {
    }
  }
  close(watch);
  return found;
}

// A limit of the container as the kernel holds it, whichever cgroup version there is.
std::string MemoryLimit(const std::string& cgroup) {
  if (const auto memory = CgroupMount("memory")) {
    return ReadFile(*memory + cgroup + "/memory.limit_in_bytes");
  }
  return ReadFile(CgroupMount("").value_or("") + cgroup + "/memory.max");
}

TEST(CriGrpcDecodeTest, HandlersHaveOneOrder) {
  pb::StatusResponse response;
  for (const char* name : {"runc", "", "kata"}) response.add_runtime_handlers()->set_name(name);
  const RuntimeStatus status = FromProto(response);
  ASSERT_EQ(status.handlers.size(), 3u);
  EXPECT_EQ(status.handlers[0].name, "");
  EXPECT_EQ(status.handlers[1].name, "kata");
  EXPECT_EQ(status.handlers[2].name, "runc");
}

TEST(CriGrpcDecodeTest, ARuntimeThatDoesNotSayWhoMakesItsCgroupsIsNotTakenForOneOfSystemds) {
  pb::RuntimeConfigResponse response;
  EXPECT_EQ(*CgroupDriverIn(response), "");
  response.mutable_on_linux();
  EXPECT_EQ(*CgroupDriverIn(response), "systemd");
  response.mutable_on_linux()->set_cgroup_driver(pb::CGROUPFS);
  EXPECT_EQ(*CgroupDriverIn(response), "cgroupfs");
  response.mutable_on_linux()->set_cgroup_driver(static_cast<pb::CgroupDriver>(7));
  const auto unknown = CgroupDriverIn(response);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "runtime returned an unknown cgroup driver 7");
}

TEST_F(CriGrpcTest, SaysWhatItIsAndThatItIsReady) {
  const auto version = runtime().Version();
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(version->runtime_name, "containerd");
  EXPECT_EQ(version->api_version, "v1");
  const auto status = runtime().Status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(status->Ready("RuntimeReady"));
  EXPECT_TRUE(status->Ready("NetworkReady"));
  EXPECT_FALSE(status->Ready("NoSuchCondition"));
  const auto driver = runtime().CgroupDriver();
  ASSERT_TRUE(driver) << driver.error().message;
  EXPECT_NE(*driver, "systemd") << "as our configuration has it, or it does not say";
}

TEST_F(CriGrpcTest, APodGetsAnAddressAndServesOnIt) {
  const SandboxConfig pod = Pod("web");
  const std::string sandbox = Run(pod);
  const auto status = runtime().PodSandboxStatus(sandbox);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->state, SandboxState::kReady);
  EXPECT_EQ(status->metadata.name, "web");
  ASSERT_EQ(status->ips.size(), 1u);
  EXPECT_TRUE(status->ips[0].starts_with("10.213.")) << status->ips[0];
  const std::string id = Start(sandbox, Shell("exec sleep 1000"), pod);
  // httpd goes into the background once it listens, which ends the command.
  const auto serving = runtime().ExecSync(id, {"httpd", "-p", "80", "-h", "/"}, 10s);
  ASSERT_TRUE(serving) << serving.error().message;
  EXPECT_TRUE(Connects(status->ips[0], 80)) << status->ips[0];
  const auto listed = runtime().ListPodSandboxes({.labels = {{"app", "web"}}});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().id, sandbox);
}

TEST_F(CriGrpcTest, AHostPortLeadsToThePod) {
  SandboxConfig pod = Pod("hosted");
  const uint16_t port = FreePort();
  pod.port_mappings = {{.container_port = 80, .host_port = port}};
  const std::string sandbox = Run(pod);
  const std::string id = Start(sandbox, Shell("exec sleep 1000"), pod);
  ASSERT_TRUE(runtime().ExecSync(id, {"httpd", "-p", "80", "-h", "/"}, 10s));
  EXPECT_TRUE(Connects("127.0.0.1", port));
  ASSERT_TRUE(runtime().StopPodSandbox(sandbox));
  EXPECT_FALSE(Connects("127.0.0.1", port));
}

TEST_F(CriGrpcTest, AContainerLogsRunsCommandsAndShowsItsUse) {
  const SandboxConfig pod = Pod("talker");
  const std::string sandbox = Run(pod);
  ContainerConfig config = Shell("echo $GREETING; echo oops >&2; exec sleep 1000");
  config.envs = {{"GREETING", "hello"}};
  const std::string id = Start(sandbox, config, pod);
  const auto echo = runtime().ExecSync(id, {"sh", "-c", "echo out; echo err >&2; exit 3"}, 10s);
  ASSERT_TRUE(echo) << echo.error().message;
  EXPECT_EQ(echo->stdout_text, "out\n");
  EXPECT_EQ(echo->stderr_text, "err\n");
  EXPECT_EQ(echo->exit_code, 3);
  const auto slow = runtime().ExecSync(id, {"sleep", "100"}, 1s);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().reason, Reason::kTimeout) << slow.error().message;

  const auto status = runtime().ContainerStatus(id);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->state, ContainerState::kRunning);
  EXPECT_GT(status->started_at, status->created_at);
  EXPECT_EQ(status->labels.at("io.kubernetes.container.name"), "main");
  EXPECT_EQ(status->log_path, pod.log_directory + "/main/0.log");
  EXPECT_TRUE(WaitUntilFileHas(status->log_path, " stdout F hello\n"));
  EXPECT_TRUE(WaitUntilFileHas(status->log_path, " stderr F oops\n"));

  const auto stats = runtime().ContainerStats(id);
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_GT(stats->cpu_usage_core_ns.value_or(0), 0u);
  EXPECT_GT(stats->memory_working_set_bytes.value_or(0), 0u);
  const auto all = runtime().ListContainerStats({.sandbox_id = sandbox});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1u);
}

TEST_F(CriGrpcTest, ALogGoesOnInANewFileAfterRotation) {
  const SandboxConfig pod = Pod("rotated");
  const std::string sandbox = Run(pod);
  const std::string id =
      Start(sandbox, Shell("echo one; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo two"), pod);
  EventLog events;
  const auto subscription = runtime().Subscribe(events.Callback());
  ASSERT_TRUE(events.WaitFor(Event::What::kResync));
  const std::string path = pod.log_directory + "/main/0.log";
  ASSERT_TRUE(WaitUntilFileHas(path, " stdout F one\n"));
  std::filesystem::rename(path, path + ".old");
  ASSERT_TRUE(runtime().ReopenContainerLog(id));
  ASSERT_TRUE(runtime().ExecSync(id, {"sh", "-c", "> /tmp/go"}, 10s));
  ASSERT_TRUE(events.WaitFor(Event::What::kExited, id));
  EXPECT_TRUE(WaitUntilFileHas(path, " stdout F two\n"));
  EXPECT_THAT(ReadFile(path), testing::Not(HasSubstr(" stdout F one\n")));
}

TEST_F(CriGrpcTest, AnExitIsAnEventAndTheStatusShowsItByThen) {
  EventLog events;
  ContainerState seen = ContainerState::kUnknown;
  std::string wanted;
  std::mutex mutex;
  const auto record = events.Callback();
  const auto subscription = runtime().Subscribe([&](const Event& event) {
    {
      const std::lock_guard lock(mutex);
      if (event.what == Event::What::kExited && event.id == wanted) {
        const auto status = runtime().ContainerStatus(event.id);
        if (status) seen = status->state;
      }
    }
    record(event);
  });
  ASSERT_TRUE(events.WaitFor(Event::What::kResync));
  const SandboxConfig pod = Pod("leaver");
  const std::string sandbox = Run(pod);
  const auto id = runtime().CreateContainer(sandbox, Shell("exit 7"), pod);
  ASSERT_TRUE(id);
  {
    const std::lock_guard lock(mutex);
    wanted = *id;
  }
  ASSERT_TRUE(runtime().StartContainer(*id));
  const auto event = events.WaitFor(Event::What::kExited, *id);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->exit_code, 7u);
  EXPECT_EQ(seen, ContainerState::kExited);
  const auto status = runtime().ContainerStatus(*id);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 7);
  EXPECT_EQ(status->reason, "Error");
  ASSERT_TRUE(runtime().StopPodSandbox(sandbox));
  EXPECT_TRUE(events.WaitFor(Event::What::kExited, sandbox));
  ASSERT_TRUE(runtime().RemoveContainer(*id));
  EXPECT_TRUE(events.WaitFor(Event::What::kDeleted, *id));
}

// As containerd tells of an exit, however long its CRI takes to write it down.
void TellOfExit(const std::string& endpoint, const std::string& id, uint32_t code) {
  ::containerd::events::TaskExit exit;
  exit.set_id(id);
  exit.set_container_id(id);
  exit.set_exit_status(code);
  ::containerd::services::events::v1::PublishRequest request;
  request.set_topic("/tasks/exit");
  request.mutable_event()->set_type_url("containerd.events.TaskExit");
  request.mutable_event()->set_value(exit.SerializeAsString());
  grpc::ClientContext context;
  InContainerdNamespace(context);
  ::containerd::types::Empty response;
  const auto stub = ::containerd::services::events::v1::Events::NewStub(OpenChannel(endpoint));
  ASSERT_TRUE(stub->Publish(&context, request, &response).ok());
}

TEST_F(CriGrpcTest, AnExitThatTheStatusShowsLateIsToldWhenItDoes) {
  EventLog events;
  const auto subscription = runtime().Subscribe(events.Callback());
  ASSERT_TRUE(events.WaitFor(Event::What::kResync));
  const SandboxConfig pod = Pod("late");
  const std::string id =
      Start(Run(pod), Shell("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 7"), pod);
  TellOfExit(host_->containerd.endpoint, id, 7);
  EXPECT_FALSE(events.WaitFor(Event::What::kExited, id, 3s)) << "it runs";
  ASSERT_TRUE(runtime().ExecSync(id, {"sh", "-c", "> /tmp/go"}, 10s));
  ASSERT_TRUE(events.WaitFor(Event::What::kExited, id));
  EXPECT_EQ(runtime().ContainerStatus(id)->exit_code, 7);
}

TEST_F(CriGrpcTest, StoppingWaitsForTheGraceOnly) {
  const SandboxConfig pod = Pod("stopped");
  const std::string sandbox = Run(pod);
  const std::string stubborn =
      Start(sandbox, Shell("trap '' TERM; echo ready; while true; do sleep 0.2; done"), pod);
  ContainerConfig config = Shell("trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done");
  config.metadata.name = "polite";
  config.log_path = "polite/0.log";
  const std::string polite = Start(sandbox, config, pod);
  for (const char* log : {"/main/0.log", "/polite/0.log"}) {
    ASSERT_TRUE(WaitUntilFileHas(pod.log_directory + log, "ready"));
  }
  const SystemClock clock;
  const Duration before = clock.Monotonic();
  ASSERT_TRUE(runtime().StopContainer(polite, 60s));
  EXPECT_LT(clock.Monotonic() - before, 30s);
  EXPECT_EQ(runtime().ContainerStatus(polite)->exit_code, 0);
  const Duration between = clock.Monotonic();
  ASSERT_TRUE(runtime().StopContainer(stubborn, 1s));
  EXPECT_GE(clock.Monotonic() - between, 1s);
  EXPECT_EQ(runtime().ContainerStatus(stubborn)->exit_code, 137);
  EXPECT_TRUE(runtime().StopContainer(stubborn, 1s)) << "stopping again is no error";
  EXPECT_TRUE(runtime().RemoveContainer(stubborn));
  EXPECT_TRUE(runtime().RemoveContainer(stubborn)) << "removing again is no error";
  EXPECT_EQ(runtime().ContainerStatus(stubborn).error().reason, Reason::kNotFound);
}

TEST_F(CriGrpcTest, LimitsReachTheKernelAndCanBeChanged) {
  const SandboxConfig pod = Pod("limited");
  const std::string sandbox = Run(pod);
  ContainerConfig config = Shell("exec sleep 1000");
  config.resources = {
      .cpu_period = 100000, .cpu_quota = 20000, .cpu_shares = 102, .memory_limit_bytes = 64 << 20};
  const std::string id = Start(sandbox, config, pod);
  const std::string cgroup = pod.cgroup_parent + "/" + id;
  EXPECT_EQ(MemoryLimit(cgroup), std::to_string(64 << 20) + "\n");
  const auto updated = runtime().UpdateContainerResources(id, {.memory_limit_bytes = 96 << 20});
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(MemoryLimit(cgroup), std::to_string(96 << 20) + "\n");
}

TEST_F(CriGrpcTest, RunningOutOfMemoryIsSeenAsSuch) {
  EventLog events;
  const auto subscription = runtime().Subscribe(events.Callback());
  ASSERT_TRUE(events.WaitFor(Event::What::kResync));
  const SandboxConfig pod = Pod("hungry");
  const std::string sandbox = Run(pod);
  ContainerConfig config = Shell("x=a; while true; do x=$x$x; done");
  config.resources.memory_limit_bytes = 16 << 20;
  config.resources.unified = ContainerCgroupFiles();  // Else it may go on in swap.
  const std::string id = Start(sandbox, config, pod);
  ASSERT_TRUE(events.WaitFor(Event::What::kExited, id));
  const auto status = runtime().ContainerStatus(id);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 137);
  EXPECT_EQ(status->reason, "OOMKilled");
}

TEST_F(CriGrpcTest, StreamingCallsReturnLocalAddresses) {
  const SandboxConfig pod = Pod("streamed");
  const std::string sandbox = Run(pod);
  const std::string id = Start(sandbox, Shell("exec sleep 1000"), pod);
  const auto exec = runtime().Exec(id, {"sh"}, {.tty = true, .stdin = true, .stdout = true});
  ASSERT_TRUE(exec) << exec.error().message;
  EXPECT_THAT(*exec, HasSubstr("http://127.0.0.1:"));
  EXPECT_THAT(*exec, HasSubstr("/exec/"));
  EXPECT_TRUE(runtime().Attach(id, {.stdout = true}));
  EXPECT_TRUE(runtime().PortForward(sandbox, {80}));
  const auto refused = runtime().Exec(id, {"sh"}, {.tty = true, .stdout = true, .stderr = true});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("tty and stderr cannot both be true"));
}

TEST_F(CriGrpcTest, ImagesAreListedByTheirNamesAndMissingOnesAreNotFound) {
  const auto image = runtime().ImageStatus(ContainerdTestHost::kImage);
  ASSERT_TRUE(image) << image.error().message;
  ASSERT_TRUE(image->has_value());
  EXPECT_THAT((*image)->repo_tags, testing::Contains(ContainerdTestHost::kImage));
  EXPECT_GT((*image)->size_bytes, 100'000u);
  const auto all = runtime().ListImages("");
  ASSERT_TRUE(all);
  EXPECT_GE(all->size(), 2u);  // And pause.
  EXPECT_EQ(runtime().ImageStatus("skiff.local/none:1").value(), std::nullopt);
  const auto info = runtime().ImageFsInfo();
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_FALSE(info->image_filesystems.empty());

  const SandboxConfig pod = Pod("imageless");
  const std::string sandbox = Run(pod);
  ContainerConfig config = Shell("true");
  config.image.image = "skiff.local/none:1";
  const auto created = runtime().CreateContainer(sandbox, config, pod);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().reason, Reason::kNotFound) << created.error().message;
  EXPECT_THAT(RpcErrorText(created.error()), HasSubstr("rpc error: code = NotFound desc = "));
  // Nobody listens on port 1 of this machine.
  const auto pulled = runtime().PullImage("127.0.0.1:1/none:1", {}, pod, {});
  ASSERT_FALSE(pulled);
  EXPECT_THAT(pulled.error().message, HasSubstr("connection refused"));
  std::stop_source unwanted;
  unwanted.request_stop();
  const auto ended = runtime().PullImage("127.0.0.1:1/none:1", {}, pod, unwanted.get_token());
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::kServerTimeout) << ended.error().message;
}

TEST_F(CriGrpcTest, ImageNamesWithoutADomainAreDockerHubs) {
  ImageSource source = ContainerdTestHost::BusyboxImage();
  source.names = {"namely", "namely:2"};
  const auto archive = PackImage(source);
  ASSERT_TRUE(archive);
  const auto imported = ImportImageBytes(host_->containerd.endpoint, runtime(), *archive);
  ASSERT_TRUE(imported) << imported.error().message;
  ASSERT_EQ(imported->size(), 2u);
  EXPECT_EQ((*imported)[0].name, "docker.io/library/namely:latest");
  EXPECT_TRUE(runtime().ImageStatus("namely").value());
  EXPECT_TRUE(runtime().ImageStatus("docker.io/library/namely:2").value());
  // Once more, with other contents under the same name.
  source.names = {"namely"};
  source.files.push_back({.path = "etc/new", .content = "new\n"});
  const auto changed = ImportImageBytes(host_->containerd.endpoint, runtime(), *PackImage(source));
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_NE(runtime().ImageStatus("namely").value()->id,
            runtime().ImageStatus("namely:2").value()->id);
  EXPECT_TRUE(runtime().RemoveImage("namely"));
  EXPECT_EQ(runtime().ImageStatus("namely").value(), std::nullopt);
}

// Last, since it takes containerd away for a while.
TEST_F(CriGrpcTest, ZContainersOutliveContainerdAndAreFoundAgain) {
  EventLog events;
  const auto subscription = runtime().Subscribe(events.Callback());
  ASSERT_TRUE(events.WaitFor(Event::What::kResync));
  const SandboxConfig pod = Pod("survivor");
  const std::string sandbox = Run(pod);
  const std::string id =
      Start(sandbox, Shell("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 5"), pod);
  host_->Crash();
  const auto refused = runtime().ContainerStatus(id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kServiceUnavailable) << refused.error().message;

  const auto again = EnsureContainerd(host_->options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->endpoint, host_->containerd.endpoint);
  EXPECT_TRUE(events.WaitFor(Event::What::kResync)) << "the subscriber is told to look again";
  const auto status = runtime().ContainerStatus(id);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->state, ContainerState::kRunning);
  ASSERT_TRUE(runtime().ExecSync(id, {"sh", "-c", "> /tmp/go"}, 10s));
  const auto exit = events.WaitFor(Event::What::kExited, id);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit_code, 5u);
}

TEST(CriGrpcWithoutServerTest, CallsFailAtOnceAndShutdownIsFinal) {
  const auto runtime = MakeGrpcRuntime({.endpoint = "unix:///nonexistent/socket"});
  const auto version = runtime->Version();
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().reason, Reason::kServiceUnavailable);
  runtime->Shutdown();
  EXPECT_EQ(runtime->Version().error().reason, Reason::kServerTimeout);
}

}  // namespace
}  // namespace skiff::cri
