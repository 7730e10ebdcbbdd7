#include "apiserver/request/media.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

Result<MediaType> Ask(std::string accept, MediaOffer offer = {}) {
  http::Request request;
  request.headers.emplace("Accept", std::move(accept));
  return Negotiate(request, offer);
}

TEST(Media, TheFirstClauseThatFitsWins) {
  EXPECT_EQ(Ask("application/json")->encoding, Encoding::kJson);
  EXPECT_EQ(Ask("application/json;q=0.2, application/yaml;q=0.9")->encoding, Encoding::kYaml);
  const std::string both = "application/vnd.kubernetes.protobuf,application/json";
  EXPECT_EQ(Ask(both)->encoding, Encoding::kProtobuf);
  EXPECT_EQ(Ask(both, {.encodes_protobuf = false})->encoding, Encoding::kJson);
  EXPECT_EQ(Ask("text/html,*/*;q=0.8")->encoding, Encoding::kJson);
}

TEST(Media, ATableIsJsonOrYaml) {
  const std::string table = ";as=Table;v=v1;g=meta.k8s.io";
  EXPECT_EQ(Ask("application/json" + table)->target, Target::kTable);
  EXPECT_EQ(Ask("application/json;as=Table;v=v9;g=meta.k8s.io, application/json")->target,
            Target::kObject);
  EXPECT_FALSE(Ask("application/vnd.kubernetes.protobuf" + table).has_value());
}

TEST(Media, RefusalsNameWhatIsOnOffer) {
  EXPECT_EQ(Ask("application/json;as=Nonsense;v=v1;g=meta.k8s.io").error().message,
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf");
  EXPECT_EQ(Ask("application/*", {.protobuf = false}).error().message,
            "406: Not Acceptable\n\nAvailable representations: application/json, "
            "application/yaml");
  EXPECT_EQ(Ask("image/png", {.list = true}).error().message,
            "406: Not Acceptable\n\nAvailable representations: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, "
            "application/vnd.kubernetes.protobuf;stream=watch");
}

TEST(Media, WhatTheRouterDoesNotHaveKnowsEveryWildcard) {
  const MediaOffer groups{.metadata = false, .table = false, .routed = false};
  EXPECT_EQ(Ask("application/*", groups)->encoding, Encoding::kJson);
  EXPECT_EQ(Ask("text/plain", groups).error().message,
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf");
}

TEST(Media, WhoTakesDiscoveryAsAWholeGetsItWhateverHeWantsMore) {
  const MediaOffer groups{
      .metadata = false, .table = false, .discovery = true, .routed = false};
  const std::string whole = ";as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io";
  EXPECT_EQ(Ask("application/*" + whole, groups)->target, Target::kDiscovery);
  const auto found = Ask("application/yaml,application/json;q=0.1" + whole, groups);
  EXPECT_EQ(found->target, Target::kDiscovery);
  EXPECT_EQ(found->encoding, Encoding::kJson);
  const std::string older = ";as=APIGroupDiscoveryList;v=v1;g=apidiscovery.k8s.io";
  EXPECT_EQ(Ask("application/json" + older + ",application/yaml", groups)->target,
            Target::kObject);
  EXPECT_FALSE(Ask("application/json" + older, groups).has_value());
  EXPECT_EQ(Ask("*/*", groups)->target, Target::kObject);
  EXPECT_EQ(Ask("application/json", groups)->target, Target::kObject);
}

TEST(Media, AWatchInYamlGetsPastTheRouterOnly) {
  EXPECT_EQ(Ask("application/yaml", {.yaml = false, .watch = true}).error().message,
            "only the following media types are accepted: application/json;stream=watch, "
            "application/vnd.kubernetes.protobuf;stream=watch");
  for (const char* unknown : {"as=Odd", "as=Table;v=v2;g=meta.k8s.io", "stream=odd"}) {
    EXPECT_EQ(Ask("application/json;" + std::string(unknown), {.yaml = false, .watch = true})
                  .error()
                  .message,
              "only the following media types are accepted: application/json, application/yaml, "
              "application/vnd.kubernetes.protobuf")
        << unknown;
  }
}

TEST(Media, CustomResourcesAreInNoRoute) {
  const MediaOffer custom{.protobuf_metadata_alone = true};
  const MediaOffer watch{.yaml = false, .protobuf_metadata_alone = true, .watch = true};
  const std::string all =
      "only the following media types are accepted: application/json, application/yaml, "
      "application/vnd.kubernetes.protobuf";
  EXPECT_EQ(Ask("text/html", custom).error().message, all);
  EXPECT_EQ(Ask("application/vnd.kubernetes.protobuf", custom).error().message, all);
  EXPECT_EQ(Ask("application/*", custom)->encoding, Encoding::kJson);
  EXPECT_EQ(Ask("text/html", watch).error().message, all);
  EXPECT_EQ(Ask("application/yaml", watch).error().message,
            "only the following media types are accepted: application/json;stream=watch, "
            "application/vnd.kubernetes.protobuf;stream=watch");
}

// As kube-apiserver v1.35.6 was seen to.
TEST(Media, ParametersThatNobodyKnowsAreRefusedWhereTheyMatter) {
  EXPECT_TRUE(Ask("application/json;a=b").has_value());
  EXPECT_TRUE(Ask("application/json;stream=watch;sv=v1").has_value());
  for (const char* refused :
       {"stream=x", "stream=watch;stream=x", "sv=v2", "g=meta.k8s.io", "v=v1"}) {
    EXPECT_FALSE(Ask("application/json;" + std::string(refused)).has_value()) << refused;
  }
  EXPECT_FALSE(Ask("application/yaml;stream=watch").has_value());
}

TEST(Media, ABodyWithAParameterOfTwoValuesIsOfNoType) {
  for (const char* fine : {"a=b; a=b", "a=b; A=\"b\"", "a=b; a*=b", "a*0=b; a*1=c"}) {
    EXPECT_EQ(BodyMediaType("application/json; " + std::string(fine)), "application/json") << fine;
  }
  for (const char* wrong : {"a=b; a=c", "charset=utf-8; charset=latin1", "a=b; A=c", "a*=b; a*=c",
                            "a*0=b; a*0=c", "a=\"b\\\"\"; a=b"}) {
    const std::string header = "application/json; " + std::string(wrong);
    EXPECT_EQ(BodyMediaType(header), header);
  }
}

TEST(Media, TypesAreWrittenSmall) {
  EXPECT_TRUE(Ask("Application/JSON").error().message.starts_with("406: Not Acceptable"));
}

}  // namespace
}  // namespace skiff
