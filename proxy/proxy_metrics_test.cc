#include "proxy/proxy_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProxyMetricsTest : public testing::Test {
 protected:
  // Whose cause was so long ago.
  SlicePtr Slice(const std::string& ip, Duration ago) const {
    auto slice = std::make_shared<discovery_v1::EndpointSlice>();
    slice->address_type = "IPv4";
    slice->endpoints.emplace_back().addresses = {ip};
    slice->metadata.annotations["endpoints.kubernetes.io/last-change-trigger-time"] =
        Time(clock_.Now() - ago).Rfc3339();
    return slice;
  }
  static SyncReport Report(bool full, RuleCounts rules) {
    SyncReport report;
    report.full = full;
    report.rules = rules;
    return report;
  }
  std::string Text() const { return registry_.Text(); }

  FakeClock clock_;
  MetricRegistry registry_;
  ProxyMetrics all_{registry_, {IpFamily::kIpv4, IpFamily::kIpv6}, clock_};
  FamilyMetrics& metrics_ = all_.Of(IpFamily::kIpv4);
};

TEST_F(ProxyMetricsTest, ChangesWaitUntilTheyAreWritten) {
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_total 0\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("last_queued")));
  metrics_.ServiceChanged("default/web");
  metrics_.ServiceChanged("default/web");
  const SlicePtr slice = Slice("10.0.0.1", 0s);
  metrics_.SliceChanged("default/web", nullptr, slice);
  metrics_.SliceChanged("default/web", slice, slice);
  auto other = std::make_shared<discovery_v1::EndpointSlice>(*slice);
  other->address_type = "IPv6";
  metrics_.SliceChanged("default/web", nullptr, other);
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_total 2\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_pending 1\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_endpoint_changes_total 2\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 1\n"));
  EXPECT_THAT(Text(), HasSubstr("rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"} "));
  metrics_.Begun();
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_pending 0\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 0\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_total 2\n"));
}

TEST_F(ProxyMetricsTest, ProgrammingLastsFromTheCauseUntilTheRulesAreWritten) {
  clock_.Advance(1h);
  metrics_.SliceChanged("default/old", nullptr, Slice("10.0.0.9", 2h));  // Before the proxy began.
  metrics_.SliceChanged("default/web", nullptr, Slice("10.0.0.1", 0s));
  const SlicePtr gone = Slice("10.0.0.2", 0s);
  metrics_.SliceChanged("default/gone", nullptr, gone);
  metrics_.SliceChanged("default/gone", gone, nullptr);
  clock_.Advance(3s);
  metrics_.Begun();
  metrics_.Failed(false, 1ms);
  EXPECT_THAT(Text(), Not(HasSubstr("network_programming")));
  metrics_.SliceChanged("default/web", nullptr, Slice("10.0.0.1", 0s));
  clock_.Advance(4s);
  metrics_.Begun();
  metrics_.Written(Report(true, {3, 4}), 2ms, {30, 40}, {.internal = 1, .external = 2});
  const std::string text = Text();
  const std::string family = "{ip_family=\"IPv4\"} ";
  const std::string programming = "\nkubeproxy_network_programming_duration_seconds";
  EXPECT_THAT(text, HasSubstr(programming + "_bucket{ip_family=\"IPv4\",le=\"3\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(programming + "_bucket{ip_family=\"IPv4\",le=\"4\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(programming + "_sum" + family + "4\n"));
  EXPECT_THAT(text, HasSubstr(programming + "_count" + family + "1\n"));
  const std::string sync = "\nkubeproxy_sync_proxy_rules_";
  EXPECT_THAT(text, HasSubstr(sync + "duration_seconds_count" + family + "2\n"));
  EXPECT_THAT(text, HasSubstr("sync_full_proxy_rules_duration_seconds_count" + family + "1\n"));
  EXPECT_THAT(text, HasSubstr("sync_partial_proxy_rules_duration_seconds_count" + family + "1\n"));
  EXPECT_THAT(text, HasSubstr(sync + "iptables_restore_failures_total" + family + "1\n"));
  EXPECT_THAT(text, HasSubstr(sync + "iptables_partial_restore_failures_total" + family + "1\n"));
  EXPECT_THAT(text, HasSubstr(sync + "iptables_total{table=\"nat\",ip_family=\"IPv4\"} 40\n"));
  EXPECT_THAT(text, HasSubstr(sync + "iptables_last{table=\"filter\",ip_family=\"IPv4\"} 3\n"));
  EXPECT_THAT(text, HasSubstr(sync + "no_local_endpoints_total{traffic_policy=\"external\","
                                     "ip_family=\"IPv4\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("conntrack")));
}

TEST_F(ProxyMetricsTest, StaleEntriesAndAnswersAreCounted) {
  SyncReport report = Report(false, {});
  report.forgetting_took = 3ms;
  report.forgotten = 5;
  metrics_.Written(report, 1ms, {}, {});
  all_.Answered("/healthz", 503);
  all_.Answered("/livez", 200);
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_conntrack_reconciler_deleted_entries_total"
                                "{ip_family=\"IPv4\"} 5\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_proxy_healthz_total{code=\"503\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_proxy_livez_total{code=\"200\"} 1\n"));
}

TEST_F(ProxyMetricsTest, FamiliesAreToldApartAndTheirChangesAddedUp) {
  metrics_.ServiceChanged("default/web");
  all_.Of(IpFamily::kIpv6).ServiceChanged("default/web");
  all_.Of(IpFamily::kIpv6).Written(Report(true, {.filter = 2, .nat = 7}), 1ms, {}, {});
  EXPECT_THAT(Text(), HasSubstr("\nkubeproxy_sync_proxy_rules_service_changes_total 2\n"));
  EXPECT_THAT(Text(), HasSubstr("iptables_last{table=\"nat\",ip_family=\"IPv6\"} 7\n"));
  EXPECT_THAT(Text(), HasSubstr("rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"} "));
  EXPECT_THAT(Text(), Not(HasSubstr("rules_last_timestamp_seconds{ip_family=\"IPv4\"} ")));
}

TEST(NoLocalEndpointsTest, ArePortsThatLeadSomewhereButNotFromHere) {
  ServicePortRules port;
  port.internal_local = port.external_local = true;
  port.has_endpoints = true;
  ServiceMap services{{"a", port}};
  EXPECT_EQ(CountNoLocalEndpoints(services).internal, 1);
  EXPECT_EQ(CountNoLocalEndpoints(services).external, 0);
  services.at("a").node_port = 30000;
  EXPECT_EQ(CountNoLocalEndpoints(services).external, 1);
  services.at("a").has_endpoints = false;
  EXPECT_EQ(CountNoLocalEndpoints(services).internal, 0);
  port.local_endpoints.resize(1);
  EXPECT_EQ(CountNoLocalEndpoints({{"a", port}}).internal, 0);
}

}  // namespace
}  // namespace skiff::proxy
