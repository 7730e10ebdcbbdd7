#include "cli/describe_pod.h"

#include <gmock/gmock.h>

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Described(const Json& pod) {
  DescribeWriter out(/*aligned=*/false);
  DescribePod(out, pod, Time::Parse("2026-01-01T00:01:30Z")->point());
  return out.Flush();
}

std::string DescribedContainer(const Json& container) {
  return Described({{"spec", {{"containers", {container}}}}});
}

TEST(DescribePodTest, ReadinessGatesStandBeforeConditions) {
  const Json pod = {
      {"spec",
       {{"readinessGates",
         {{{"conditionType", "a.example/on"}}, {{"conditionType", "b.example/on"}}}}}},
      {"status", {{"conditions", {{{"type", "b.example/on"}, {"status", "True"}}}}}}};
  EXPECT_THAT(Described(pod), HasSubstr("Readiness Gates:\n  Type\tStatus\n"
                                        "  a.example/on \t<none> \n  b.example/on \tTrue \n"
                                        "Conditions:\n  Type\tStatus\n"));
  EXPECT_THAT(Described(Json::object()), Not(HasSubstr("Readiness")));
}

TEST(DescribePodTest, DevicesStandBehindMountsInTheOrderOfTheirPaths) {
  Json container = {{"name", "c"},
                    {"volumeDevices",
                     {{{"name", "two"}, {"devicePath", "/dev/xvdb"}},
                      {{"name", "one"}, {"devicePath", "/dev/xvda"}}}}};
  EXPECT_THAT(DescribedContainer(container),
              HasSubstr("    Mounts:\t<none>\n    Devices:\t<none>\n"
                        "      /dev/xvda from one\n      /dev/xvdb from two\n"));
  container["volumeMounts"] = {{{"name", "m"}, {"mountPath", "/m"}}};
  EXPECT_THAT(DescribedContainer(container),
              HasSubstr("      /m from m (rw)\n    Devices:\n      /dev/xvda from one\n"));
}

TEST(DescribePodTest, WhatAPodMayHaveAsAWholeStandsBeforeItsContainers) {
  const Json pod = {{"spec",
                     {{"resources", {{"limits", {{"cpu", "2"}}}, {"requests", {{"cpu", "1"}}}}},
                      {"containers", {{{"name", "c"}}}}}}};
  EXPECT_THAT(Described(pod), HasSubstr("Resources:\n  Limits:\n    cpu:\t2\n"
                                        "  Requests:\n    cpu:\t1\nContainers:\n"));
}

TEST(DescribePodTest, AProbesUrlIsWrittenAsOne) {
  const auto probe = [](const Json& http) {
    return DescribedContainer({{"name", "c"}, {"livenessProbe", {{"httpGet", http}}}});
  };
  EXPECT_THAT(probe({{"scheme", "HTTP"}, {"host", "::1"}, {"port", "web"}, {"path", "/a b?c=d"}}),
              HasSubstr("Liveness:\thttp-get http://[::1]:web/a%20b%3Fc=d delay="));
  EXPECT_THAT(probe({{"scheme", "HTTPS"}, {"port", 1}, {"path", "a"}}),
              HasSubstr("http-get https://:1/a delay="));
  EXPECT_THAT(DescribedContainer({{"name", "c"}, {"livenessProbe", Json::object()}}),
              HasSubstr("Liveness:\tunknown delay=0s"));
}

TEST(DescribePodTest, HowLongAPodHasBeenToGoIsSaidUntilItHasEnded) {
  Json pod = {{"metadata",
               {{"deletionTimestamp", "2026-01-01T00:00:00Z"}, {"deletionGracePeriodSeconds", 30}}},
              {"status", {{"phase", "Running"}}}};
  EXPECT_THAT(Described(pod), HasSubstr("Status:\tTerminating (lasts 90s)\n"
                                        "Termination Grace Period:\t30s\n"));
  pod["status"]["phase"] = "Succeeded";
  EXPECT_THAT(Described(pod), HasSubstr("Status:\tSucceeded\n"));
}

TEST(DescribePodTest, ASelectorOfAllPodsIsNoSelector) {
  const auto spread = [](Json constraint) {
    constraint.update({{"topologyKey", "zone"}, {"maxSkew", 1}, {"whenUnsatisfiable", "X"}});
    return Described({{"spec", {{"topologySpreadConstraints", {constraint}}}}});
  };
  EXPECT_THAT(spread({{"labelSelector", Json::object()}}), HasSubstr("for selector <none>\n"));
  EXPECT_THAT(spread(Json::object()), HasSubstr("is exceeded\n"));
}

TEST(DescribePodTest, TheGroupThatAPodIsOfComesLast) {
  const Json reference = {{"name", "w"}, {"podGroup", "g"}};
  EXPECT_THAT(Described({{"spec", {{"workloadRef", reference}}}}),
              testing::EndsWith("WorkloadRef:\n  Name:\tw\n  PodGroup:\tg\n"));
}

TEST(DescribePodTest, AVariableOfAFileIsLeftOut) {
  const Json of_file = {{"fileKeyRef", {{"volumeName", "v"}, {"path", "p"}, {"key", "K"}}}};
  EXPECT_THAT(DescribedContainer({{"name", "c"},
                                  {"env",
                                   {{{"name", "A"}, {"valueFrom", of_file}},
                                    {{"name", "B"}, {"value", "b"}},
                                    {{"name", "C"}}}}}),
              HasSubstr("    Environment:\n      B:\tb\n      C:\t\n"));
}

TEST(DescribePodTest, AnnotationsOfATemplateHaveTheirLines) {
  EXPECT_THAT(DescribePodTemplate({{"metadata", {{"annotations", {{"a", "1\n2\n"}, {"b", "3"}}}}}}),
              HasSubstr("  Annotations:\ta:\n\t  1\n\t  2\n\tb: 3\n"));
}

}  // namespace
}  // namespace skiff::cli
