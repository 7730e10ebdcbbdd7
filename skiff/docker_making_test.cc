// Over a program that stands for `docker` and its engine.
#include "skiff/docker_making.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "skiff/docker_cluster.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_parts.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

// What is there is a file with the words it was made with, one a line; labels are among them.
constexpr char kEngine[] = R"sh(#!/bin/sh
cd "$(dirname "$0")" || exit 1
for last; do :; done
name=$last previous=
for word; do [ "$previous" != --name ] || name=$word; previous=$word; done
label() { sed -n "s|^$1=||p" "$2"; }
case "$1 $2" in
  "volume create") [ -e "volumes/$name" ] || printf '%s\n' "$@" >"volumes/$name" ;;
  "volume rm")
    [ ! -e "containers/$name" ] || { echo "volume is in use" >&2; exit 1; }
    rm "volumes/$name" ;;
  "create "*)
    [ ! -e "containers/$name" ] || { echo "the name is already in use by container 7" >&2; exit 1; }
    printf '%s\n' "$@" >"containers/$name" ;;
  "rm --force") rm -f "containers/$name" ;;
  "cp "*) case $name in
      -) [ -e "keys/${2%%:*}" ] || { echo "Could not find the file ${2#*:} in it" >&2; exit 1; } ;;
      *) touch "keys/${name%%:*}" ;;
    esac ;;
  "volume inspect") label "$(echo "$4" | sed 's|.*"\(skiff.io[^"]*\)".*|\1|')" "volumes/$name" ;;
  "inspect --format")
    [ "$3" != '{{.Config.Image}}' ] || grep -m 1 '^skiff:' "containers/$name"
    label="$(echo "$3" | sed -n 's|.*"\(skiff.io[^"]*\)".*|\1|p')"
    [ -z "$label" ] || label "$label" "containers/$name" | sed 's|^|=|' ;;
  "volume ls") for each in $(ls volumes); do
      printf '%s\t%s\t%s\n' "$each" "$(label skiff.io/cluster "volumes/$each")" \
        "$(label skiff.io/settings "volumes/$each")"
    done ;;
  "ps --all") for each in $(ls containers); do
      printf '%s\t%s\n' "$each" "$(label skiff.io/cluster "containers/$each")"
    done ;;
  "logs "*) cat said 2>/dev/null; echo usable ;;
esac
)sh";

class DockerMakingTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* kind : {"volumes", "containers", "keys"}) {
      fs::create_directories(here_ + "/" + kind);
    }
    std::ofstream(here_ + "/docker") << kEngine;
    fs::permissions(here_ + "/docker", fs::perms::owner_all);
    setenv("PATH", (here_ + ":" + path_).c_str(), 1);
  }
  void TearDown() override {
    setenv("PATH", path_.c_str(), 1);
    fs::remove_all(here_);
  }
  bool Has(const std::string& what) const { return fs::exists(here_ + "/" + what); }
  // As somebody else did it.
  void Add(std::vector<std::string> command) const {
    const auto added = Docker(std::move(command));
    ASSERT_TRUE(added) << added.error().message;
  }
  DockerParts Parts() const {
    auto parts = DockerPartsOf("dev");
    EXPECT_TRUE(parts) << parts.error().message;
    return std::move(parts).value_or(DockerParts());
  }

  const std::string path_ = std::getenv("PATH");
  const std::string here_ = testing::TempDir() + "/docker-making-" + std::to_string(getpid());
  const DockerParts none_;
  const Progress silent_ = [](const std::string&) {};
  DockerOptions options_{.name = "dev", .nodes = 1, .etcd_members = 1, .secure_port = 7443};
};

