// `skiff kubelet` as it is started: a kubeconfig, a real API server over HTTPS with Node and RBAC,
// and a container runtime that is not there.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "api/gen/rbac_v1.h"
#include "apiserver/auth/pki.h"
#include "apiserver/server/program.h"
#include "client/kubeconfig.h"
#include "client/manager.h"
#include "kubelet/mount_table.h"
#include "kubelet/program.h"

namespace skiff {
namespace {

constexpr char kNode[] = "node-1";
constexpr int kApiPort = 17251;
constexpr int kKubeletPort = 17252;

class KubeletProgramTest : public testing::Test {
 protected:
  KubeletProgramTest() {
    char name[] = "/tmp/skiff-kubelet-program-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    std::filesystem::create_directories(directory_ + "/manifests");
  }
  ~KubeletProgramTest() override {
    kubelet_.reset();
    if (manager_) manager_->Stop();
    informers_.reset();
    executor_.reset();
    transport_.reset();
    server_.reset();
    // The kubelet's directory, where this machine's mounts are not shared.
    for (const std::string& mount : MountsBelow(directory_)) umount2(mount.c_str(), MNT_DETACH);
    std::filesystem::remove_all(directory_);
  }

  void StartServer() {
    auto pki = Pki::Open(directory_ + "/pki", clock_.Now());
    ASSERT_TRUE(pki) << pki.error().message;
    ApiServerFlags flags;
    flags.data_dir = directory_;
    flags.bind_address = "127.0.0.1";
    flags.secure_port = kApiPort;
    flags.durability = "memory";
    flags.client_ca_file = pki->Path("ca.crt");
    flags.authorization_modes = {"Node", "RBAC"};
    auto server = ApiServerProcess::Start(flags);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    WriteKubeconfig(*pki, "node.conf", std::string("system:node:") + kNode, "system:nodes");
    WriteKubeconfig(*pki, "admin.conf", "admin", "system:masters");
    const auto admin = Kubeconfig::Load(directory_ + "/admin.conf");
    transport_ = std::move(*MakeHttpsTransport(*admin->Options()));
    client_ = std::make_unique<Client>(*transport_, "test");
    informers_ =
        std::make_unique<InformerFactory>(Reflector::Dependencies{*client_, clock_, random_});
    executor_ = std::make_unique<ThreadExecutor>("test", 4);
    manager_ = std::make_unique<Manager>(
        Manager::Dependencies{*transport_, clock_, random_, *informers_, "test"});
    Watch<core_v1::Node>();
    Watch<core_v1::Pod>();
    Watch<core_v1::Event>();
    manager_->Start(*executor_);
  }
  void WriteKubeconfig(const Pki& pki, const std::string& file, const std::string& user,
                       const std::string& group) {
    const auto pair = pki.authority().Issue(
        {.common_name = user, .organizations = {group}, .client = true}, clock_.Now());
    ASSERT_TRUE(pair) << pair.error().message;
    std::ofstream(directory_ + "/" + file)
        << KubeconfigText(fmt::format("https://127.0.0.1:{}", kApiPort),
                          pki.authority().pem().certificate_pem, user, *pair);
  }
  template <Kind K>
  void Watch() {
    informers_->For<K>().OnChange([this](const auto&, const auto&) {
      MutexLock lock(mutex_);
      changed_.notify_all();
    });
  }
  // Until `holds`, looked at again after each change in the API.
  bool Eventually(const std::function<bool()>& holds) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, 30s, holds);
  }
  void StartKubelet(std::vector<std::string> args) {
    for (const std::string& arg :
         {std::string("--hostname-override=") + kNode, std::string("--node-ip=127.0.0.1"),
          "--root-dir=" + directory_ + "/kubelet", "--cert-dir=" + directory_ + "/kubelet/pki",
          "--pod-logs-dir=" + directory_ + "/logs", fmt::format("--port={}", kKubeletPort),
          std::string("--healthz-port=0"), "--pod-manifest-path=" + directory_ + "/manifests",
          "--container-runtime-endpoint=unix://" + directory_ + "/none.sock"}) {
      args.push_back(arg);
    }
    const auto flags = kubelet::ParseKubeletFlags(args);
    ASSERT_TRUE(flags) << flags.error().message;
    auto started = kubelet::KubeletProcess::Start(
        **flags,
        [&](const std::string& directory, const std::string& node,
            const std::string&) -> Result<kubelet::ServingFiles> {
          Pki pki = TRY(Pki::Open(directory, clock_.Now()));
          TRY(pki.EnsureLeaf("kubelet", {.common_name = node, .server = true}, clock_.Now()));
          return kubelet::ServingFiles{pki.Path("kubelet.crt"), pki.Path("kubelet.key")};
        });
    ASSERT_TRUE(started) << started.error().message;
    kubelet_ = std::move(*started);
  }
  // Of a service account of that name.
  std::string TokenOf(const std::string& name) {
    const ObjectKey key = {"default", name};
    (void)client_->Create(core_v1::ServiceAccount::Info(), key,
                          {{"metadata", {{"name", name}, {"namespace", "default"}}}});
    const auto made = client_->Create(core_v1::ServiceAccount::Info(), key,
                                      {{"apiVersion", "authentication.k8s.io/v1"},
                                       {"kind", "TokenRequest"},
                                       {"spec", Json::object()}},
                                      "token");
    EXPECT_TRUE(made) << made.error().message;
    return made ? (*made)["status"].value("token", "") : "";
  }
  void LetSeeMetrics(const std::string& name) {
    const auto role = client_->Create(
        rbac_v1::ClusterRole::Info(), {"", name},
        {{"metadata", {{"name", name}}},
         {"rules",
          {{{"apiGroups", {""}}, {"resources", {"nodes/metrics"}}, {"verbs", {"get"}}}}}});
    ASSERT_TRUE(role) << role.error().message;
    const auto binding = client_->Create(
        rbac_v1::ClusterRoleBinding::Info(), {"", name},
        {{"metadata", {{"name", name}}},
         {"subjects",
          {{{"kind", "ServiceAccount"}, {"name", name}, {"namespace", "default"}}}},
         {"roleRef",
          {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", name}}}});
    ASSERT_TRUE(binding) << binding.error().message;
  }
  http::Response Scrape(const std::string& path, const std::string& token) {
    HttpsOptions options;
    options.server = fmt::format("https://127.0.0.1:{}", kKubeletPort);
    options.insecure_skip_tls_verify = true;
    options.token = token;
    const auto transport = MakeHttpsTransport(options);
    http::Request request;
    request.method = "GET";
    request.path = path;
    return (*transport)->Send(std::move(request));
  }
  const core_v1::NodeCondition* Ready() {
    node_ = informers_->For<core_v1::Node>().Get({"", kNode});
    if (!node_) return nullptr;
    const auto& conditions = node_->status.conditions;
    const auto found = std::find_if(conditions.begin(), conditions.end(),
                                    [](const auto& each) { return each.type == "Ready"; });
    return found == conditions.end() ? nullptr : &*found;
  }

  std::string directory_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<ApiServerProcess> server_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<InformerFactory> informers_;
  std::unique_ptr<ThreadExecutor> executor_;
  std::unique_ptr<Manager> manager_;
  std::unique_ptr<kubelet::KubeletProcess> kubelet_;
  Ptr<core_v1::Node> node_;
  Mutex mutex_;
  CondVar changed_;
};

TEST_F(KubeletProgramTest, ItRegistersItsNodeAndSaysThatTheRuntimeIsDown) {
  StartServer();
  StartKubelet({"--kubeconfig=" + directory_ + "/node.conf", "--node-labels=disk=ssd",
                "--register-with-taints=dedicated=x:NoSchedule", "--max-pods=7"});
  ASSERT_TRUE(Eventually([&] {
    const auto* ready = Ready();
    return ready != nullptr && ready->message == "container runtime is down";
  }));
  EXPECT_EQ(Ready()->status, "False");
  EXPECT_EQ(Ready()->reason, "KubeletNotReady");
  EXPECT_EQ(node_->metadata.labels.at("disk"), "ssd");
  EXPECT_EQ(node_->status.capacity.at("pods").Text(), "7");
  const auto& taints = node_->spec.taints;
  EXPECT_TRUE(std::any_of(taints.begin(), taints.end(),
                          [](const auto& taint) { return taint.key == "dedicated"; }));
  EXPECT_EQ(kubelet_->port(), kKubeletPort);
}

TEST_F(KubeletProgramTest, ManifestsGetMirrorsAndBadOnesEvents) {
  std::ofstream(directory_ + "/manifests/bad.yaml") << "kind: Pod\n";
  StartServer();
  StartKubelet({"--kubeconfig=" + directory_ + "/node.conf"});
  // Written while it runs: heard of, not found by looking again.
  std::ofstream(directory_ + "/manifests/web.yaml")
      << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
      << "spec: {containers: [{name: web, image: web}]}\n";
  const auto pods = informers_->For<core_v1::Pod>();
  EXPECT_TRUE(Eventually([&] { return pods.Get({"default", "web-node-1"}) != nullptr; }));
  const auto events = informers_->For<core_v1::Event>();
  EXPECT_TRUE(Eventually([&] {
    const auto all = events.List();
    return std::any_of(all.begin(), all.end(), [](const auto& event) {
      return event->reason == "FailedValidation" && event->involved_object.name == kNode;
    });
  }));
}

TEST_F(KubeletProgramTest, MetricsAreForThoseWhomTheApiServerLetsSeeThem) {
  StartServer();
  StartKubelet({"--kubeconfig=" + directory_ + "/node.conf"});
  const std::string token = TokenOf("scraper");
  EXPECT_EQ(Scrape("/metrics", "").status, 401);
  EXPECT_EQ(Scrape("/metrics", "not.a.token").status, 401);
  EXPECT_EQ(Scrape("/none", "").status, 404);
  const auto refused = Scrape("/metrics/probes", token);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body,
            "Forbidden (user=system:serviceaccount:default:scraper, verb=get, resource=nodes, "
            "subresource(s)=[metrics])\n");
  const std::string monitor = TokenOf("monitor");
  LetSeeMetrics("monitor");
  const auto metrics = Scrape("/metrics", monitor);
  EXPECT_EQ(metrics.status, 200);
  for (const char* part : {"kubelet_node_name{node=\"node-1\"} 1", "kubelet_desired_pods{static=",
                           "kubelet_runtime_operations_errors_total{operation_type=",
                           "kubelet_http_requests_total{", "kubelet_started_pods_total 0"}) {
    EXPECT_NE(metrics.body.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(Scrape("/metrics/probes", monitor).status, 200);
  EXPECT_EQ(Scrape("/pods", monitor).status, 403);
}

TEST_F(KubeletProgramTest, WithoutAKubeconfigItRunsByItself) {
  StartKubelet({"--enable-server=true"});
  EXPECT_EQ(kubelet_->port(), kKubeletPort);
}

}  // namespace
}  // namespace skiff
