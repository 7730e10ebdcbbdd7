// Joining, over real TLS on the loopback, to a real cluster of simulated nodes: the API server with
// the authorization that `skiff up` gives it, and all programs under their own identities.
#include "skiff/joining.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "api/gen/coordination_v1.h"
#include "client/kubeconfig.h"
#include "skiff/cluster_objects.h"
#include "skiff/join.h"
#include "skiff/scoped_informer.h"
#include "skiff/serving_certificate.h"
#include "skiff/token.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Secret;
using testing::AllOf;
using testing::HasSubstr;

constexpr Duration kPatience = 60s;

int FreePort() {
  const int file = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(file, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(file, reinterpret_cast<sockaddr*>(&address), &size);
  close(file);
  return ntohs(address.sin_port);
}

// One cluster for all tests: each uses nodes and tokens of its own.
class JoiningTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    options_.data_dir = testing::TempDir() + "/skiff-joining-" + std::to_string(getpid());
    options_.bind_address = "127.0.0.1";
    options_.secure_port = FreePort();
    options_.simulated_nodes = 1;
    options_.durability = "memory";
    options_.bootstrap_token = "skiff0.0123456789abcdef";
    options_.default_not_ready_toleration_s = 7;
    std::filesystem::create_directories(options_.data_dir);
    auto cluster = Cluster::Start(options_, [](const std::string&) {});
    ASSERT_TRUE(cluster) << cluster.error().message;
    cluster_ = std::move(*cluster);
    const auto config = Kubeconfig::Load(AdminKubeconfigPath(options_));
    transport_ = *MakeHttpsTransport(*config->Options());
    admin_ = std::make_unique<Client>(*transport_, "test");
  }
  static void TearDownTestSuite() {
    admin_.reset();
    transport_.reset();
    cluster_.reset();
    std::filesystem::remove_all(options_.data_dir);
  }

  JoiningTest() : directory_(options_.data_dir + "/joined") {}
  ~JoiningTest() override { std::filesystem::remove_all(directory_); }

  BootstrapToken MakeToken(Duration ttl = 1h) {
    NewToken wanted{.ttl = ttl};
    wanted.secret.token = BootstrapToken::Generate(random_);
    wanted.secret.may_sign = wanted.secret.may_authenticate = true;
    wanted.secret.groups = {std::string(kDefaultNodeTokenGroup)};
    const auto made = CreateToken(*admin_, clock_, random_, wanted);
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  // The command that the server prints, as `skiff join` reads it.
  JoinOptions OptionsFor(const BootstrapToken& token, const std::string& node) {
    const std::string line = *JoinCommand(*admin_, token);
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) words.push_back(word);
    EXPECT_EQ(words.size(), 7u) << line;
    JoinOptions options{.data_dir = directory_, .node_name = node};
    options.target = *ParseJoinTarget(words.at(2), words.at(4), {words.at(6)});
    return options;
  }
  Result<NodeIdentity> Join(const JoinOptions& options) {
    return JoinCluster(options, clock_, random_, [](const std::string&) {});
  }
  std::string ErrorOf(const JoinOptions& options) {
    const auto joined = Join(options);
    return joined ? "" : joined.error().message;
  }

  static inline ClusterOptions options_;
  static inline std::unique_ptr<Cluster> cluster_;
  static inline std::unique_ptr<Transport> transport_;
  static inline std::unique_ptr<Client> admin_;
  const SystemClock clock_;
  SystemRandom random_;
  const std::string directory_;
};

TEST_F(JoiningTest, AllProgramsDoTheirWorkUnderTheirOwnIdentities) {
  // The scheduler binds it, the kubelet of node-0 runs it; the service account came from a
  // controller.
  Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.name = "web";
  auto& container = pod.spec.containers.emplace_back();
  container.name = "main";
  container.image = "image:1";
  const SystemClock clock;
  ListOptions accounts;
  accounts.namespace_ = "default";
  ASSERT_TRUE(WaitForObject<core_v1::ServiceAccount>(
      {*admin_, clock_, random_}, accounts, [](const auto&) { return true; }, kPatience));
  const auto created = admin_->Create(pod);
  ASSERT_TRUE(created) << created.error().message;
  ListOptions scope;
  scope.namespace_ = "default";
  const auto running = WaitForObject<Pod>(
      {*admin_, clock_, random_}, scope, [](const Pod& it) { return it.status.phase == "Running"; },
      kPatience);
  ASSERT_TRUE(running);
  EXPECT_EQ(running->spec.node_name, "node-0");
  ASSERT_FALSE(running->spec.tolerations.empty());
  EXPECT_EQ(running->spec.tolerations[0].toleration_seconds, 7) << "as the cluster was told";
  // Nobody of them is a master: the group is the administrator's alone.
  const auto node = *admin_->Get<Node>({"", "node-0"});
  EXPECT_FALSE(node->spec.pod_cidrs.empty()) << "node-ipam-controller may write nodes";
}

