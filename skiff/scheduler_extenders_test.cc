#include "skiff/scheduler_extenders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/base64.h"
#include "http/x509_test_certs.h"
#include "skiff/component_config.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kExtendersHead[] =
    "apiVersion: kubescheduler.config.k8s.io/v1\n"
    "kind: KubeSchedulerConfiguration\n";

class SchedulerExtendersTest : public testing::Test {
 protected:
  Result<SchedulerConfig> Parse(const std::string& rest) {
    return ParseSchedulerConfig(
        kExtendersHead + rest, [this](const std::string& path) -> Result<std::string> {
          const auto found = files_.find(path);
          if (found != files_.end()) return found->second;
          return Fail(Reason::kNotFound, "open " + path + ": no such file or directory");
        });
  }
  std::string ErrorOf(const std::string& rest) {
    const auto parsed = Parse(rest);
    return parsed ? "" : parsed.error().message;
  }

  std::map<std::string, std::string> files_;
};

TEST_F(SchedulerExtendersTest, AnExtenderIsRead) {
  const auto config = Parse(R"(
extenders:
- urlPrefix: http://127.0.0.1:8888/scheduler
  filterVerb: filter
  prioritizeVerb: prioritize
  preemptVerb: preempt
  bindVerb: bind
  weight: 5
  httpTimeout: 100ms
  nodeCacheCapable: true
  ignorable: true
  managedResources: [{name: example.com/gpu, ignoredByScheduler: true}, {name: example.com/tpu}]
- urlPrefix: http://[::1]:8889
  filterVerb: filter
)");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->extenders.size(), 2u);
  const auto& first = config->extenders[0];
  EXPECT_EQ(first.url_prefix, "http://127.0.0.1:8888/scheduler");
  EXPECT_EQ(first.filter_verb, "filter");
  EXPECT_EQ(first.prioritize_verb, "prioritize");
  EXPECT_EQ(first.preempt_verb, "preempt");
  EXPECT_EQ(first.bind_verb, "bind");
  EXPECT_EQ(first.weight, 5);
  EXPECT_EQ(first.timeout, 100ms);
  EXPECT_TRUE(first.node_cache_capable);
  EXPECT_TRUE(first.ignorable);
  EXPECT_THAT(first.managed_resources, ElementsAre("example.com/gpu", "example.com/tpu"));
  EXPECT_EQ(config->extenders[1].timeout, 5s);
  EXPECT_THAT(config->profiles[0].ignored_resources, ElementsAre("example.com/gpu"));
  EXPECT_THAT(config->unused_fields, ElementsAre());
}

TEST_F(SchedulerExtendersTest, WhatAnExtenderManagesWinsOverWhatAProfileIgnores) {
  const auto config = Parse(R"(
extenders: [{urlPrefix: "http://e", managedResources: [{name: a.com/b, ignoredByScheduler: true}]}]
profiles:
- pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [c.com/d]}}]
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->profiles[0].ignored_resources, ElementsAre("a.com/b"));
  EXPECT_THAT(config->unused_fields, ElementsAre()) << "it is asked nothing, and has an effect";
}

TEST_F(SchedulerExtendersTest, WhatKubeSchedulerRefusesIsRefusedInItsWords) {
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', prioritizeVerb: p}]"),
            "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it");
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', bindVerb: b}, "
                    "{urlPrefix: 'http://f', bindVerb: b}]"),
            "extenders: Invalid value: \"found 2 extenders implementing bind\": only one extender "
            "can implement bind");
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', filterVerb: f, managedResources: "
                    "[{name: kubernetes.io/x}]}]"),
            "extenders[0].managedResources[0].name: Invalid value: \"kubernetes.io/x\": is an "
            "invalid extended resource name");
  EXPECT_THAT(ErrorOf("extenders: [{urlPrefix: 'http://e', filterVerb: f, managedResources: "
                      "[{name: 'a b/c'}]}]"),
              HasSubstr("managedResources[0].name: Invalid value: \"a b/c\""));
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', prioritizeVerb: p, weight: -1, "
                    "managedResources: [{name: a.com/b}]}, {urlPrefix: 'http://f', "
                    "managedResources: [{name: a.com/b}]}]"),
            "[extenders[0].weight: Invalid value: -1: must have a positive weight applied to it, "
            "extenders[1].managedResources[0].name: Invalid value: \"a.com/b\": duplicate extender "
            "managed resource name]");
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', filterVerbs: f}]"),
            "strict decoding error: unknown field \"extenders[0].filterVerbs\"");
  EXPECT_EQ(ErrorOf("extenders: [{urlPrefix: 'http://e', tlsConfig: {insecur: true}}]"),
            "strict decoding error: unknown field \"extenders[0].tlsConfig.insecur\"");
}