TEST_F(DockerMakingTest, WhoLosesARaceTakesNothingOfTheWinnersAway) {
  // The winner has made the volume since the loser looked, and for some a container already.
  for (const char* volume : {"dev-settings", "dev-etcd-1", "dev-server"}) {
    Add({"volume", "create", "--label", "skiff.io/cluster=dev", volume});
    Add({"create", "--name", "dev-server"});
    DockerMaking making(options_, none_, silent_);
    const auto brought = making.Bring({}, {.members = {1}, .servers = {1}, .balancer = true});
    ASSERT_FALSE(brought) << volume;
    EXPECT_EQ(brought.error().reason, Reason::kConflict) << volume;
    const Error error = making.Undo(brought.error());
    EXPECT_THAT(error.message, HasSubstr("somebody else makes this cluster")) << volume;
    EXPECT_TRUE(Has("volumes/" + std::string(volume)));
    EXPECT_TRUE(Has("containers/dev-server"));
    EXPECT_FALSE(Has("containers/dev-etcd-1"));
    for (const char* each : {"dev-settings", "dev-etcd-1", "dev-server"}) {
      EXPECT_EQ(Has(std::string("volumes/") + each), each == std::string(volume)) << volume;
    }
    fs::remove(here_ + "/volumes/" + volume);
    fs::remove(here_ + "/containers/dev-server");
  }
}

TEST_F(DockerMakingTest, WhatANodeWarnsOfStaysAWarning) {
  std::ofstream(here_ + "/said") << "  starting it\nI1120 16:00:23.688 apiserver] up\n"
                                    "  note: a note\nwarning: the clock is off\n";
  std::vector<std::string> told;
  DockerMaking making(options_, none_, [&](const std::string& line) { told.push_back(line); });
  ASSERT_TRUE(making.Bring({}, {.members = {1}, .servers = {1}, .balancer = true}));
  EXPECT_THAT(told, IsSupersetOf({"dev-server: starting it", "note: dev-server: a note",
                                  "warning: dev-server: the clock is off"}));
  EXPECT_THAT(told, Not(Contains(HasSubstr("apiserver]"))));
}

TEST_F(DockerMakingTest, OneThatWasEndedBeforeItGaveKeysIsToldOf) {
  DockerMaking first(options_, none_, silent_);
  ASSERT_TRUE(first.Bring({}, {.members = {1}, .servers = {1}, .balancer = true}));
  for (const char* each : {"dev-etcd-1", "dev-server"}) {
    const auto again = [&](const DockerMissing& missing, const std::vector<DockerNode>& there) {
      const DockerParts parts = Parts();
      DockerMaking second(options_, parts, silent_);
      const auto brought = second.Bring(there, missing);
      return brought ? std::string() : second.Undo(brought.error()).message;
    };
    const bool is_member = each == std::string("dev-etcd-1");
    const DockerNode made{.cluster = "dev",
                          .name = each,
                          .state = "created",
                          .role = is_member ? kDockerEtcdRole : kDockerServerRole};
    EXPECT_EQ(again({}, {made}), "");
    fs::remove(here_ + "/keys/" + each);
    EXPECT_THAT(again({}, {made}), HasSubstr(std::string(each) + " has no keys"));
    EXPECT_TRUE(Has(std::string("containers/") + each));
    Add({"rm", "--force", "--volumes", each});
    const DockerMissing missing = is_member ? DockerMissing{.members = {1}}
                                            : DockerMissing{.servers = {1}};
    EXPECT_THAT(again(missing, {}), HasSubstr("skiff down --docker --name=dev"));
    EXPECT_FALSE(Has(std::string("containers/") + each));
    EXPECT_TRUE(Has(std::string("volumes/") + each)) << "that was there before";
    std::ofstream(here_ + "/keys/" + each) << "key";
    EXPECT_EQ(again(missing, {}), "");
  }
}

TEST_F(DockerMakingTest, KeysThatAnEndedOneHasLeftAreTakenAway) {
  setenv("TMPDIR", here_.c_str(), 1);
  const std::string left = here_ + "/skiff-keys-dev.abcdef";
  const std::string others = here_ + "/skiff-keys-dev-two.abcdef";
  const std::string linked = here_ + "/skiff-keys-dev.ghijkl";
  for (const std::string& each : {left, others}) fs::create_directories(each + "/server");
  fs::create_directory_symlink(others, linked);
  DockerFiles::RemoveLeft("dev");
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(others + "/server"));
  EXPECT_TRUE(fs::exists(linked));
  auto files = DockerFiles::Make(options_, false);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(files->OfBalancer(), HasSubstr(here_ + "/skiff-keys-dev."));
  DockerFiles::RemoveLeft("dev");
  EXPECT_FALSE(fs::exists(files->OfBalancer())) << "by the name that it has";
  unsetenv("TMPDIR");
}