TEST_F(JoiningTest, AMachineGetsAnIdentityThatIsItsOwnAndNoMore) {
  const auto identity = Join(OptionsFor(MakeToken(), "n1"));
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(NamesOfCertificate(identity->client.certificate_pem)->common_name, "system:node:n1");
  const auto transport = *MakeHttpsTransport(HttpsOptionsOf(*identity));
  Client kubelet(*transport, "kubelet");
  Node node;
  node.metadata.name = "n2";
  const auto refused = kubelet.Create(node);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
  node.metadata.name = "n1";
  EXPECT_TRUE(kubelet.Create(node));
  EXPECT_FALSE(kubelet.List<Secret>({.namespace_ = "kube-system"}));
  const auto network = ReadClusterNetwork(kubelet);
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_EQ(network->service_cidr, options_.service_cidr);
  EXPECT_FALSE(network->has_dns);  // Simulated nodes have none.
  // What the service proxy and the DNS of a node read.
  EXPECT_TRUE(kubelet.List<core_v1::Service>());
  EXPECT_TRUE(kubelet.List<core_v1::Namespace>());
  EXPECT_TRUE(kubelet.List<Node>());
}

TEST_F(JoiningTest, AFixedTokenAloneMayVouchForTheServer) {
  JoinOptions options{.data_dir = directory_, .node_name = "composed"};
  const std::string host = "127.0.0.1:" + std::to_string(options_.secure_port);
  options.target = *ParseJoinTarget(host, options_.bootstrap_token, {}, /*any_authority=*/true);
  const auto identity = Join(options);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->node_name, "composed");
  EXPECT_FALSE(EnsureBootstrapToken(*admin_, "short")) << "no token at all";
}

TEST_F(JoiningTest, WhoHasJoinedStaysThatNodeWithoutAToken) {
  auto options = OptionsFor(MakeToken(), "again");
  const auto first = Join(options);
  ASSERT_TRUE(first) << first.error().message;
  options.target = {};
  const auto second = Join(options);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->client.certificate_pem, first->client.certificate_pem);
  options.node_name = "other";
  EXPECT_THAT(ErrorOf(options), AllOf(HasSubstr("as node again already"), HasSubstr("skiff down")));
}

TEST_F(JoiningTest, ACertificateNearItsEndIsRenewedByItself) {
  auto options = OptionsFor(MakeToken(), "renewed");
  const auto first = Join(options);
  ASSERT_TRUE(first) << first.error().message;
  options.target = {};
  const FakeClock later(clock_.Now() + 24h * 300);
  const auto second = JoinCluster(options, later, random_, [](const std::string&) {});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(second->client.certificate_pem, first->client.certificate_pem);
  EXPECT_EQ(second->node_name, "renewed");
  EXPECT_EQ(LoadNodeIdentity(directory_)->client.certificate_pem, second->client.certificate_pem);
}

TEST_F(JoiningTest, ANameThatAReadyNodeHasIsTaken) {
  EXPECT_THAT(ErrorOf(OptionsFor(MakeToken(), "node-0")),
              AllOf(HasSubstr("a Node with name \"node-0\" and status \"Ready\" already exists"),
                    HasSubstr("--node-name")));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/kubelet.conf"));
}

TEST_F(JoiningTest, ATokenThatWasDeletedOrNeverWasLetsNobodyIn) {
  const auto token = MakeToken();
  auto options = OptionsFor(token, "n3");
  ASSERT_TRUE(admin_->Delete<Secret>({"kube-system", token.SecretName()}));
  // The signer takes its signature away.
  ListOptions scope;
  scope.namespace_ = "kube-public";
  ASSERT_TRUE(WaitForObject<core_v1::ConfigMap>(
      {*admin_, clock_, random_}, scope,
      [&](const core_v1::ConfigMap& it) {
        return it.metadata.name == "cluster-info" &&
               !it.data.contains("jws-kubeconfig-" + token.id);
      },
      kPatience));
  EXPECT_THAT(ErrorOf(options), HasSubstr("does not know the token " + token.id));
  options.target.token = *BootstrapToken::Parse("zzzzzz.0123456789abcdef");
  EXPECT_THAT(ErrorOf(options), HasSubstr("does not know the token zzzzzz"));
}

