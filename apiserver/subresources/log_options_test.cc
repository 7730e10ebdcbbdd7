#include "apiserver/subresources/log_options.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

Result<LogOptions> Parse(std::string_view query) {
  http::Request request;
  request.query = http::ParseQuery(query);
  return ParseLogOptions(request, "p");
}

TEST(LogOptions, TheKubeletIsAskedInAlphabeticalOrderForWhatWasSaid) {
  EXPECT_EQ(Parse("")->KubeletQuery(), "");
  EXPECT_EQ(Parse("timestamps=true&follow=1&container=c&insecureSkipTLSVerifyBackend=true&"
                  "tailLines=5&previous=false")
                ->KubeletQuery(),
            "follow=true&tailLines=5&timestamps=true");
  EXPECT_EQ(Parse("sinceTime=2024-01-02T03:04:05%2B02:00&limitBytes=9")->KubeletQuery(),
            "limitBytes=9&sinceTime=2024-01-02T01%3A04%3A05Z");
  // Go takes any word but false and 0 for true.
  EXPECT_TRUE(Parse("follow=x")->follow);
}

TEST(LogOptions, WhatDoesNotParseIsABadRequest) {
  EXPECT_EQ(Parse("tailLines=x").error().message,
            "strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(Parse("sinceTime=yesterday").error().reason, Reason::kBadRequest);
}

TEST(LogOptions, WhatMakesNoSenseIsInvalid) {
  const auto all = Parse("tailLines=-1&limitBytes=0&sinceSeconds=0");
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().reason, Reason::kInvalid);
  EXPECT_EQ(all.error().message,
            "PodLogOptions \"p\" is invalid: [tailLines: Invalid value: -1: must be greater than "
            "or equal to 0, limitBytes: Invalid value: 0: must be greater than 0, sinceSeconds: "
            "Invalid value: 0: must be greater than 0]");
  EXPECT_EQ(Parse("sinceSeconds=5&sinceTime=2024-01-01T00:00:00Z").error().message,
            "PodLogOptions \"p\" is invalid: []: Forbidden: at most one of `sinceTime` or "
            "`sinceSeconds` may be specified");
  EXPECT_EQ(Parse("stream=Stdout").error().causes.at(0).field, "stream");
}

TEST(LogOptions, PortsAreNumbers) {
  http::Request request;
  request.query = http::ParseQuery("ports=80&ports=x");
  EXPECT_EQ(CheckForwardedPorts(request).error().message,
            "cannot convert to []int32: strconv.ParseUint: parsing \"x\": invalid syntax");
}

}  // namespace
}  // namespace skiff