TEST_F(SchedulerExtendersTest, WhatCouldNotBeAskedIsRefusedAtOnce) {
  for (const char* url : {"", "e:80", "ftp://e", "http://", "http://e:0", "http://u:p@e",
                          "http://e/?x=1", "http://e f"}) {
    EXPECT_THAT(ErrorOf("extenders: [{filterVerb: f, urlPrefix: '" + std::string(url) + "'}]"),
                HasSubstr("extenders[0].urlPrefix: Invalid value: "))
        << url;
  }
  EXPECT_THAT(ErrorOf("extenders: [{urlPrefix: 'http://e', filterVerb: 'a b'}]"),
              HasSubstr("extenders[0].filterVerb: Invalid value: \"a b\""));
  EXPECT_THAT(ErrorOf("extenders: [{urlPrefix: 'http://e', filterVerb: f, httpTimeout: -1s}]"),
              HasSubstr("extenders[0].httpTimeout"));
  EXPECT_EQ(ErrorOf("extenders: 3"), "extenders: must be a list");
  EXPECT_EQ(ErrorOf("extenders: [3]"), "extenders[0]: must be an object");
}

TEST_F(SchedulerExtendersTest, CertificatesAreReadFromTheFileOrFromFilesThatItNames) {
  http::testing::TestAuthority authority;
  const auto client = authority.Issue({.common_name = "scheduler"});
  files_ = {{"/ca", authority.certificate_pem()},
            {"/cert", client.certificate_pem},
            {"/key", client.key_pem}};
  const std::string head = "extenders: [{urlPrefix: 'https://e', filterVerb: f, ";
  const auto config =
      Parse(head + "tlsConfig: {serverName: s, caFile: /ca, certFile: /cert, keyFile: /key}}]");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->extenders[0].tls.ca_pem, authority.certificate_pem());
  EXPECT_EQ(config->extenders[0].tls.key_pem, client.key_pem);
  EXPECT_EQ(config->extenders[0].tls.server_name, "s");
  EXPECT_FALSE(config->extenders[0].tls.insecure);
  files_["/key"] = "renewed";
  ASSERT_TRUE(config->extenders[0].tls.renewed);
  EXPECT_EQ(config->extenders[0].tls.renewed()->key_pem, "renewed");
  files_["/key"] = client.key_pem;
  const auto data = Parse(head + "tlsConfig: {caFile: /none, caData: " +
                          EncodeBase64(authority.certificate_pem()) + "}}]");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->extenders[0].tls.ca_pem, authority.certificate_pem());
  EXPECT_FALSE(data->extenders[0].tls.renewed);
  const auto trusting = Parse(head + "enableHTTPS: true}]");
  ASSERT_TRUE(trusting) << trusting.error().message;
  EXPECT_TRUE(trusting->extenders[0].tls.insecure) << "as kube-scheduler has it";
  EXPECT_THAT(ErrorOf(head + "tlsConfig: {caFile: /none}}]"),
              HasSubstr("open /none: no such file or directory"));
  EXPECT_THAT(ErrorOf(head + "tlsConfig: {caFile: /ca, insecure: true}}]"),
              HasSubstr("specifying a root certificates file with the insecure flag"));
  EXPECT_THAT(ErrorOf(head + "tlsConfig: {certFile: /cert}}]"), HasSubstr("go together"));
  EXPECT_THAT(ErrorOf(head + "tlsConfig: {caData: '?'}}]"), HasSubstr("illegal base64 data"));
  files_["/ca"] = "no certificate";
  EXPECT_THAT(ErrorOf(head + "tlsConfig: {caFile: /ca}}]"), HasSubstr("couldn't build extenders"));
}

TEST_F(SchedulerExtendersTest, WhatHasNoEffectIsTold) {
  const auto config = Parse(
      "extenders: [{urlPrefix: 'http://e', weight: 1, enableHTTPS: true}, "
      "{urlPrefix: 'http://f', filterVerb: f}]");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(
      config->unused_fields,
      ElementsAre(HasSubstr("extenders[0] of the configuration file has no effect: it has no verb"),
                  HasSubstr("extenders[0].weight"), HasSubstr("extenders[0].enableHTTPS")));
}

}  // namespace
}  // namespace skiff