TEST_F(JoiningTest, AWrongSecretOrHashIsNotSentAnywhere) {
  auto options = OptionsFor(MakeToken(), "n4");
  const auto good = options.target;
  options.target.token.secret = std::string(16, 'x');
  EXPECT_THAT(ErrorOf(options), HasSubstr("second part of the token"));
  options.target = good;
  options.target.authority_pins = {"sha256:" + std::string(64, '0')};
  EXPECT_THAT(ErrorOf(options), AllOf(HasSubstr("--ca-hash"), HasSubstr(good.authority_pins[0])));
}

TEST_F(JoiningTest, AClockThatIsHoursOffIsNamedBeforeAnythingElseFails) {
  const FakeClock ahead(clock_.Now() + 2h);
  const auto joined =
      JoinCluster(OptionsFor(MakeToken(), "n5"), ahead, random_, [](const std::string&) {});
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, AllOf(HasSubstr("ahead of"), HasSubstr("timedatectl")));
}

TEST_F(JoiningTest, AServerThatDoesNotAnswerIsSaidNotTo) {
  auto options = OptionsFor(MakeToken(), "n6");
  options.target.server = "https://127.0.0.1:" + std::to_string(FreePort());
  EXPECT_THAT(ErrorOf(options), AllOf(HasSubstr("no API server answers"), HasSubstr("firewall")));
}

TEST_F(JoiningTest, ATokenThatIsOnlyForSigningDoesNotLetIn) {
  NewToken wanted{.ttl = 1h};
  wanted.secret.token = BootstrapToken::Generate(random_);
  wanted.secret.may_sign = true;
  ASSERT_TRUE(CreateToken(*admin_, clock_, random_, wanted));
  EXPECT_THAT(ErrorOf(OptionsFor(wanted.secret.token, "n7")),
              HasSubstr("lacks the usage \"authentication\""));
}

TEST_F(JoiningTest, AKubeletGetsAServingCertificateForItsAddress) {
  const auto identity = Join(OptionsFor(MakeToken(), "serving"));
  ASSERT_TRUE(identity) << identity.error().message;
  const auto transport = *MakeHttpsTransport(HttpsOptionsOf(*identity));
  Client client(*transport, "kubelet");
  Node node;
  node.metadata.name = "serving";
  auto& address = node.status.addresses.emplace_back();
  address.type = "InternalIP";
  address.address = "10.9.8.7";
  ASSERT_TRUE(client.Create(node));
  Mutex mutex;
  CondVar changed;
  std::optional<KeyPair> shown;
  ServingCertificate serving({client, clock_, random_}, {directory_, "serving", "10.9.8.7"},
                             [&](const KeyPair& pair) {
                               const MutexLock lock(mutex);
                               shown = pair;
                               changed.notify_all();
                             });
  const auto first = serving.Initial();
  ASSERT_TRUE(first);
  ThreadExecutor executor("test", 2);
  serving.requests().Start(executor);
  executor.Add(serving);
  {
    MutexLock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return shown.has_value(); }));
  }
  executor.Remove(serving);
  serving.requests().Stop();
  EXPECT_NE(shown->certificate_pem, first->certificate_pem);
  const auto names = *NamesOfCertificate(shown->certificate_pem);
  EXPECT_THAT(names.ip_addresses, testing::ElementsAre("10.9.8.7"));
  // The next start takes the same one up again.
  ServingCertificate later({client, clock_, random_}, {directory_, "serving", "10.9.8.7"},
                           [](const KeyPair&) {});
  EXPECT_EQ(later.Initial()->certificate_pem, shown->certificate_pem);
}

TEST_F(JoiningTest, TokensAreListedAsKubeadmDoes) {
  BootstrapSecret lasting{.token = *BootstrapToken::Parse("abc123.0123456789abcdef")};
  lasting.may_authenticate = lasting.may_sign = true;
  BootstrapSecret ending{.token = *BootstrapToken::Parse("def456.0123456789abcdef")};
  const TimePoint now{1'700'000'000s};
  ending.expiration = now + 23h + 59min;
  ending.groups = {"system:bootstrappers:a", "system:bootstrappers:b"};
  EXPECT_EQ(DescribeTokens({lasting, ending}, now),
            "TOKEN                     TTL         EXPIRES                USAGES                   "
            "DESCRIPTION   EXTRA GROUPS\n"
            "abc123.0123456789abcdef   <forever>   <never>                authentication,signing   "
            "<none>        <none>\n"
            "def456.0123456789abcdef   23h         2023-11-15T22:12:20Z   <none>                   "
            "<none>        system:bootstrappers:a,system:bootstrappers:b\n");
}

}  // namespace
}  // namespace skiff
