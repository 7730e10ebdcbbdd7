#include "skiff/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/certificates.h"
#include "base/hash.h"
#include "base/pem.h"
#include "skiff/cluster_objects.h"
#include "skiff/join.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const TimePoint kNow{1'700'000'000s};

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    target_.server = "https://10.0.0.5:6443";
    target_.token = *BootstrapToken::Parse("abc123.0123456789abcdef");
    target_.authority_pins = {*PublicKeyPin(authority_.pem().certificate_pem)};
    const auto objects = ClusterObjects({"https://10.0.0.5:6443", authority_.pem().certificate_pem,
                                         "10.96.0.0/16", "10.244.0.0/16"});
    for (const Json& object : objects) {
      if (object["metadata"]["name"] != "cluster-info") continue;
      data_["kubeconfig"] = object["data"]["kubeconfig"];
    }
    data_["jws-kubeconfig-abc123"] = SignClusterInfo(target_.token, data_["kubeconfig"]);
  }
  std::string Error() {
    const auto verified = VerifyClusterInfo(data_, target_);
    return verified ? "" : verified.error().message;
  }

  const CertificateAuthority authority_ = *CertificateAuthority::Create("kubernetes", kNow);
  JoinTarget target_;
  std::map<std::string, std::string> data_;
};

TEST_F(DiscoveryTest, WhatTheTokenSignedAndTheHashNamesIsBelieved) {
  const auto found = VerifyClusterInfo(data_, target_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->server, "https://10.0.0.5:6443");
  EXPECT_EQ(found->authority_pem, authority_.pem().certificate_pem);
}

TEST_F(DiscoveryTest, ATokenThatTheClusterDoesNotKnowIsSaidToBe) {
  data_.erase("jws-kubeconfig-abc123");
  EXPECT_THAT(Error(), AllOf(HasSubstr("does not know the token abc123"), HasSubstr("expired"),
                             HasSubstr("skiff token create")));
}

TEST_F(DiscoveryTest, AWrongSecretIsNotAnUnknownToken) {
  target_.token.secret = "0123456789abcdee";
  EXPECT_THAT(Error(), AllOf(HasSubstr("second part of the token"), HasSubstr("copy the whole")));
}

TEST_F(DiscoveryTest, ChangedContentIsNotBelieved) {
  data_["kubeconfig"] += "\n";
  EXPECT_THAT(Error(), HasSubstr("second part of the token"));
}

TEST_F(DiscoveryTest, AnotherAuthorityIsNamedWithItsHash) {
  const std::string right = target_.authority_pins[0];
  target_.authority_pins = {"sha256:" + std::string(64, '0')};
  EXPECT_THAT(Error(), AllOf(HasSubstr("--ca-hash"), HasSubstr(right)));
  target_.authority_pins.push_back(right);
  EXPECT_EQ(Error(), "") << "one of several fits";
}

// Whoever knows the token can sign any list of authorities, the right one among them.
TEST_F(DiscoveryTest, AnAuthorityBesideTheOneThatTheHashNamesVouchesForNobody) {
  const auto other = *CertificateAuthority::Create("kubernetes", kNow);
  const std::string right = authority_.pem().certificate_pem;
  const std::string both = JoinPem(other.pem().certificate_pem, right);
  for (const Json& object :
       ClusterObjects({"https://10.0.0.5:6443", both, "10.96.0.0/16", "10.244.0.0/16"})) {
    if (object["metadata"]["name"] != "cluster-info") continue;
    data_["kubeconfig"] = object["data"]["kubeconfig"];
  }
  data_["jws-kubeconfig-abc123"] = SignClusterInfo(target_.token, data_["kubeconfig"]);
  const auto found = VerifyClusterInfo(data_, target_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->authority_pem, both);
  EXPECT_EQ(found->pinned_pem, right);
  target_.any_authority = true;
  EXPECT_EQ(VerifyClusterInfo(data_, target_)->pinned_pem, both);
}

TEST(StatusMessageTest, WhoeverAnswersMaySayAnything) {
  EXPECT_EQ(StatusMessage({.body = R"({"kind":"Status","message":"no"})"}), "no");
  for (const char* other : {R"({"message":5})", R"({"message":["no"]})", "{}", "[]", "7", "<"}) {
    EXPECT_EQ(StatusMessage({.body = other}), "") << other;
  }
}

