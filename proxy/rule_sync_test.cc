#include "proxy/rule_sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/clock.h"

namespace skiff::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

// Takes every text but one with a rule that says ".09", as iptables-restore does.
class StrictNetfilter final : public Netfilter {
 public:
  std::string name() const override { return "strict"; }
  size_t restore_rules_max() const override { return 0; }
  Result<int> EnsureJumps(const std::vector<Jump>&) override { return 0; }
  Result<> Restore(const std::string& text) override {
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      if (flushed && line.find("-A KUBE-SVC") == 0) {
        flushed = false;
        return Fail(Reason::kInternalError,
                    "iptables-restore v1.8.9 (legacy): Couldn't load target `KUBE-MARK-MASQ':No "
                    "such file or directory\nError occurred at line: " + std::to_string(number));
      }
      if (line.find(".09") == std::string::npos) continue;
      ++refused;
      return Fail(Reason::kInternalError,
                  "iptables-restore: iptables-restore v1.8.9 (legacy): host/network `10.96.0.09' "
                  "not found\nError occurred at line: " +
                      std::to_string(number) + "\nTry `iptables-restore -h' for more.\n");
    }
    last = text;
    return {};
  }
  bool CanaryLives() override { return true; }
  Result<> MakeCanary() override { return {}; }
  Result<RuleSet> OurChains() override { return RuleSet(); }
  Result<> AllowLocalNodePorts() override { return {}; }
  Result<> RemoveAll() override { return {}; }
  Result<int> ForgetUdp(const ServiceMap&, const std::set<std::string>&) override { return 0; }
  bool OnDeletions(std::function<void()>) override { return false; }
  void StopWatching() override {}

  int refused = 0;
  bool flushed = false;  // Once: somebody has removed the chains that all use.
  std::string last;
};

ServicePortRules Web(const std::string& name, const std::string& ip, int endpoints = 1) {
  ServicePortRules service;
  service.name = "default/" + name;
  service.protocol = "tcp";
  service.cluster_ip = ip;
  service.port = 80;
  service.has_endpoints = endpoints > 0;
  for (int i = 0; i < endpoints; ++i) {
    ServiceEndpoint endpoint;
    endpoint.ip = "10.244.0." + std::to_string(i + 2);
    endpoint.port = 8080;
    service.cluster_endpoints.push_back(endpoint);
  }
  return service;
}

class RuleSyncTest : public testing::Test {
 protected:
  FakeClock clock_;
  StrictNetfilter netfilter_;
  RuleSync rules_{netfilter_, {.pod_cidr = "10.244.0.0/16"}, clock_};
};

TEST_F(RuleSyncTest, AServiceWhoseRulesAreRefusedKeepsNobodyElseFromTheirs) {
  ServiceMap services = {{"bad", Web("bad", "10.96.0.09")}, {"web", Web("web", "10.96.0.10")}};
  services["lonely"] = Web("lonely", "10.97.0.09", 0);  // It has a rule in a shared chain alone.
  ASSERT_TRUE(rules_.Full(services));
  EXPECT_EQ(netfilter_.refused, 2);
  EXPECT_THAT(netfilter_.last, HasSubstr("default/web"));
  EXPECT_THAT(netfilter_.last, Not(HasSubstr("default/bad")));
  // It is not tried again with each change of another one, and is once it has changed itself.
  services["next"] = Web("next", "10.96.0.11");
  ASSERT_TRUE(rules_.Partial(services, {"next"}));
  EXPECT_EQ(netfilter_.refused, 2);
  EXPECT_THAT(netfilter_.last, HasSubstr("default/next"));
  services["bad"].cluster_ip = "10.96.0.9";
  ASSERT_TRUE(rules_.Partial(services, {"bad"}));
  EXPECT_EQ(netfilter_.refused, 2);
  EXPECT_THAT(netfilter_.last, HasSubstr("default/bad"));
  EXPECT_THAT(netfilter_.last, HasSubstr("default/next"));
}

TEST_F(RuleSyncTest, OneThatIsRefusedLaterIsLeftOutAtOnce) {
  ServiceMap services = {{"web", Web("web", "10.96.0.10")}};
  ASSERT_TRUE(rules_.Full(services));
  services["bad"] = Web("bad", "10.96.0.09");
  services["new"] = Web("new", "10.96.0.12");
  ASSERT_TRUE(rules_.Partial(services, {"bad", "new"}));
  EXPECT_EQ(netfilter_.refused, 2) << "once by what changed, and once by all";
  EXPECT_THAT(netfilter_.last, HasSubstr("default/new"));
  EXPECT_EQ(rules_.RetryAt(), clock_.Monotonic() + RuleSync::kRefusedPeriod);
  clock_.Advance(RuleSync::kRefusedPeriod);
  ASSERT_TRUE(rules_.Full(services));
  EXPECT_EQ(netfilter_.refused, 3) << "it might have been the kernel's mood";
  services.erase("bad");
  ASSERT_TRUE(rules_.Full(services));
  EXPECT_EQ(rules_.RetryAt(), kNever);
}

// As iptables-restore of the legacy kind says it.
TEST_F(RuleSyncTest, NoServiceIsToBlameForChainsThatSomebodyHasFlushed) {
  ServiceMap services = {{"web", Web("web", "10.96.0.10")}};
  ASSERT_TRUE(rules_.Full(services));
  services["web"].port = 81;
  netfilter_.flushed = true;
  ASSERT_TRUE(rules_.Partial(services, {"web"}));
  EXPECT_THAT(netfilter_.last, HasSubstr("default/web"));
  EXPECT_EQ(rules_.RetryAt(), kNever);
}

TEST(RefusedServiceTest, WhatIsNoServicesFaultIsNobodys) {
  const ServiceMap services = {{"web", Web("web", "10.96.0.10")}};
  const IptablesOptions options;
  const std::string text = RestoreText(CompileIptables(services, options), {});
  for (const char* said : {"no memory", "Error occurred at line: 1\n", "Error at line: 99999",
                           "line", "Another app is currently holding the xtables lock"}) {
    EXPECT_EQ(RefusedService(said, text, services, options), "") << said;
  }
  size_t line = 1;
  for (const char c : text.substr(0, text.find("-A KUBE-SVC"))) line += c == '\n' ? 1 : 0;
  EXPECT_EQ(RefusedService("line " + std::to_string(line) + ": RULE_APPEND failed (Invalid)", text,
                           services, options),
            "web");
}

}  // namespace
}  // namespace skiff::proxy
