#include "apiserver/encryption/encryption_config.h"

#include <gmock/gmock.h>

namespace skiff {
namespace {

using testing::HasSubstr;

constexpr char kHead[] =
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";

std::string Refusal(const std::string& resources, bool reload = false) {
  const auto parsed = ParseEncryptionConfig(kHead + resources, "enc.yaml", reload);
  return parsed ? "" : parsed.error().message;
}

TEST(EncryptionConfig, ReadsRulesInTheirOrder) {
  const auto config = ParseEncryptionConfig(
      std::string(kHead) +
          "- resources: [events]\n"
          "  providers: [{identity: {}}]\n"
          "- resources: [secrets, pandas.awesome.bears.example, '*.apps']\n"
          "  providers:\n"
          "  - aesgcm: {keys: [{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZg==}]}\n"
          "  - kms: {apiVersion: v2, name: vault, endpoint: 'unix:///k.sock', timeout: 5s}\n"
          "- resources: ['*.*']\n"
          "  providers: [{identity: {}}]\n",
      "enc.yaml", false);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->rules.size(), 3u);
  const EncryptionRule& second = config->rules[1];
  EXPECT_EQ(second.resources[1], (EncryptedResource{"awesome.bears.example", "pandas"}));
  EXPECT_EQ(second.resources[2], (EncryptedResource{"apps", "*"}));
  EXPECT_EQ(second.providers[0].type, EncryptionProvider::Type::kAesGcm);
  EXPECT_EQ(second.providers[0].keys[0].secret, "0123456789abcdef");
  EXPECT_EQ(second.providers[1].kms_endpoint, "unix:///k.sock");
  EXPECT_EQ(second.providers[1].kms_timeout, 5s);
  EXPECT_EQ(TextOf(ParseEncryptedResource("*.")), "*.");
  EXPECT_EQ(TextOf(ParseEncryptedResource("a.b.c")), "a.b.c");
}

// The texts are what kube-apiserver v1.35.6 ended with, but for the keys.
TEST(EncryptionConfig, RefusesInKubernetesWords) {
  EXPECT_EQ(Refusal("- resources: [secrets]\n"
                    "  providers:\n"
                    "  - aescbc: {keys: [{name: key1, secret: eHh4, foo: 1}]}\n"),
            "error while parsing file: error decoding encryption provider configuration file "
            "\"enc.yaml\": strict decoding error: unknown field "
            "\"resources[0].providers[0].aescbc.keys[0].foo\"");
  EXPECT_EQ(Refusal("- resources: [secrets]\n"
                    "  providers:\n"
                    "  - aescbc: {keys: [{name: key1, secret: eHh4}]}\n"),
            "error while parsing file: resources[0].providers[0].aescbc.keys[0].secret: Invalid "
            "value: \"REDACTED\": secret is not of the expected length, got 3, expected one of "
            "[16 24 32]");
  EXPECT_EQ(
      Refusal("- resources: [secrets]\n"
              "  providers:\n"
              "  - {}\n"
              "  - aescbc: {keys: [{name: key1, secret: eHh4}]}\n"
              "    identity: {}\n"
              "- resources: [secrets, '*.', secrets]\n"
              "  providers:\n"
              "  - kms: {name: 'a:b', endpoint: 'http://x', cachesize: 3, apiVersion: v3, "
              "timeout: 0s}\n"),
      "error while parsing file: [resources[0].providers[0]: Invalid value: "
      "{\"AESGCM\":null,\"AESCBC\":null,\"Secretbox\":null,\"Identity\":null,\"KMS\":null}: "
      "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, "
      "Identity, resources[0].providers[1]: Invalid value: "
      "{\"AESGCM\":null,\"AESCBC\":{\"Keys\":[{\"Name\":\"key1\",\"Secret\":\"REDACTED\"}]},"
      "\"Secretbox\":null,\"Identity\":{},\"KMS\":null}: more than one provider specified in a "
      "single element, should split into different list elements, "
      "resources[0].providers[1].aescbc.keys[0].secret: Invalid value: \"REDACTED\": secret is "
      "not of the expected length, got 3, expected one of [16 24 32], resources[1].resources: "
      "Invalid value: [\"secrets\",\"*.\",\"secrets\"]: the same resource cannot be specified "
      "multiple times, resources[1].resources: Invalid value: [\"secrets\",\"*.\",\"secrets\"]: "
      "using overlapping resources such as 'secrets' and '*.' in the same resource list is not "
      "allowed as they will be masked, resources[1].providers[0].kms.name: Invalid value: "
      "\"a:b\": invalid KMS provider name a:b, must not contain ':', "
      "resources[1].providers[0].kms.timeout: Invalid value: \"0s\": timeout should be a positive "
      "value, resources[1].providers[0].kms.endpoint: Invalid value: \"http://x\": unsupported "
      "scheme \"http\" for KMS provider, only unix is supported, "
      "resources[1].providers[0].kms.cachesize: Invalid value: 3: cachesize is not supported in "
      "v2, resources[1].providers[0].kms.apiVersion: Invalid value: \"v3\": unsupported "
      "apiVersion apiVersion for KMS provider, only v1 and v2 are supported]");
}

TEST(EncryptionConfig, RefusesResourcesThatCannotBe) {
  const auto refusal_of = [](const std::string& resource) {
    return Refusal("- {resources: ['" + resource + "'], providers: [{identity: {}}]}\n");
  };
  EXPECT_EQ(refusal_of("*."), "");
  EXPECT_EQ(refusal_of("*.*"), "");
  EXPECT_THAT(refusal_of("*"), HasSubstr("use '*.' to encrypt all the resources from core API"));
  EXPECT_THAT(refusal_of("Secrets"), HasSubstr("should not contain capital letters"));
  EXPECT_THAT(refusal_of("secrets.*"), HasSubstr("encrypting the same resource across groups"));
  EXPECT_THAT(refusal_of("events.events.k8s.io"), HasSubstr("Use 'events' instead"));
  EXPECT_THAT(refusal_of("a.extensions"), HasSubstr("'extensions' group has been removed"));
  EXPECT_THAT(refusal_of("apiserveripinfo"), HasSubstr("do not have REST API/s"));
}

TEST(EncryptionConfig, RefusesRulesThatWouldMaskOthersAndKmsOfVersionOne) {
  const std::string identity = "  providers: [{identity: {}}]\n";
  EXPECT_EQ(Refusal("- resources: ['*.']\n" + identity + "- resources: [secrets]\n" + identity),
            "error while building transformers: resource \"secrets\" is masked by earlier rule "
            "\"*.\"");
  EXPECT_EQ(Refusal("- resources: ['*.*']\n" + identity + "- resources: [a.b]\n" + identity),
            "error while building transformers: resource \"a.b\" is masked by earlier rule "
            "\"*.*\"");
  const std::string kms = "  providers: [{kms: {name: a, endpoint: 'unix:///a'}}]\n";
  EXPECT_THAT(Refusal("- resources: [secrets]\n" + kms), HasSubstr("KMSv1 is deprecated"));
  EXPECT_THAT(Refusal("- resources: [secrets]\n" + kms + "- resources: [a.b]\n" + kms, true),
              HasSubstr("duplicate KMS provider name a, names must be unique"));
}

TEST(EncryptionConfig, RefusesFilesThatAreNone) {
  const auto refusal_of = [](const std::string& text) {
    const auto parsed = ParseEncryptionConfig(text, "enc.yaml", false);
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_THAT(refusal_of(""), HasSubstr("file \"enc.yaml\" is empty"));
  EXPECT_THAT(refusal_of("a: ["), HasSubstr("error decoding encryption provider configuration"));
  EXPECT_THAT(refusal_of("kind: Pod\napiVersion: v1\n"),
              HasSubstr("no kind \"Pod\" is registered for version \"v1\""));
  EXPECT_THAT(refusal_of("kind: Pod"), HasSubstr("Object 'apiVersion' is missing"));
  EXPECT_EQ(refusal_of("kind: AdmissionConfiguration\napiVersion: apiserver.config.k8s.io/v1\n"),
            "error while parsing file: got unexpected config type: apiserver.config.k8s.io/v1, "
            "Kind=AdmissionConfiguration");
  EXPECT_EQ(refusal_of(std::string(kHead) + " []"),
            "error while parsing file: resources: Required value: at least one resources is "
            "required");
}

// Likewise the texts of kube-apiserver v1.35.6.
TEST(EncryptionConfig, SaysWhereAFileIsOfAnotherType) {
  const auto fault_of = [](const std::string& text) {
    const auto parsed = ParseEncryptionConfig(text, "f", false);
    const std::string head =
        "error while parsing file: error decoding encryption provider configuration file \"f\": ";
    if (parsed || !parsed.error().message.starts_with(head)) return std::string("no such error");
    return parsed.error().message.substr(head.size());
  };
  const std::string head = kHead;
  EXPECT_EQ(fault_of(head + "- {resources: 3}"),
            "json: cannot unmarshal number into Go struct field ResourceConfiguration.resources."
            "resources of type []string");
  const auto provider = [&](const std::string& text) {
    return fault_of(head + "- {resources: [secrets], providers: [" + text + "]}");
  };
  EXPECT_EQ(provider("{aesgcm: {keys: [{name: 1}]}}"),
            "json: cannot unmarshal number into Go struct field Key.resources.providers.aesgcm."
            "keys.name of type string");
  EXPECT_EQ(provider("{secretbox: x}"),
            "json: cannot unmarshal string into Go struct field ProviderConfiguration.resources."
            "providers.secretbox of type v1.SecretboxConfiguration");
  EXPECT_EQ(provider("{kms: {cachesize: 1.5}}"),
            "json: cannot unmarshal number 1.5 into Go struct field KMSConfiguration.resources."
            "providers.kms.cachesize of type int32");
  EXPECT_EQ(provider("{kms: {cachesize: 99999999999}}"),
            "json: cannot unmarshal number 99999999999 into Go struct field KMSConfiguration."
            "resources.providers.kms.cachesize of type int32");
  // Without a sign it would be -1.
  EXPECT_EQ(provider("{kms: {cachesize: 18446744073709551615}}"),
            "json: cannot unmarshal number 18446744073709551615 into Go struct field "
            "KMSConfiguration.resources.providers.kms.cachesize of type int32");
  EXPECT_EQ(provider("{kms: {cachesize: 1e10}}"),
            "json: cannot unmarshal number 10000000000 into Go struct field KMSConfiguration."
            "resources.providers.kms.cachesize of type int32");
  // The next fault is told of, so this is none.
  EXPECT_EQ(provider("{kms: {cachesize: 1e3, timeout: 3x}}"),
            "time: unknown unit \"x\" in duration \"3x\"");
  EXPECT_EQ(provider("{kms: {timeout: 3x}}"), "time: unknown unit \"x\" in duration \"3x\"");
  EXPECT_EQ(
      provider("{identity: {}, identity: {}}"),
      "strict decoding error: yaml: unmarshal errors:\n  line 4: key \"identity\" already set "
      "in map");
  EXPECT_EQ(fault_of(R"({"apiVersion": "apiserver.config.k8s.io/v1", "resources": [],)"
                     R"( "kind": "EncryptionConfiguration", "resources": []})"),
            "strict decoding error: duplicate field \"resources\"");
  EXPECT_EQ(fault_of("apiVersion: v1\nkind: 1\n"),
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go "
            "struct field .kind of type string");
  EXPECT_EQ(fault_of("resources: [{providers: [{aescbc: {keys: [{secret: c2VjcmV0}]}}]}]\n"),
            "Object 'Kind' is missing in 'REDACTED'")
      << "there are keys in it";
}

}  // namespace
}  // namespace skiff
