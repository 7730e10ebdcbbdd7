#include "proxy/rule_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace skiff::proxy {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

ServicePortRules ServiceOf(const std::string& name, int endpoints) {
  ServicePortRules service;
  service.name = "default/" + name;
  service.protocol = "tcp";
  service.cluster_ip = "10.96.0.10";
  service.port = 80;
  service.has_endpoints = endpoints > 0;
  for (int i = 0; i < endpoints; ++i) {
    ServiceEndpoint endpoint;
    endpoint.ip = "10.244.0." + std::to_string(i + 2);
    endpoint.port = 8080;
    endpoint.ready = endpoint.serving = true;
    service.cluster_endpoints.push_back(endpoint);
  }
  return service;
}

const IptablesOptions kOptions = {.pod_cidr = "10.244.0.0/16"};

TEST(RuleBookTest, TheFullPlanIsWhatTheCompilerMakes) {
  const ServiceMap services = {{"a", ServiceOf("a", 2)}, {"b", ServiceOf("b", 0)}};
  RuleBook book(kOptions, 0);
  const RestorePlan plan = book.Full(services, {});
  ASSERT_THAT(plan.texts, SizeIs(1));
  EXPECT_EQ(plan.texts[0], RestoreText(CompileIptables(services, kOptions), {}));
  book.Commit();
  EXPECT_EQ(book.rules(), plan.rules);
}

TEST(RuleBookTest, WhatAnEarlierRunLeftIsDeletedAndOthersChainsStay) {
  RuleSet found;
  found.nat.chains = {
      {"KUBE-SVC-AAAAAAAAAAAAAAAA", {}}, {"KUBE-ROUTER-X", {}}, {"KUBE-SERVICES", {}}};
  found.filter.chains = {{"KUBE-POD-FW", {}}};
  RuleBook book(kOptions, 0);
  const RestorePlan plan = book.Full({}, found);
  EXPECT_THAT(plan.texts[0], HasSubstr("-X KUBE-SVC-AAAAAAAAAAAAAAAA\n"));
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("ROUTER")));
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("KUBE-POD-FW")));
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("-X KUBE-SERVICES")));
}

TEST(RuleBookTest, APartialPlanHoldsWhatDiffersAndNothingElse) {
  ServiceMap services = {{"a", ServiceOf("a", 2)}, {"b", ServiceOf("b", 1)}};
  RuleBook book(kOptions, 0);
  (void)book.Full(services, {});
  book.Commit();
  EXPECT_THAT(book.Partial(services, {"a", "b", "nobody"}).texts, IsEmpty());
  services["b"] = ServiceOf("b", 2);
  RestorePlan plan = book.Partial(services, {"a", "b"});
  ASSERT_THAT(plan.texts, SizeIs(1));
  EXPECT_EQ(plan.chains, 3u);
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("default/a")));
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("KUBE-SERVICES")));
  // Not committed: it is still to be written.
  EXPECT_EQ(book.Partial(services, {"b"}).texts, plan.texts);
  book.Commit();
  // The last endpoint goes: the rule moves from the table nat to a refusal in the table filter.
  services["b"] = ServiceOf("b", 0);
  plan = book.Partial(services, {"b"});
  EXPECT_THAT(plan.texts[0], HasSubstr("*filter\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -m "
                                       "comment --comment \"default/b has no endpoints\""));
  EXPECT_THAT(plan.texts[0], HasSubstr("-X KUBE-SVC-" + ChainHash("default/btcp")));
  EXPECT_THAT(plan.texts[0], HasSubstr("\"default/a cluster IP\" -m tcp -p tcp -d 10.96.0.10 "
                                       "--dport 80 -j KUBE-SVC-"));
  book.Commit();
  services.erase("a");
  plan = book.Partial(services, {"a"});
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("default/a")));
  book.Commit();
  EXPECT_EQ(book.rules(), CountRules(CompileIptables(services, kOptions)));
}

TEST(RuleBookTest, LongPlansComeInTextsWhoseJumpsAreWrittenAlready) {
  ServiceMap services;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "s" + std::to_string(i);
    services[name] = ServiceOf(name, 3);
  }
  RuleBook book(kOptions, 100);
  const RestorePlan plan = book.Full(services, {});
  ASSERT_GT(plan.texts.size(), 4u);
  EXPECT_THAT(plan.texts[0], HasSubstr(":KUBE-MARK-MASQ"));
  for (size_t i = 0; i + 1 < plan.texts.size(); ++i) {
    EXPECT_THAT(plan.texts[i], Not(HasSubstr("KUBE-SERVICES")));
    EXPECT_LE(std::count(plan.texts[i].begin(), plan.texts[i].end(), '\n'), 160);
  }
  EXPECT_THAT(plan.texts.back(), HasSubstr("-A KUBE-SERVICES"));
}

TEST(RuleBookTest, LargeClustersHaveEndpointsWithoutComments) {
  const RestorePlan plan = RuleBook(kOptions, 0).Full({{"a", ServiceOf("a", 1001)}}, {});
  EXPECT_THAT(plan.texts[0], Not(HasSubstr("default/a ->")));
  EXPECT_THAT(plan.texts[0], HasSubstr("\"default/a cluster IP\""));
  EXPECT_THAT(plan.texts[0], HasSubstr("-m tcp -p tcp -j DNAT --to-destination 10.244.0.2:8080"));
}

}  // namespace
}  // namespace skiff::proxy
