#include "skiff/docker_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/auth/pki.h"
#include "base/process.h"
#include "client/kubeconfig.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(DockerClusterTest, NothingIsRemovedOfAClusterWithoutAName) {
  for (const char* name : {"", "../../x"}) {
    bool is_begun = false;
    const auto down = DockerDown(
        name, [](const std::string&) {}, [&] { is_begun = true; });
    ASSERT_FALSE(down);
    EXPECT_THAT(down.error().message, HasSubstr("--name"));
    EXPECT_FALSE(is_begun);
  }
}

TEST(DockerClusterTest, TheServerPublishesItsApiAndWhatIsAskedFor) {
  const auto command =
      DockerServerCommand({.name = "dev", .secure_port = 7443, .published_ports = {"8080:30080"}});
  const std::string line = testing::PrintToString(command);
  EXPECT_THAT(command, Contains("127.0.0.1:7443:7443"));
  EXPECT_THAT(command, Contains("8080:30080"));
  EXPECT_THAT(command, Contains("skiff.io/cluster=dev"));
  EXPECT_THAT(command, Contains("skiff.io/publish=8080:30080"));
  EXPECT_THAT(command, Contains("dev-server:/var/lib/skiff"));
  // Flags of docker run come before the image, those of skiff after it.
  const auto image = std::find(command.begin(), command.end(), "skiff");
  ASSERT_NE(image, command.end()) << line;
  EXPECT_THAT(std::vector<std::string>(image, command.end()),
              ElementsAre("skiff", "up", "--foreground", "--secure-port=7443"));
}

TEST(DockerClusterTest, AServerWithAgentsRunsNoPods) {
  EXPECT_THAT(DockerServerCommand({.name = "dev", .nodes = 2}),
              Contains("--register-with-taints=node-role.kubernetes.io/control-plane:NoSchedule"));
  const auto command = DockerServerCommand(
      {.name = "dev", .nodes = 2, .server_arguments = {"--register-with-taints="}});
  EXPECT_THAT(command, Contains("--register-with-taints=")) << "unless it is said otherwise";
  EXPECT_THAT(command, Not(Contains(HasSubstr("NoSchedule"))));
}

TEST(DockerClusterTest, IPv6IsTurnedOnWherePodsHaveIt) {
  const DockerOptions options{
      .name = "dev", .server_arguments = {"--cluster-cidr=10.244.0.0/16,fd00:10:244::/56"}};
  const std::string all = "net.ipv6.conf.all.disable_ipv6=0";
  EXPECT_THAT(DockerServerCommand(options), Contains(all));
  EXPECT_THAT(DockerAgentCommand(options, 1, {}), Contains(all));
  EXPECT_THAT(DockerServerCommand({.name = "dev"}), Not(Contains(all)));
}

TEST(DockerClusterTest, AnAgentJoinsTheServer) {
  const auto command = DockerAgentCommand({.name = "dev"}, 2, {"dev-server:6443", "--token", "t"});
  EXPECT_THAT(command, Contains("dev-agent-2"));
  const auto image = std::find(command.begin(), command.end(), "skiff");
  EXPECT_THAT(std::vector<std::string>(image, command.end()),
              ElementsAre("skiff", "join", "--foreground", "dev-server:6443", "--token", "t"));
}