TEST_F(DockerMakingTest, SettingsThatWerePrunedAreWrittenAgainAsTheyWere) {
  options_.image = "skiff:7";
  options_.published_ports = {"80:80"};
  options_.server_arguments = {"--feature=a b"};
  DockerMaking first(options_, none_, silent_);
  const auto made = first.Bring({}, {.members = {1}, .servers = {1}, .balancer = true});
  ASSERT_TRUE(made) << made.error().message;
  const std::string text = DockerSettingsText(options_);
  for (const char* volume : {"dev-settings", "dev-etcd-1", "dev-server"}) {
    EXPECT_EQ(Parts().settings[volume], text) << volume;
  }
  Add({"volume", "rm", "dev-settings"});
  for (const char* lost : {"dev-etcd-1", "dev-server", "dev-api"}) {
    Add({"rm", "--force", "--volumes", lost});
    DockerParts parts = Parts();
    EXPECT_FALSE(parts.settings.contains("dev-settings"));
    DockerOptions again{.name = "dev", .secure_port = 7443};
    const auto missing = MissingOf(again, parts);
    ASSERT_TRUE(missing) << missing.error().message;
    ASSERT_TRUE(AddDockerSettings(again, parts));
    EXPECT_EQ(DockerSettingsText(again), text);
    DockerMaking second(again, parts, silent_);
    const auto brought = second.Bring({}, *missing);
    ASSERT_TRUE(brought) << brought.error().message;
    EXPECT_TRUE(Has(std::string("containers/") + lost));
    EXPECT_EQ(Parts().settings["dev-settings"], text) << lost;
    Add({"volume", "rm", "dev-settings"});
  }
}

TEST_F(DockerMakingTest, OfPrunedSettingsTheContainersKnowWhatWasSaidLast) {
  options_.published_ports = {"80:80"};
  DockerMaking first(options_, none_, silent_);
  ASSERT_TRUE(first.Bring({}, {.members = {1}, .servers = {1}, .balancer = true}));
  Add({"volume", "rm", "dev-settings"});
  for (const char* each : {"dev-server", "dev-api"}) Add({"rm", "--force", "--volumes", each});
  options_.published_ports = {"81:81"};
  options_.image = "skiff:8";
  Add(DockerBalancerCommand(options_));
  DockerOptions again{.name = "dev"};
  ASSERT_TRUE(AddDockerSettings(again, Parts()));
  EXPECT_EQ(again.image, "skiff:8");
  EXPECT_EQ(again.published_ports, options_.published_ports);
}

TEST_F(DockerMakingTest, PortsAreRefusedThatABalancerWithoutServersDoesNotHave) {
  options_.published_ports = {"80:80"};
  Add(DockerBalancerCommand(options_));
  const auto same = CheckDockerSaid(options_, Parts());
  EXPECT_TRUE(same) << same.error().message;
  options_.published_ports = {"81:81"};
  const auto other = CheckDockerSaid(options_, Parts());
  ASSERT_FALSE(other) << "it would not have that port, without a word";
  EXPECT_THAT(other.error().message,
              HasSubstr("balancer has --publish=80:80, not --publish=81:81"));
  EXPECT_THAT(other.error().message, HasSubstr("docker rm -f dev-api, and this once more"));
  Add({"rm", "--force", "--volumes", "dev-api"});
  Add({"create", "--label", "skiff.io/cluster=dev", "--name", "dev-api"});
  const auto older = CheckDockerSaid(options_, Parts());
  ASSERT_FALSE(older) << "an older skiff's tells nothing";
  EXPECT_THAT(older.error().message, HasSubstr("balancer has ports that it does not tell, not"));
  options_.published_ports.clear();
  EXPECT_TRUE(CheckDockerSaid(options_, Parts())) << "nothing is said";
}

}  // namespace
}  // namespace skiff
