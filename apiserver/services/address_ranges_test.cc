#include "apiserver/services/address_ranges.h"

#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using networking_v1::ServiceCIDR;

ServiceCIDR RangeNamed(const std::string& name, std::vector<std::string> prefixes,
                       const std::string& ready = "") {
  ServiceCIDR object;
  object.metadata.name = name;
  object.spec.cidrs = std::move(prefixes);
  if (!ready.empty()) {
    auto& condition = object.status.conditions.emplace_back();
    condition.type = "Ready";
    condition.status = ready;
  }
  return object;
}

TEST(AddressRanges, AreReadyUnlessSomebodySaysThatTheyAreNot) {
  ServiceCIDR going = RangeNamed("c", {"10.3.0.0/24"}, "True");
  going.metadata.deletion_timestamp = Time();
  const auto ranges = RangesOf({RangeNamed("a", {"10.1.0.0/24", "fd00::/112"}),
                                RangeNamed("b", {"10.2.0.0/24"}, "False"), going});
  ASSERT_EQ(ranges.size(), 4u);
  EXPECT_TRUE(ranges[0].is_ready);
  EXPECT_TRUE(ranges[1].is_ready);
  EXPECT_FALSE(ranges[2].is_ready);
  EXPECT_FALSE(ranges[3].is_ready);
}

TEST(AddressRanges, OneOfSeveralWithTheSamePrefixIsEnough) {
  const auto ranges = RangesOf({RangeNamed("a", {"10.1.0.0/24"}, "False"),
                                RangeNamed("b", {"10.1.0.0/24"}, "True")});
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_TRUE(ranges[0].is_ready);
}

TEST(AddressRanges, OneWithoutAddressesIsLeftOut) {
  EXPECT_TRUE(RangesOf({RangeNamed("a", {"10.1.0.0/31", "fd00::/128"})}).empty());
}

// An address's place in its range would be that of another one.
TEST(AddressRanges, OneOfMoreAddressesThanANumberTellsApartIsLeftOut) {
  EXPECT_TRUE(RangesOf({RangeNamed("a", {"fd00::/63"}), RangeNamed("b", {"fd00::/8"})}).empty());
  EXPECT_EQ(RangesOf({RangeNamed("a", {"fd00::/64"})}).size(), 1u);
}

class ServiceRangesTest : public ServerFixture {
 protected:
  static constexpr const char* kRanges = "/apis/networking.k8s.io/v1/servicecidrs";
  static constexpr const char* kServices = "/api/v1/namespaces/default/services";

  void AddRange(const std::string& name, const std::string& prefix) {
    const auto made = Post(kRanges, R"({"metadata": {"name": ")" + name +
                                        R"("}, "spec": {"cidrs": [")" + prefix + R"("]}})");
    ASSERT_EQ(made.code, 201) << made.message();
  }
  Answer AddService(const std::string& name, const std::string& address = "") {
    return Post(kServices, R"({"metadata": {"name": ")" + name + R"("}, "spec": {"clusterIP": ")" +
                               address + R"(", "ports": [{"port": 80}]}})");
  }
  void SetReady(const std::string& name, const std::string& status) {
    const auto set =
        Merge(std::string(kRanges) + "/" + name + "/status",
              R"({"status": {"conditions": [{"type": "Ready", "status": ")" + status +
                  R"(", "reason": "x", "message": "", "lastTransitionTime":
                     "2023-11-14T22:13:20Z"}]}})");
    ASSERT_EQ(set.code, 200) << set.message();
  }
  // The default range gives out no more.
  void CloseDefault() { SetReady("kubernetes", "False"); }
  void Restart(std::vector<std::string> ranges) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_.reset();
    server_ = *ApiServer::Create({.authorization_modes = {"RBAC"},
                                  .token_file_text = kTokens,
                                  .service_cluster_ip_ranges = std::move(ranges),
                                  .advertise_address = "192.0.2.7"},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
  }
};

TEST_F(ServiceRangesTest, AServiceGetsAnAddressOfAnyRangeThatIsReady) {
  EXPECT_EQ(AddService("early", "10.1.0.9").code, 422);
  AddRange("more", "10.1.0.0/28");
  const auto given = AddService("given", "10.1.0.9");
  EXPECT_EQ(given.code, 201) << given.message();
  const Json address = Get("/apis/networking.k8s.io/v1/ipaddresses/10.1.0.9").body;
  EXPECT_EQ(address["spec"]["parentRef"]["name"], "given");
  CloseDefault();
  const std::string picked = AddService("picked").body["spec"]["clusterIP"];
  EXPECT_TRUE(picked.starts_with("10.1.0.")) << picked;
  EXPECT_NE(picked, "10.1.0.9");
}

TEST_F(ServiceRangesTest, OneThatIsFullIsFollowedByTheNext) {
  AddRange("a", "10.1.0.0/30");
  AddRange("b", "10.2.0.0/30");
  CloseDefault();
  std::set<std::string> picked;
  for (int i = 0; i < 4; ++i) {
    picked.insert(AddService("s" + std::to_string(i)).body["spec"]["clusterIP"].get<std::string>());
  }
  EXPECT_THAT(picked, testing::ElementsAre("10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2"));
  const auto refused = AddService("too-many");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "Internal error occurred: failed to allocate a serviceIP: range is full");
}

