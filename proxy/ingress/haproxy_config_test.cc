#include "proxy/ingress/haproxy_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/source_root.h"
#include "base/text.h"
#include "proxy/ingress/ingress_test_objects.h"

namespace skiff::ingress {
namespace {

HaproxySettings Settings() {
  return {.directory = "/var/lib/skiff/ingress",
          .user = "haproxy",
          .http_port = 80,
          .https_port = 443,
          .metrics_port = 10254,
          .default_certificate = "DEFAULT\n"};
}

// All files in one, each behind its name. UPDATE_GOLDEN=1 rewrites the golden one.
void ExpectGoldenFiles(const std::string& name, const HaproxyConfig& config) {
  std::string text;
  for (const auto& [file, contents] : config.files) text += "==> " + file + "\n" + contents;
  const std::string path = std::string(kSourceRoot) + "/proxy/ingress/testdata/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(golden.str(), text) << name;
}

TestObjects ThreeServices() {
  TestObjects objects;
  int host = 1;
  for (const char* name : {"threads", "users", "posts"}) {
    objects.AddService(name,
                       {"10.244.0." + std::to_string(host), "10.244.1." + std::to_string(host)});
    objects.AddRule(name, "", std::string("/api/") + name, "Prefix", name);
    ++host;
  }
  return objects;
}

TEST(HaproxyConfigTest, ThreePathsLeadToThreeServices) {
  ExpectGoldenFiles("three_services", RenderHaproxy(ThreeServices().Plan(), Settings()));
}

TEST(HaproxyConfigTest, HostsCertificatesAndProtocols) {
  TestObjects objects;
  objects.certificates = {{"named", {"NAMED\n", {}}}, {"any", {"ANY\n", {"any.org"}}}};
  objects.AddService("grpc", {"10.244.0.1", "fd00::1"}).spec.ports[0].app_protocol =
      "kubernetes.io/h2c";
  objects.AddService("tls", {"10.244.0.2"}, 8443).spec.ports[0].app_protocol = "https";
  objects.AddService("sticky", {"10.244.0.3"}).spec.session_affinity = "ClientIP";
  objects.AddRule("grpc", "grpc.example.com", "/pkg.Service/Method", "Exact", "grpc");
  objects.AddRule("wild", "*.example.com", "/", "Prefix", "tls");
  objects.AddRule("gone", "example.com", "/gone", "Prefix", "nobody");
  auto& last = objects.AddRule("last", "example.com", "/a b", "Prefix", "sticky");
  last.spec.default_backend = last.spec.rules[0].http->paths[0].backend;
  auto& tls = last.spec.tls.emplace_back();
  tls.hosts = {"example.com", "*.example.com"};
  tls.secret_name = "named";
  last.spec.tls.emplace_back().secret_name = "any";
  ExpectGoldenFiles("hosts", RenderHaproxy(objects.Plan(), Settings()));
}

TEST(HaproxyConfigTest, TimesOfAnIngressStandInItsBackends) {
  TestObjects objects = ThreeServices();
  const HaproxyConfig before = RenderHaproxy(objects.Plan(), Settings());
  objects.ingresses[0]->metadata.annotations = {{"ingress.skiff.io/timeout-server", "2m"},
                                                {"ingress.skiff.io/timeout-tunnel", "12h"}};
  const HaproxyConfig after = RenderHaproxy(objects.Plan(), Settings());
  EXPECT_NE(after.signature, before.signature);
  EXPECT_NE(after.files.at("haproxy.cfg").find("backend default.threads.80.-120000-43200000\n"
                                               "  balance roundrobin\n"
                                               "  timeout server 120000ms\n"
                                               "  timeout tunnel 43200000ms\n"),
            std::string::npos)
      << after.files.at("haproxy.cfg");
}

TEST(HaproxyConfigTest, EndpointsAreNoPartOfTheSignature) {
  TestObjects objects = ThreeServices();
  const std::string before = RenderHaproxy(objects.Plan(), Settings()).signature;
  objects.slices["users"]->endpoints.pop_back();
  EXPECT_EQ(RenderHaproxy(objects.Plan(), Settings()).signature, before);
  objects.services["users"]->spec.ports[0].app_protocol = "kubernetes.io/h2c";
  const std::string h2c = RenderHaproxy(objects.Plan(), Settings()).signature;
  EXPECT_NE(h2c, before);
  objects.services["users"]->spec.ports[0].app_protocol.reset();
  objects.ingresses[0]->spec.rules[0].host = "foo.com";
  EXPECT_NE(RenderHaproxy(objects.Plan(), Settings()).signature, before);
  HaproxySettings other = Settings();
  other.https_port = 0;
  EXPECT_NE(RenderHaproxy(ThreeServices().Plan(), other).signature, before);
}

TEST(HaproxyConfigTest, WhereThereIsIpv6ItListensByEitherFamily) {
  HaproxySettings settings = Settings();
  settings.addresses.emplace_back("::");
  const std::string text = RenderHaproxy(ThreeServices().Plan(), settings).files["haproxy.cfg"];
  for (const char* line :
       {"\n  bind 0.0.0.0:80 name http\n", "\n  bind [::]:80 name http6 v6only\n",
        "\n  bind 0.0.0.0:443 name https ssl crt",
        "\n  bind [::]:443 name https6 v6only ssl crt"}) {
    EXPECT_NE(text.find(line), text.npos) << line;
  }
}

TEST(HaproxyConfigTest, OneAddressNeverHoldsAllConnections) {
  HaproxySettings settings = Settings();
  settings.descriptors = 1000;  // Half as many connections.
  const std::string text = RenderHaproxy(ThreeServices().Plan(), settings).files["haproxy.cfg"];
  EXPECT_NE(text.find("\n  fd-hard-limit 1000\n"), text.npos);
  EXPECT_NE(text.find("\n  tcp-request connection reject if { sc0_conn_cur gt 350 }\n"), text.npos);
}

TEST(HaproxyConfigTest, NothingThatUsersWriteSaysAnythingInIt) {
  TestObjects objects;
  objects.AddService("web", {"10.244.0.1"});
  const std::string kHostile[] = {"/x\nbackend evil",
                                  "/x evil\n  server e 1.2.3.4:1",
                                  "/\" # ' \\ ${HOME} %[src] { } \t",
                                  "/#",
                                  std::string("/\0x", 3),
                                  "/\r\nevil evil",
                                  "/\xff\xfe evil"};
  int count = 0;
  for (const std::string& text : kHostile) {
    for (const char* type : {"Exact", "Prefix", "ImplementationSpecific"}) {
      auto& ingress = objects.AddRule("i" + std::to_string(++count), "", text, type, "web");
      ingress.spec.rules.push_back(ingress.spec.rules[0]);
      ingress.spec.rules.back().host = text;
      ingress.spec.rules.push_back(ingress.spec.rules[0]);
      ingress.spec.rules.back().http->paths[0].backend.service->name = text;
      ingress.spec.rules.back().http->paths[0].path += "2";
      ingress.spec.rules.push_back(ingress.spec.rules[0]);
      ingress.spec.rules.back().http->paths[0].backend.service->port.name = text;
      ingress.spec.rules.back().http->paths[0].path += "3";
      auto& tls = ingress.spec.tls.emplace_back();
      tls.hosts = {text};
      tls.secret_name = text;
      objects.certificates[text].pem = "PEM\n";
    }
  }
  objects.slices["web"]->endpoints.emplace_back().addresses = {"1.2.3.4:1\n server evil 1.1.1.1"};
  const HaproxyConfig config = RenderHaproxy(objects.Plan(), Settings());
  TestObjects plain;
  plain.AddService("web", {"10.244.0.1"});
  plain.AddRule("a", "", "/", "Prefix", "web");
  const HaproxyConfig expected = RenderHaproxy(plain.Plan(), Settings());
  // But for the signature, and a name that is made of it.
  const auto without_signature = [](const HaproxyConfig& each) {
    std::string text = each.files.at("haproxy.cfg");
    const std::string socket = WorkerSocket(Settings().directory, each.signature);
    text.replace(text.find(socket), socket.size(), "");
    return text.replace(text.find(each.signature), each.signature.size(), "");
  };
  EXPECT_EQ(without_signature(config), without_signature(expected));
  EXPECT_EQ(config.files.at("certificates.list"), "");
  EXPECT_EQ(config.files.at("once.map"), "");
  for (const char* map : {"exact.map", "prefix.map", "defaults.map"}) {
    std::istringstream lines(config.files.at(map));
    for (std::string line; std::getline(lines, line);) {
      const size_t space = line.find(' ');
      ASSERT_NE(space, std::string::npos) << line;
      const std::string value = line.substr(space + 1);
      EXPECT_TRUE(value == "default.web.80" || value == kNoBackend) << line;
      for (const char c : line.substr(0, space)) {
        EXPECT_TRUE(IsAlnum(c) || std::string_view("-._~%").find(c) != std::string_view::npos)
            << line;
      }
    }
  }
}

TEST(HaproxyConfigTest, ManyHostsOfACertificateStandInSeveralLines) {
  TestObjects objects;
  objects.certificates["one"].pem = "PEM\n";
  auto& tls = objects.AddIngress("{metadata: {name: a}}").spec.tls.emplace_back();
  tls.secret_name = "one";
  for (int i = 0; i < 250; ++i) tls.hosts.push_back("h" + std::to_string(i) + ".com");
  const std::string list = RenderHaproxy(objects.Plan(), Settings()).files.at("certificates.list");
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 3);
  EXPECT_EQ(std::count(list.begin(), list.end(), ' '), 250);
}

TEST(HaproxyConfigTest, WhatHaproxySaysOfACertificateIsSaidOfItsSecret) {
  IngressPlan plan;
  plan.certificates["default/one"].pem = "ONE\n";
  plan.certificates["other/two"].pem = "TWO\n";
  const HaproxyConfig config = RenderHaproxy(plan, Settings());
  using Secrets = std::set<std::string>;
  for (const auto& [name, text] : config.files) {
    const std::string said =
        "[ALERT] (7) : config : parsing [/x/haproxy.cfg:9] : 'bind :443' : 'crt-list' : No Private "
        "Key found in '" +
        name + ".key'.";
    const Secrets wanted = text == "ONE\n"   ? Secrets{"default/one"}
                           : text == "TWO\n" ? Secrets{"other/two"}
                                             : Secrets{};
    EXPECT_EQ(SecretsNamedIn(said, plan), wanted) << name;
  }
}

TEST(HaproxyConfigTest, ADirectoryHasToBeSaidInAnArgument) {
  EXPECT_TRUE(IsPlainDirectory("/var/lib/skiff/ingress"));
  EXPECT_TRUE(IsPlainDirectory("/home/some body/.local"));
  for (const char* bad : {"relative", "/a,b", "/a'b", "/a\nb", "/a\"b", "/a%b", "/a$b", ""}) {
    EXPECT_FALSE(IsPlainDirectory(bad)) << bad;
  }
}

}  // namespace
}  // namespace skiff::ingress
