#include "skiff/docker_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "skiff/docker_making.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kThreeOfEach[] = R"({"members": 3, "servers": 3})";

// Of `skiff up --docker --name=dev --nodes=4 --etcd=3`.
DockerParts OverEtcd() {
  const std::set<std::string> nodes = {"dev-etcd-1",   "dev-etcd-2",   "dev-etcd-3", "dev-server",
                                       "dev-server-2", "dev-server-3", "dev-agent-1"};
  DockerParts parts{.containers = nodes, .volumes = nodes, .networks = {"dev"}};
  parts.containers.insert("dev-api");
  parts.volumes.insert("dev-settings");
  for (const std::string& volume : parts.volumes) {
    if (volume != "dev-agent-1") parts.settings[volume] = kThreeOfEach;
  }
  return parts;
}

TEST(DockerPartsTest, ANewClusterLacksAllThatIsAskedFor) {
  DockerOptions options{.name = "dev", .nodes = 5, .etcd_members = 3};
  const auto missing = MissingOf(options, {});
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_THAT(missing->members, ElementsAre(1, 2, 3));
  EXPECT_THAT(missing->servers, ElementsAre(1, 2, 3));
  EXPECT_THAT(missing->agents, ElementsAre(1, 2));
  EXPECT_TRUE(missing->balancer);
  DockerOptions usual{.name = "dev"};
  const auto one = MissingOf(usual, {});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_THAT(one->servers, ElementsAre(1));
  EXPECT_FALSE(one->balancer || !one->agents.empty() || !one->members.empty());
  EXPECT_EQ(usual.nodes, 1);
}

TEST(DockerPartsTest, ALostServerBesideEtcdIsAServerAgain) {
  for (const char* name : {"dev-server", "dev-server-2", "dev-server-3"}) {
    DockerParts parts = OverEtcd();
    parts.containers.erase(name);
    DockerOptions options{.name = "dev"};
    const auto missing = MissingOf(options, parts);
    ASSERT_TRUE(missing) << missing.error().message;
    ASSERT_EQ(missing->servers.size(), 1u) << name;
    EXPECT_EQ(DockerServerName("dev", *missing->servers.begin()), name);
    EXPECT_THAT(missing->agents, IsEmpty());
    EXPECT_FALSE(missing->balancer);
    EXPECT_EQ(options.nodes, 4);
    EXPECT_EQ(options.etcd_members, 3);
  }
}

TEST(DockerPartsTest, MembersAndTheBalancerAreMadeAgainOverVolumesAlone) {
  DockerParts parts = OverEtcd();
  parts.containers.clear();
  DockerOptions options{.name = "dev", .etcd_members = 3};
  const auto all = MissingOf(options, parts);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(all->members, ElementsAre(1, 2, 3));
  EXPECT_THAT(all->servers, ElementsAre(1, 2, 3));
  EXPECT_THAT(all->agents, ElementsAre(1));
  EXPECT_TRUE(all->balancer);
  parts.volumes.erase("dev-etcd-2");
  const auto lost = MissingOf(options, parts);
  ASSERT_FALSE(lost) << "another one with its name would be told nothing by the others";
  EXPECT_THAT(lost.error().message, HasSubstr("lacks the volume dev-etcd-2: it was removed"));
  parts.settings.clear();
  EXPECT_THAT(MissingOf(options, parts).error().message, HasSubstr("the keys that an older skiff"));
}

TEST(DockerPartsTest, NodesThatCameLaterAreAgents) {
  // Made with --nodes=1 --etcd=3: one server, and the balancer knows no other.
  DockerParts parts;
  parts.volumes = {"dev-etcd-1", "dev-etcd-2", "dev-etcd-3", "dev-server", "dev-settings"};
  parts.containers = {"dev-etcd-1", "dev-etcd-2", "dev-etcd-3", "dev-server", "dev-api"};
  // The second of a skiff that did not write down how many there are.
  for (const char* settings : {R"({"members": 3, "servers": 1})", R"({"image": "skiff"})"}) {
    parts.settings["dev-settings"] = settings;
    DockerOptions options{.name = "dev", .nodes = 3};
    const auto missing = MissingOf(options, parts);
    ASSERT_TRUE(missing) << missing.error().message;
    EXPECT_THAT(missing->servers, IsEmpty());
    EXPECT_THAT(missing->agents, ElementsAre(1, 2));
    EXPECT_EQ(DockerServers(options), 1);
  }
}

TEST(DockerPartsTest, AnUpThatWasEndedLeavesNoSmallerCluster) {
  // --nodes=3 --etcd=3, ended while the first server started.
  DockerParts parts;
  parts.containers = {"dev-etcd-1", "dev-etcd-2", "dev-etcd-3", "dev-server"};
  parts.volumes = parts.containers;
  parts.volumes.insert("dev-settings");
  for (const std::string& volume : parts.volumes) parts.settings[volume] = kThreeOfEach;
  for (const bool pruned : {false, true}) {
    if (pruned) parts.settings.erase("dev-settings");
    DockerOptions options{.name = "dev", .nodes = 3, .etcd_members = 3};
    const auto missing = MissingOf(options, parts);
    ASSERT_FALSE(missing) << "servers " << testing::PrintToString(missing->servers) << ", agents "
                          << testing::PrintToString(missing->agents);
    EXPECT_THAT(missing.error().message,
                HasSubstr("lacks the volume dev-server-2: it was removed, or an up ended before it "
                          "had made that; choose another --name, or remove that one with"));
  }
}

