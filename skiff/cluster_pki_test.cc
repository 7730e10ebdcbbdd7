#include "skiff/cluster_pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

TEST(ClusterPkiTest, AnAuthorityThatIsLostIsNotReplaced) {
  ClusterOptions options;
  options.data_dir = testing::TempDir() + "/skiff-cluster-pki-" + std::to_string(getpid());
  const std::string pki = options.data_dir + "/pki";
  const SystemClock clock;
  ASSERT_TRUE(MakeClusterPki(options, clock));
  ASSERT_TRUE(MakeClusterPki(options, clock)) << "a second start finds what the first one made";
  EXPECT_TRUE(fs::exists(pki + "/front-proxy-ca.crt"));
  EXPECT_TRUE(fs::exists(pki + "/front-proxy-client.crt"));
  for (const std::string name : {"ca.key", "ca.crt"}) {
    fs::rename(pki + "/" + name, pki + "/elsewhere");
    const auto made = MakeClusterPki(options, clock);
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, testing::HasSubstr("/pki/" + name + " is missing"));
    EXPECT_FALSE(fs::exists(pki + "/" + name)) << "no other one took its place";
    fs::rename(pki + "/elsewhere", pki + "/" + name);
  }
  EXPECT_TRUE(MakeClusterPki(options, clock));
  // Both: what they signed is still there.
  fs::remove(pki + "/ca.key");
  fs::remove(pki + "/ca.crt");
  EXPECT_FALSE(MakeClusterPki(options, clock));
  fs::remove_all(options.data_dir);
}

TEST(ClusterPkiTest, AnAuthorityIsNotUsedOutsideItsTime) {
  ClusterOptions options;
  options.data_dir = testing::TempDir() + "/skiff-cluster-times-" + std::to_string(getpid());
  FakeClock clock(TimePoint(1'800'000'000s));
  ASSERT_TRUE(MakeClusterPki(options, clock));
  const auto message_at = [&](TimePoint now) {
    const FakeClock other(now);
    const auto made = MakeClusterPki(options, other);
    return made ? "" : made.error().message;
  };
  const std::string authority = options.data_dir + "/pki/ca.crt";
  EXPECT_EQ(message_at(TimePoint(1'700'000'000s)),
            authority +
                ", which the certificates of this cluster are signed with, is valid from "
                "2027-01-15T07:55:00Z, and this machine's clock says 2023-11-14T22:13:20Z: "
                "if that is wrong, set it; else begin anew after `skiff down --data-dir=" +
                options.data_dir + "`");
  EXPECT_THAT(message_at(TimePoint(2'200'000'000s)),
              testing::HasSubstr("is valid until 2037-01-12T08:00:00Z, and this machine's clock "
                                 "says 2039-09-18T23:06:40Z"));
  EXPECT_EQ(message_at(clock.Now()), "") << "nothing was written in its place";
  fs::remove_all(options.data_dir);
}

TEST(ClusterPkiTest, AnEndpointIsAHostAndAPort) {
  EXPECT_EQ(HostOf("dev-api:6443"), "dev-api");
  EXPECT_EQ(HostOf("10.0.0.5:6443"), "10.0.0.5");
  EXPECT_EQ(HostOf("[fd00::5]:6443"), "fd00::5");
  for (const char* wrong : {"", "dev-api", "https://dev-api:6443", "a b:1", "x:"}) {
    EXPECT_EQ(HostOf(wrong), "") << wrong;
  }
  EXPECT_EQ(ServerUrlOf({.control_plane_endpoint = "dev-api:6443"}), "https://dev-api:6443");
}

}  // namespace
}  // namespace skiff
