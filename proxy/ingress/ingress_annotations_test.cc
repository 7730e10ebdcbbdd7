#include "proxy/ingress/ingress_annotations.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(IngressAnnotationsTest, TimesThatAreNoneAreTold) {
  TestObjects objects;
  objects.AddService("web", {});
  auto& wrong = objects.AddRule("wrong", "", "/", "Prefix", "web");
  wrong.metadata.annotations = {{"ingress.skiff.io/timeout-server", "90"},
                                {"ingress.skiff.io/timeout-tunnel", "25h"},
                                {"ingress.skiff.io/timeout-client", "1s"},
                                {"other.io/timeout-server", "1s"}};
  const IngressPlan plan = objects.Plan();
  EXPECT_THAT(plan.prefix, ElementsAre(Pair("%2F", "default.web.80"))) << "all else is served";
  EXPECT_EQ(ProblemsOf(plan, "wrong"),
            "InvalidAnnotation: ingress.skiff.io/timeout-client is none of "
            "ingress.skiff.io/timeout-connect, -server, -tunnel\n"
            "InvalidAnnotation: ingress.skiff.io/timeout-server is no time from 100ms to 24h0m0s, "
            "such as 90s: it is as without it\n"
            "InvalidAnnotation: ingress.skiff.io/timeout-tunnel is no time from 100ms to 24h0m0s, "
            "such as 90s: it is as without it\n");
}

TEST(IngressAnnotationsTest, AnnotationsOfOtherControllersAreTold) {
  TestObjects objects;
  objects.AddService("web", {});
  auto& moved = objects.AddRule("moved", "", "/", "Prefix", "web");
  moved.metadata.annotations = {
      {"nginx.ingress.kubernetes.io/auth-url", "http://auth/"},
      {"nginx.ingress.kubernetes.io/rewrite-target", "/$2"},
      {"traefik.ingress.kubernetes.io/router.middlewares", "default-auth@kubernetescrd"},
      {"nginx.org/rewrites", "x"},
      {"configuration.konghq.com/x", "x"},
      {"ingress.skiff.io/rewrite", "x"},
      {"kubernetes.io/ingress.allow-http", "false"},
      // Of who acts on Ingresses beside it, and what it knows.
      {"cert-manager.io/cluster-issuer", "x"},
      {"external-dns.alpha.kubernetes.io/hostname", "x"},
      {"fakenginx.org/x", "x"},
      {"ingress.skiff.io/timeout-server", "90s"},
      {"kubernetes.io/ingress.class", "skiff"},
      {"kubernetes.io/tls-acme", "true"}};
  EXPECT_EQ(ProblemsOf(objects.Plan(), "moved"),
            "UnsupportedAnnotation: it is served as without configuration.konghq.com/x, "
            "ingress.skiff.io/rewrite, kubernetes.io/ingress.allow-http, "
            "nginx.ingress.kubernetes.io/auth-url, nginx.ingress.kubernetes.io/rewrite-target, "
            "nginx.org/rewrites, traefik.ingress.kubernetes.io/router.middlewares\n");
}

// The Event that tells of them has its bound.
TEST(IngressAnnotationsTest, OfManyTheFirstOnesAreNamed) {
  networking_v1::Ingress ingress;
  for (int i = 0; i < 3000; ++i) {
    ingress.metadata.annotations[fmt::format("nginx.org/a{:04}", i)] = "x";
  }
  const auto problems = ReadAnnotations(ingress).problems;
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].message.ends_with(", nginx.org/a0007 and 2992 more annotations"));
}

// What is cut off is the number of the others.
TEST(IngressAnnotationsTest, OfLongNamesThereAreFewer) {
  networking_v1::Ingress ingress;
  for (const char* name : {"a", "b", "c", "d"}) {
    ingress.metadata.annotations["nginx.org/" + std::string(300, 'x') + name] = "x";
  }
  ingress.metadata.annotations["nginx.org/z"] = "x";
  const auto problems = ReadAnnotations(ingress).problems;
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_LE(problems[0].message.size(), 900u);
  EXPECT_TRUE(problems[0].message.ends_with("xb and 3 more annotations")) << problems[0].message;
}

TEST(IngressAnnotationsTest, WhatForbidsNothingIsNotMissed) {
  networking_v1::Ingress ingress;
  auto& range = ingress.metadata.annotations["nginx.ingress.kubernetes.io/whitelist-source-range"];
  range = "0.0.0.0/0,::/0";
  EXPECT_TRUE(ReadAnnotations(ingress).problems.empty());
  range = "10.0.0.0/8";
  EXPECT_EQ(ReadAnnotations(ingress).problems.size(), 1u);
}

}  // namespace
}  // namespace skiff::ingress
