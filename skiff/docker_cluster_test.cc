#include "skiff/docker_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(DockerClusterTest, TheServerPublishesItsApiAndWhatIsAskedFor) {
  const auto command =
      DockerServerCommand({.name = "dev", .secure_port = 7443, .published_ports = {"8080:30080"}});
  const std::string line = testing::PrintToString(command);
  EXPECT_THAT(command, Contains("127.0.0.1:7443:7443"));
  EXPECT_THAT(command, Contains("8080:30080"));
  EXPECT_THAT(command, Contains("skiff.io/cluster=dev"));
  EXPECT_THAT(command, Contains("dev-server:/var/lib/skiff"));
  // Flags of docker run come before the image, those of skiff after it.
  const auto image = std::find(command.begin(), command.end(), "skiff");
  ASSERT_NE(image, command.end()) << line;
  EXPECT_THAT(std::vector<std::string>(image, command.end()),
              ElementsAre("skiff", "up", "--foreground", "--secure-port=7443"));
}

TEST(DockerClusterTest, AnAgentJoinsTheServer) {
  const auto command = DockerAgentCommand({.name = "dev"}, 2, {"dev-server:6443", "--token", "t"});
  EXPECT_THAT(command, Contains("dev-agent-2"));
  const auto image = std::find(command.begin(), command.end(), "skiff");
  EXPECT_THAT(std::vector<std::string>(image, command.end()),
              ElementsAre("skiff", "join", "--foreground", "dev-server:6443", "--token", "t"));
}

TEST(DockerClusterTest, TheJoinCommandIsReadWithAnotherHost) {
  EXPECT_THAT(JoinArguments("note: x\nskiff join 10.0.0.2:6443 --token a.b --ca-hash sha256:c\n",
                            "dev-server:6443"),
              ElementsAre("dev-server:6443", "--token", "a.b", "--ca-hash", "sha256:c"));
  EXPECT_TRUE(JoinArguments("error: nothing\n", "h").empty());
}

TEST(DockerClusterTest, TheKubeconfigNamesTheHostsAddress) {
  EXPECT_EQ(KubeconfigFor("clusters:\n- cluster:\n    server: https://127.0.0.1:6443\n  name: x\n",
                          "https://127.0.0.1:7443"),
            "clusters:\n- cluster:\n    server: https://127.0.0.1:7443\n  name: x\n");
}

TEST(DockerClusterTest, ImpossibleOptionsAreRefusedBeforeAnythingRuns) {
  const Progress silent = [](const std::string&) {};
  const auto name = DockerUp({.name = "a b"}, silent);
  ASSERT_FALSE(name);
  EXPECT_THAT(name.error().message, HasSubstr("--name: \"a b\""));
  const auto nodes = DockerUp({.nodes = 0}, silent);
  ASSERT_FALSE(nodes);
  EXPECT_THAT(nodes.error().message, HasSubstr("--nodes: 0 is not between 1 and 50"));
}

}  // namespace
}  // namespace skiff