TEST(DockerClusterTest, SeveralServersStandOnMembersBehindABalancer) {
  const DockerOptions options{.name = "dev",
                              .nodes = 5,
                              .etcd_members = 3,
                              .secure_port = 7443,
                              .published_ports = {"127.0.0.1:8080:30080"}};
  EXPECT_THAT(DockerContainerNames(options),
              ElementsAre("dev-etcd-1", "dev-etcd-2", "dev-etcd-3", "dev-server", "dev-server-2",
                          "dev-server-3", "dev-agent-1", "dev-agent-2", "dev-api"));
  const auto server = DockerServerCommand(options, 2);
  EXPECT_THAT(server, Contains("dev-server-2:/var/lib/skiff"));
  EXPECT_THAT(server, Contains("--etcd-servers=https://dev-etcd-1:2379,https://dev-etcd-2:2379,"
                               "https://dev-etcd-3:2379"));
  EXPECT_THAT(server, Contains("--control-plane-endpoint=dev-api:7443"));
  EXPECT_THAT(server, Not(Contains("--publish"))) << "the balancer has the ports";
  EXPECT_THAT(server, Contains(HasSubstr("NoSchedule"))) << "there are agents for pods";
  const auto member = DockerEtcdCommand(options, 2);
  EXPECT_THAT(member, Contains("--advertise-client-urls=https://dev-etcd-2:2379"));
  EXPECT_THAT(member, Contains(HasSubstr("dev-etcd-3=https://dev-etcd-3:2380")));
  EXPECT_THAT(member, Contains("--client-cert-auth"));
  EXPECT_THAT(member, Contains("--peer-client-cert-auth"));
  const auto balancer = DockerBalancerCommand(options);
  EXPECT_THAT(balancer, Contains("127.0.0.1:7443:7443"));
  EXPECT_THAT(balancer, Contains("127.0.0.1:8080:30080"));
  EXPECT_THAT(balancer, Contains("--tmpfs"));
  EXPECT_THAT(balancer, Contains("skiff.io/publish=127.0.0.1:8080:30080"));
  const std::string config = BalancerConfig(options);
  EXPECT_THAT(config, HasSubstr("    server dev-server-3 dev-server-3:7443\n"));
  EXPECT_THAT(config, Not(HasSubstr("shutdown-sessions"))) << "it ends what is being connected";
  EXPECT_THAT(config, HasSubstr("listen port-30080\n    bind :30080\n    server dev-server dev-s"));
  DockerOptions twice = options;
  twice.published_ports = {"8080:30080", "8081:30080", "7000:7443"};
  EXPECT_EQ(BalancerConfig(twice), config) << "HAProxy refuses a name, or a port, said twice";
}

TEST(DockerClusterTest, ServersAreNodesAsManyAsThereAreOfThese) {
  EXPECT_EQ(DockerServers({.nodes = 3}), 1);
  EXPECT_EQ(DockerServers({.nodes = 2, .etcd_members = 3}), 2);
  EXPECT_EQ(DockerServers({.etcd_members = 3}), 1);
  EXPECT_THAT(DockerServerCommand({.name = "dev", .nodes = 3, .etcd_members = 3}),
              Not(Contains(HasSubstr("NoSchedule"))))
      << "there is nowhere else for pods to be";
}

TEST(DockerClusterTest, KeysAreMadeForEachOfThemAndGo) {
  std::string directory;
  {
    const auto keys = DockerFiles::Make({.name = "dev", .nodes = 2, .etcd_members = 2}, true);
    ASSERT_TRUE(keys) << keys.error().message;
    directory = keys->OfServers();
    for (const char* file :
         {"/pki/ca.key", "/pki/front-proxy-ca.key", "/service-account.key",
          "/pki/etcd-servers.crt", "/pki/apiserver-etcd-client.key"}) {
      EXPECT_TRUE(ReadWholeFile(directory + file)) << file;
    }
    const auto authority = ReadWholeFile(directory + "/pki/etcd-servers.crt");
    EXPECT_NE(*authority, *ReadWholeFile(directory + "/pki/ca.crt"));
    for (const int member : {1, 2}) {
      EXPECT_EQ(*ReadWholeFile(keys->OfMember(member) + "/ca.crt"), *authority);
      EXPECT_TRUE(ReadWholeFile(keys->OfMember(member) + "/member.key"));
    }
    EXPECT_TRUE(ReadWholeFile(keys->OfBalancer() + "/haproxy.cfg"));
  }
  EXPECT_FALSE(ReadWholeFile(directory + "/pki/ca.key"));
}

TEST(DockerClusterTest, TheJoinCommandIsReadWithAnotherHost) {
  EXPECT_THAT(JoinArguments("note: x\nskiff join 10.0.0.2:6443 --token a.b --ca-hash sha256:c\n",
                            "dev-server:6443"),
              ElementsAre("dev-server:6443", "--token", "a.b", "--ca-hash", "sha256:c"));
  EXPECT_TRUE(JoinArguments("error: nothing\n", "h").empty());
}

