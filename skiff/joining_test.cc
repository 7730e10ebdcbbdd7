// Joining, over real TLS on the loopback, to a real cluster of simulated nodes: the API server with
// the authorization that `skiff up` gives it, and all programs under their own identities.
#include "skiff/joining.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "client/scoped_informer.h"
#include "skiff/joined_cluster_test.h"
#include "skiff/token.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Secret;
using testing::AllOf;
using testing::HasSubstr;

class JoiningTest : public JoinedClusterTest {};

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

TEST_F(JoiningTest, TheServersNodeGetsItsRoleOnce) {
  ASSERT_TRUE(MarkControlPlane(*admin_, "node-0"));
  const auto marked = *admin_->Get<Node>({"", "node-0"});
  EXPECT_TRUE(marked->metadata.labels.contains("node-role.kubernetes.io/control-plane"));
  admin_->Patch(*marked, [](Node& it) { it.metadata.labels["zone"] = "a"; }).value();
  ASSERT_TRUE(MarkControlPlane(*admin_, "node-0"));
  EXPECT_EQ((*admin_->Get<Node>({"", "node-0"}))->metadata.labels.at("zone"), "a");
  const auto missing = MarkControlPlane(*admin_, "nobody");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::kNotFound);
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
  EXPECT_TRUE(kubelet.List<core_v1::Service>());
  // What the service proxy and the DNS of a node read, they read by an identity of their own.
  EXPECT_FALSE(kubelet.List<core_v1::Namespace>());
  EXPECT_FALSE(kubelet.List<Node>());
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

TEST_F(JoiningTest, ACertificateThatEndedWhileTheNodeWasOffTakesAToken) {
  auto options = OptionsFor(MakeToken(), "slept");
  const auto first = Join(options);
  ASSERT_TRUE(first) << first.error().message;
  const auto target = std::exchange(options.target, {});
  const FakeClock later(clock_.Now() + 24h * 366);
  const auto refused = JoinCluster(options, later, random_, [](const std::string&) {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("has ended"), HasSubstr("token create")));
  // The node of then, with a certificate that has really ended.
  const TimePoint long_ago = clock_.Now() - 24h * 800;
  const auto authority = *CertificateAuthority::Create("kubernetes", long_ago);
  NodeIdentity ended = *first;
  ended.client = *authority.Issue(NodeClientCertificate("slept").order, long_ago);
  ASSERT_TRUE(SaveNodeIdentity(directory_, ended));
  options.target = target;
  options.node_name.clear();
  const auto again = Join(options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->node_name, "slept");
  EXPECT_GT(*ExpiryOf(again->client.certificate_pem), clock_.Now());
}

TEST_F(JoiningTest, AMachineOnAClashingNetworkIsTurnedAwayBeforeTheClusterKnowsOfIt) {
  auto options = OptionsFor(MakeToken(), "clashing");
  options.accepts = [](const ClusterNetwork& network) -> Result<> {
    return Fail(Reason::kForbidden, "clashes with " + network.cluster_cidr);
  };
  EXPECT_EQ(ErrorOf(options), "clashes with " + options_.cluster_cidr);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/kubelet.conf"));
  const auto requests = admin_->List<certificates_v1::CertificateSigningRequest>();
  ASSERT_TRUE(requests);
  for (const auto& request : *requests) {
    EXPECT_THAT(NamesOfRequest(request->spec.request)->common_name,
                testing::Not(HasSubstr("clashing")));
  }
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

TEST_F(JoiningTest, ATokenThatHasExpiredLetsNobodyIn) {
  const auto options = OptionsFor(MakeToken(1s), "late");
  // The token cleaner deletes it in its time, and the signer takes its signature away.
  ListOptions scope;
  scope.namespace_ = "kube-public";
  ASSERT_TRUE(WaitForObject<core_v1::ConfigMap>(
      {*admin_, clock_, random_}, scope,
      [&](const core_v1::ConfigMap& it) {
        return it.metadata.name == "cluster-info" &&
               !it.data.contains("jws-kubeconfig-" + options.target.token.id);
      },
      kPatience));
  EXPECT_THAT(ErrorOf(options), AllOf(HasSubstr("it has expired"), HasSubstr("token create")));
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

TEST_F(JoiningTest, AMachineThatHasJoinedIsToldOfItsClock) {
  const auto identity = Join(OptionsFor(MakeToken(), "late-riser"));
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(ClockProblem(*identity, clock_), "");
  const FakeClock behind(clock_.Now() - 2h);
  EXPECT_THAT(ClockProblem(*identity, behind), HasSubstr("2 h 0 min behind the server's"));
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

// An address that nobody named would be refused, and say nothing.
TEST(TokenMainTest, WhereNoClusterIsKnownThatIsSaid) {
  const std::string nowhere = testing::TempDir() + "/skiff-token-" + std::to_string(getpid());
  const char* home = std::getenv("HOME");
  const char* variable = std::getenv("KUBECONFIG");
  const std::string old_home = home == nullptr ? "" : home;
  const std::string old_variable = variable == nullptr ? "" : variable;
  setenv("HOME", nowhere.c_str(), 1);
  unsetenv("KUBECONFIG");
  testing::internal::CaptureStderr();
  EXPECT_EQ(TokenMain({"list", "--data-dir=" + nowhere}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "error: no cluster is known here: run this on the server (its data directory is " +
                nowhere + "), or name a kubeconfig with --kubeconfig\n");
  setenv("HOME", old_home.c_str(), 1);
  if (!old_variable.empty()) setenv("KUBECONFIG", old_variable.c_str(), 1);
}

TEST(JoinCommandTest, SaysWhatNoOtherMachineCanJoinBy) {
  for (const char* host : {"127.0.0.1:6443", "localhost:6443", "[::1]:6443"}) {
    EXPECT_THAT(JoinCommandProblem(std::string("skiff join ") + host + " --token x --ca-hash y"),
                testing::HasSubstr("--bind-address=0.0.0.0"))
        << host;
  }
  EXPECT_EQ(JoinCommandProblem("skiff join 10.1.2.3:6443 --token x --ca-hash y"), "");
  EXPECT_EQ(JoinCommandProblem("skiff join [fd00::1]:6443 --token x --ca-hash y"), "");
}

}  // namespace
}  // namespace skiff