TEST_F(ServiceRangesTest, AnAddressIsTakenInEachRangeThatHoldsIt) {
  AddRange("small", "10.1.0.0/30");
  ASSERT_EQ(AddService("a", "10.1.0.1").code, 201);
  ASSERT_EQ(AddService("b", "10.1.0.2").code, 201);
  AddRange("large", "10.1.0.0/29");
  EXPECT_THAT(AddService("c", "10.1.0.2").message(),
              testing::HasSubstr("provided IP is already allocated"));
  EXPECT_EQ(AddService("d", "10.1.0.3").code, 201) << "the broadcast address of the small one";
  ASSERT_EQ(Ask("DELETE", std::string(kServices) + "/a").code, 200);
  CloseDefault();
  std::set<std::string> picked;
  for (int i = 0; i < 4; ++i) {
    const auto made = AddService("s" + std::to_string(i));
    if (made.code == 201) picked.insert(made.body["spec"]["clusterIP"].get<std::string>());
  }
  EXPECT_THAT(picked, testing::ElementsAre("10.1.0.1", "10.1.0.4", "10.1.0.5", "10.1.0.6"));
}

TEST_F(ServiceRangesTest, ADryRunDoesNotAskWhoHasTheAddress) {
  ASSERT_EQ(AddService("a", "10.0.0.7").code, 201);
  const auto dry = [&](const std::string& name, const std::string& address) {
    return Post(std::string(kServices) + "?dryRun=All",
                R"({"metadata": {"name": ")" + name + R"("}, "spec": {"clusterIP": ")" + address +
                    R"(", "ports": [{"port": 80}]}})");
  };
  EXPECT_EQ(dry("b", "10.0.0.7").code, 201);
  const auto there = dry("a", "10.0.0.7");
  EXPECT_EQ(there.code, 409);
  EXPECT_EQ(there.message(), "services \"a\" already exists");
  EXPECT_EQ(dry("b", "10.9.0.7").code, 422) << "no range has it";
  EXPECT_EQ(AddService("b", "10.0.0.7").code, 422);
}

TEST_F(ServiceRangesTest, OneOfTheCommandLineThatIsTooLargeIsRefused) {
  const auto refused = ApiServer::Create({.authorization_modes = {"RBAC"},
                                          .service_cluster_ip_ranges = {"10.0.0.0/24", "fd00::/48"},
                                          .advertise_address = "192.0.2.7"},
                                         {*store_, clock_, random_});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("too large: fd00::/48"));
}

TEST_F(ServiceRangesTest, OneThatIsBeingDeletedGivesOutNothing) {
  AddRange("more", "10.1.0.0/28");
  const std::string path = std::string(kRanges) + "/more";
  ASSERT_EQ(Merge(path, R"({"metadata": {"finalizers": ["example.com/hold"]}})").code, 200);
  ASSERT_EQ(AddService("a", "10.1.0.1").code, 201);
  ASSERT_EQ(Ask("DELETE", path).code, 200);
  EXPECT_THAT(AddService("b", "10.1.0.2").message(),
              testing::HasSubstr("the provided network does not match the current range"));
  ASSERT_EQ(Merge(path, R"({"metadata": {"finalizers": null}})").code, 200);
  EXPECT_EQ(AddService("b", "10.1.0.2").code, 422);
  AddRange("more", "10.1.0.0/28");
  EXPECT_THAT(AddService("b", "10.1.0.1").message(),
              testing::HasSubstr("provided IP is already allocated"));
}

TEST_F(ServiceRangesTest, TheDefaultRangeComesBack) {
  ASSERT_EQ(Ask("DELETE", std::string(kRanges) + "/kubernetes").code, 200);
  EXPECT_EQ(AddService("a").code, 201) << "what was there last holds";
  Settle();
  EXPECT_EQ(Get(std::string(kRanges) + "/kubernetes").body["spec"]["cidrs"],
            Json::parse(R"(["10.0.0.0/24"])"));
}

TEST_F(ServiceRangesTest, ServersThatStartLaterKnowThem) {
  AddRange("more", "10.1.0.0/28");
  ASSERT_EQ(AddService("a", "10.1.0.1").code, 201);
  Restart({"10.0.0.0/24"});
  EXPECT_EQ(AddService("b", "10.1.0.1").code, 422);
  EXPECT_EQ(AddService("b", "10.1.0.2").code, 201);
}

TEST_F(ServiceRangesTest, AStatusIsWrittenWhateverFamiliesThereAre) {
  Restart({"10.0.0.0/24", "fd00:10::/112"});
  ASSERT_EQ(Post(kServices, R"({"metadata": {"name": "a"}, "spec": {"ipFamilyPolicy":
                                "RequireDualStack", "ports": [{"port": 80}]}})")
                .code,
            201);
  Restart({"10.0.0.0/24"});
  const std::string path = std::string(kServices) + "/a";
  const std::string change = R"({"metadata": {"annotations": {"k": "v"}}})";
  EXPECT_EQ(Merge(path, change).code, 422) << "this is about families";
  const auto status = Merge(path + "/status", change);
  EXPECT_EQ(status.code, 200) << status.message();
}

TEST_F(ServiceRangesTest, TheDefaultRangeGetsItsSecondFamilyLater) {
  Restart({"10.0.0.0/24", "fd00:10::/112"});
  EXPECT_EQ(Get(std::string(kRanges) + "/kubernetes").body["spec"]["cidrs"],
            Json::parse(R"(["10.0.0.0/24", "fd00:10::/112"])"));
  const auto made = Post(kServices, R"({"metadata": {"name": "a"}, "spec": {"ipFamilyPolicy":
                                        "RequireDualStack", "ports": [{"port": 80}]}})");
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["clusterIPs"].size(), 2u);
}

}  // namespace
}  // namespace skiff