TEST(DockerClusterTest, KubeconfigsOfSeveralClustersFitIntoOneFile) {
  const std::string inside =
      "clusters: [{name: skiff, cluster: {server: 'https://127.0.0.1:6443'}}]\n"
      "users: [{name: kubernetes-admin, user: {token: t}}]\n"
      "contexts: [{name: skiff, context: {cluster: skiff, user: kubernetes-admin}}]\n"
      "current-context: skiff\n";
  const auto text = KubeconfigFor(inside, "https://127.0.0.1:7443", DockerContext("dev"));
  ASSERT_TRUE(text) << text.error().message;
  const auto config = Kubeconfig::Parse(*text, "/");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->current_context, "skiff-dev");
  EXPECT_EQ(config->contexts.at("skiff-dev").cluster, "skiff-dev");
  EXPECT_EQ(config->contexts.at("skiff-dev").user, "skiff-dev");
  EXPECT_EQ(config->clusters.at("skiff-dev").server, "https://127.0.0.1:7443");
  EXPECT_EQ(config->users.at("skiff-dev").token, "t");
  EXPECT_FALSE(KubeconfigFor("{}", "https://127.0.0.1:7443", "skiff-dev"));
}

TEST(DockerClusterTest, ImpossibleOptionsAreRefusedBeforeAnythingRuns) {
  const Progress silent = [](const std::string&) {};
  const auto name = DockerUp({.name = "a b"}, silent);
  ASSERT_FALSE(name);
  EXPECT_THAT(name.error().message, HasSubstr("--name: \"a b\""));
  const auto nodes = DockerUp({.nodes = 0}, silent);
  ASSERT_FALSE(nodes);
  EXPECT_THAT(nodes.error().message, HasSubstr("--nodes: 0 is not between 1 and 50"));
  const auto members = DockerUp({.etcd_members = 9}, silent);
  ASSERT_FALSE(members);
  EXPECT_THAT(members.error().message, HasSubstr("--etcd: 9 is not between 1 and 7"));
  const auto udp = DockerUp({.etcd_members = 3, .published_ports = {"53:53/udp"}}, silent);
  ASSERT_FALSE(udp);
  EXPECT_THAT(udp.error().message, HasSubstr("--publish: \"53:53/udp\""));
  const auto port = DockerUp({.secure_port = 70000}, silent);
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error().message, HasSubstr("--secure-port: 70000 is not between"));
}

TEST(DockerEngineTest, NodesAreListedByClusterTheServerFirst) {
  const auto nodes = ParseDockerNodes(
      "dev\tdev-agent-10\trunning\t\ndev\tdev-agent-2\texited\t\n"
      "dev\tdev-server\trunning\t127.0.0.1:6443->6443/tcp\na\ta-server\trunning\t\n");
  std::vector<std::string> names;
  for (const DockerNode& node : nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("a-server", "dev-server", "dev-agent-2", "dev-agent-10"));
  EXPECT_EQ(nodes[1].ports, "127.0.0.1:6443->6443/tcp");
  EXPECT_EQ(nodes[2].state, "exited");
}

TEST(DockerEngineTest, ContainersAreListedAsTheyCanBeStarted) {
  const auto all = ParseDockerNodes(
      "dev\tdev-api\trunning\t127.0.0.1:6443->6443/tcp\tbalancer\n"
      "dev\tdev-agent-1\trunning\t\tagent\ndev\tdev-server-2\trunning\t\tserver\n"
      "dev\tdev-server\trunning\t\tserver\ndev\tdev-etcd-1\trunning\t2379/tcp\tetcd\n");
  std::vector<std::string> names;
  int nodes = 0;
  for (const DockerNode& each : all) {
    names.push_back(each.name);
    nodes += each.is_node() ? 1 : 0;
  }
  EXPECT_THAT(names, ElementsAre("dev-etcd-1", "dev-server", "dev-server-2", "dev-agent-1",
                                 "dev-api"));
  EXPECT_EQ(nodes, 3);
}

TEST(DockerEngineTest, ATakenPortIsReadFromWhatEnginesSay) {
  EXPECT_EQ(TakenPortOf("docker: Error response from daemon: driver failed programming external "
                        "connectivity on endpoint dev-server (1f): Bind for 127.0.0.1:6443 failed: "
                        "port is already allocated."),
            "127.0.0.1:6443");
  EXPECT_EQ(TakenPortOf("Error starting userland proxy: listen tcp4 127.0.0.1:7000: bind: address "
                        "already in use."),
            "127.0.0.1:7000");
  EXPECT_EQ(
      TakenPortOf("failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already "
                  "in use"),
      "0.0.0.0:80");
  EXPECT_EQ(TakenPortOf("Error response from daemon: no such image"), "");
}

}  // namespace
}  // namespace skiff