TEST(CheckClockTest, AClockMayBeMinutesOffAndNotHours) {
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";  // kNow
  EXPECT_TRUE(CheckClock(date, kNow));
  EXPECT_TRUE(CheckClock(date, kNow + 4min));
  EXPECT_TRUE(CheckClock("", kNow));
  const auto ahead = CheckClock(date, kNow + 2h + 3min);
  ASSERT_FALSE(ahead);
  EXPECT_THAT(ahead.error().message,
              AllOf(HasSubstr("2 h 3 min ahead of"), HasSubstr("timedatectl set-ntp true")));
  EXPECT_THAT(CheckClock(date, kNow - 6min).error().message, HasSubstr("6 min behind"));
  // What no clock of ours can say, an answer may.
  EXPECT_THAT(CheckClock("Fri, 31 Dec 9999 23:59:59 GMT", kNow).error().message,
              HasSubstr("behind"));
  EXPECT_THAT(CheckClock("Thu, 01 Jan 1600 00:00:00 GMT", kNow).error().message,
              HasSubstr("ahead of"));
}

TEST(JoinFlagsTest, WhatARunningNodeDoesNotDoIsForANewStart) {
  const std::vector<std::string> running = {"--foreground", "--data-dir=/x", "--kubelet-port=10251",
                                            "--iptables-flavour=auto", "--load-image=/a.tar"};
  const auto for_new = [&](const std::vector<std::string>& asked) {
    return JoinFlagsForNewStart(asked, "worker", running);
  };
  EXPECT_THAT(for_new({"h:6443", "--token", "abcdef.0123456789abcdef", "--v=3"}),
              testing::IsEmpty())
      << "the line by which it joined";
  EXPECT_THAT(for_new({"--kubelet-port", "10251", "--node-name=worker", "--load-image=/a.tar"}),
              testing::IsEmpty());
  EXPECT_THAT(for_new({"h:6443", "--kubelet-port=10250", "--node-name=other"}),
              testing::ElementsAre("--kubelet-port=10250", "--node-name=other"));
  EXPECT_THAT(for_new({"--kubelet-port=10251", "--kubelet-port=10250"}),
              testing::ElementsAre("--kubelet-port=10250"))
      << "the last counts";
}

TEST(ParseJoinTargetTest, TheCommandLineIsCheckedBeforeAnythingIsAsked) {
  const std::string token = "abc123.0123456789abcdef";
  const std::string pin = "sha256:" + std::string(64, 'a');
  const auto target = ParseJoinTarget("10.0.0.5", token, {pin});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->server, "https://10.0.0.5:6443");
  EXPECT_EQ(ParseJoinTarget("https://server:7443", token, {pin})->server, "https://server:7443");
  EXPECT_EQ(ParseJoinTarget("[fd00::1]", token, {pin})->server, "https://[fd00::1]:6443");
  const auto error = [](const auto& parsed) { return parsed ? "" : parsed.error().message; };
  EXPECT_THAT(error(ParseJoinTarget("", token, {pin})), HasSubstr("no HOST:PORT"));
  EXPECT_THAT(error(ParseJoinTarget("h", "", {pin})), HasSubstr("--token is missing"));
  EXPECT_THAT(error(ParseJoinTarget("h", "abc", {pin})), HasSubstr("abcdef.0123456789abcdef"));
  EXPECT_THAT(error(ParseJoinTarget("h", token, {})), HasSubstr("--ca-hash is missing"));
  EXPECT_THAT(error(ParseJoinTarget("h", token, {"sha256:12"})), HasSubstr("64 hexadecimal"));
}

TEST(ClusterConfigurationTest, NamesTheNetwork) {
  const auto network = ParseClusterConfiguration(
      "kind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.244.0.0/16\n"
      "  serviceSubnet: 10.96.0.0/16\n");
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_EQ(network->service_cidr, "10.96.0.0/16");
  EXPECT_EQ(network->cluster_cidr, "10.244.0.0/16");
  EXPECT_TRUE(network->has_dns);
  const std::string networking = "networking: {podSubnet: 10.0.0.0/16, serviceSubnet: 10.1.0.0/16}";
  EXPECT_FALSE(ParseClusterConfiguration(networking + "\ndns: {disabled: true}\n")->has_dns);
  EXPECT_TRUE(ParseClusterConfiguration(networking + "\ndns: {imageTag: v1}\n")->has_dns);
  EXPECT_FALSE(ParseClusterConfiguration("networking: {}"));
  EXPECT_FALSE(ParseClusterConfiguration("{"));
  for (const char* other : {"5", "[]", "{serviceSubnet: 5, podSubnet: [a]}", "null", "text"}) {
    EXPECT_FALSE(ParseClusterConfiguration("networking: " + std::string(other))) << other;
  }
}

}  // namespace
}  // namespace skiff