TEST(DockerPartsTest, TheLastMemberAndServerAreNotForgotten) {
  for (const std::string lost : {"dev-etcd-3", "dev-server-3"}) {
    DockerParts parts = OverEtcd();
    parts.containers.erase(lost);
    parts.volumes.erase(lost);
    parts.settings.erase(lost);
    DockerOptions options{.name = "dev"};
    const auto missing = MissingOf(options, parts);
    ASSERT_FALSE(missing) << "it would be a cluster of two without " << lost;
    EXPECT_THAT(missing.error().message, HasSubstr("lacks the volume " + lost));
  }
}

TEST(DockerPartsTest, ALostMemberIsMadeAgainThoughTheSettingsArePruned) {
  DockerParts parts = OverEtcd();
  parts.volumes.erase("dev-settings");
  parts.settings.erase("dev-settings");
  parts.containers.erase("dev-etcd-3");
  DockerOptions options{.name = "dev"};
  const auto missing = MissingOf(options, parts);
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_THAT(missing->members, ElementsAre(3));
  EXPECT_EQ(options.etcd_members, 3);
}

TEST(DockerPartsTest, OneServerIsMadeAgainOverItsVolumeAlone) {
  DockerParts parts{.containers = {"dev-agent-1"}, .volumes = {"dev-server", "dev-agent-1"}};
  DockerOptions options{.name = "dev"};
  const auto missing = MissingOf(options, parts);
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_THAT(missing->servers, ElementsAre(1));
  EXPECT_THAT(missing->agents, IsEmpty());
  EXPECT_EQ(options.nodes, 2);
  DockerOptions fewer{.name = "dev", .nodes = 1};
  EXPECT_THAT(MissingOf(fewer, parts).error().message, HasSubstr("with 2 nodes, not 1"));
  DockerOptions members{.name = "dev", .etcd_members = 3};
  EXPECT_THAT(MissingOf(members, parts).error().message,
              HasSubstr("with 0 members of etcd, not 3"));
  parts.volumes.erase("dev-server");
  EXPECT_THAT(MissingOf(options, parts).error().message, HasSubstr("lacks the volume dev-server:"));
}

TEST(DockerPartsTest, WhatAClusterWasMadeWithIsKeptUnlessAnotherIsSaid) {
  const DockerOptions made{.name = "dev",
                           .image = "skiff:7",
                           .etcd_image = "etcd:3",
                           .published_ports = {"127.0.0.1:8080:30080", "53:53/udp"},
                           .server_arguments = {"--feature=a b", "--quote=\"x\""}};
  const std::string text = DockerSettingsText(made);
  EXPECT_THAT(text, HasSubstr("\"servers\":1"));
  DockerOptions again{.name = "dev"};
  TakeDockerSettings(text, again);
  EXPECT_EQ(again.image, "skiff:7");
  EXPECT_EQ(again.etcd_image, "etcd:3");
  EXPECT_EQ(again.published_ports, made.published_ports);
  EXPECT_EQ(again.server_arguments, made.server_arguments);
  DockerOptions said{.name = "dev",
                     .image = "skiff:8",
                     .image_is_asked = true,
                     .published_ports = {"80:80"}};
  TakeDockerSettings(text, said);
  EXPECT_EQ(said.image, "skiff:8");
  EXPECT_THAT(said.published_ports, ElementsAre("80:80"));
  EXPECT_EQ(said.server_arguments, made.server_arguments);
  for (const char* wrong : {"", "[]", "{\"image\": 7, \"publish\": \"x\"}", "{"}) {
    DockerOptions none{.name = "dev"};
    TakeDockerSettings(wrong, none);
    EXPECT_EQ(none.image, "skiff") << wrong;
    EXPECT_THAT(none.published_ports, IsEmpty()) << wrong;
  }
}

TEST(DockerTurnTest, OneProcessAtATimeMakesAClusterOfAName) {
  // All processes of this machine share these names, other runs of this test among them.
  const std::string name = "turn-test-" + std::to_string(getpid());
  {
    const auto first = DockerTurn::Take(name);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = DockerTurn::Take(name);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason, Reason::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr("\"" + name + "\"; wait until it has ended"));
    EXPECT_TRUE(DockerTurn::Take(name + "-2"));
  }
  EXPECT_TRUE(DockerTurn::Take(name));
}

TEST(DockerTurnTest, WhoCannotAskDoesNotBlameAnotherOne) {
  const Error error = DockerTurn::Refusal(EACCES, "dev");
  EXPECT_EQ(error.reason, Reason::kInternalError);
  EXPECT_THAT(error.message, HasSubstr("Permission denied"));
  EXPECT_EQ(DockerTurn::Refusal(EADDRINUSE, "dev").reason, Reason::kConflict);
}

}  // namespace
}  // namespace skiff
