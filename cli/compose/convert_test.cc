// Whole projects as objects, beside each in testdata: objects.yaml, and notes.txt, what is not
// carried over. UPDATE_GOLDEN=1 rewrites them.
#include "cli/compose/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "api/codec/decode.h"
#include "api/text/yaml.h"
#include "base/source_root.h"
#include "cli/compose/conversion_fixture.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

std::string FileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class GoldenProjects : public testing::TestWithParam<const char*> {};

TEST_P(GoldenProjects, BecomeTheObjectsAndNotesBesideThem) {
  const std::string folder =
      std::string(kSourceRoot) + "/cli/compose/testdata/" + GetParam();
  LoadOptions options;
  options.working_directory = folder;
  options.home = "/home/me";
  options.variable = [](const std::string&) { return std::nullopt; };
  const auto project = Load(options, DiskFiles());
  ASSERT_TRUE(project) << project.error().message;
  const auto converted = Convert(*project, DiskFiles());
  ASSERT_TRUE(converted) << converted.error().message;
  std::string objects;
  for (const Json& object : converted->Objects()) objects += "---\n" + DumpYaml(object);
  std::string notes;
  for (const Note& note : converted->notes) notes += note.Text() + "\n";
  // Paths of this machine say nothing.
  for (size_t at; (at = notes.find(folder)) != notes.npos;) notes.replace(at, folder.size(), ".");
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(folder + "/objects.yaml") << objects;
    std::ofstream(folder + "/notes.txt") << notes;
  }
  EXPECT_EQ(objects, FileText(folder + "/objects.yaml"));
  EXPECT_EQ(notes, FileText(folder + "/notes.txt"));
  for (const Json& object : converted->Objects()) {
    const KindInfo* kind = nullptr;
    for (const KindInfo* each : BuiltInKinds()) {
      if (each->kind == object["kind"] && each->api_version == object["apiVersion"]) kind = each;
    }
    ASSERT_NE(kind, nullptr) << object;
    const auto decoded = DecodeJson(*kind->type, object.dump(), FieldValidation::kStrict);
    ASSERT_TRUE(decoded) << decoded.error().message << object;
    EXPECT_THAT(decoded->strict_errors, ElementsAre()) << object;
  }
}

INSTANTIATE_TEST_SUITE_P(Testdata, GoldenProjects,
                         testing::Values("shop", "swarm", "apart", "variants"));

using ComposeConvertTest = ConversionFixture;

TEST_F(ComposeConvertTest, WorkloadsComeBehindThoseTheyDependOn) {
  const Conversion conversion = Converted(
      "services:\n  a: {image: x, depends_on: [c]}\n  b: {image: x, depends_on: [a]}\n"
      "  c: {image: x}\n");
  std::vector<std::string> order;
  for (const Workload& workload : conversion.workloads) order.push_back(workload.service);
  EXPECT_THAT(order, ElementsAre("c", "a", "b"));
  EXPECT_EQ(FailureOf("services:\n  a: {image: x, depends_on: [b]}\n"
                      "  b: {image: x, depends_on: [a]}\n"),
            "compose.yaml:3: dependency cycle detected: a -> b -> a");
}

TEST_F(ComposeConvertTest, ACircleIsNamedAsAWhole) {
  EXPECT_EQ(FailureOf("services:\n  a: {image: x, depends_on: [b]}\n"
                      "  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [d]}\n"
                      "  d: {image: x, depends_on: [b]}\n"),
            "compose.yaml:5: dependency cycle detected: b -> c -> d -> b");
  EXPECT_EQ(FailureOf("services:\n  a: {image: x, network_mode: 'service:b'}\n"
                      "  b: {image: x, links: [a]}\n"),
            "compose.yaml:3: dependency cycle detected: a -> b -> a");
}

TEST_F(ComposeConvertTest, NothingRunsOfAProvider) {
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, depends_on: [db]}\n"
      "  db:\n    provider: {type: cloud}\n");
  ASSERT_EQ(conversion.workloads.size(), 1u);
  EXPECT_EQ(conversion.workloads[0].service, "web");
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:4: services.db.provider: no provider is asked"));
}

TEST_F(ComposeConvertTest, APortIsPublishedByOneService) {
  const std::string web = "services:\n  web: {image: x, ports: ['8080:80']}\n";
  EXPECT_EQ(FailureOf(web + "  api:\n    image: x\n    ports:\n    - 8079-8081:70-72\n"),
            "compose.yaml:6: services.api.ports: 8080/tcp is published by services.web "
            "(compose.yaml:2) already; publish another port");
  Converted(web + "  api: {image: x, ports: ['8080:80/udp', '8081:80', '127.0.0.1:8080:80']}\n");
  Converted(web + "  api: {image: x, ports: [{target: 80, published: 8080, mode: host}]}\n");
  const std::string host = "{image: x, ports: [{target: 80, published: 8080, mode: host}]";
  EXPECT_EQ(FailureOf("services:\n  web: " + host + "}\n  api: " + host + "}\n"),
            "compose.yaml:3: services.api.ports: 8080/tcp is published by services.web "
            "(compose.yaml:2) already; publish another port");
  const std::string at = ", deploy: {placement: {constraints: ['node.labels.at == ";
  Converted("services:\n  web: " + host + at + "a']}}}\n  api: " + host + at + "b']}}}\n");
  Converted(web + "  api: {image: x, ports: ['8080:80'], deploy: {replicas: 0}}\n");
  Converted(web + "  api: {image: x, ports: ['8080:80'], scale: 0}\n");
}

TEST_F(ComposeConvertTest, APortIsPublishedForOnePortOfAService) {
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: x\n    ports:\n    - 80:80\n    - 80:81\n"),
            "compose.yaml:6: services.web.ports: 80/tcp is published by services.web "
            "(compose.yaml:5) already, for port 80; publish another port");
  const Conversion conversion = Converted(
      "services: {web: {image: x, ports: ['80:80', '0.0.0.0:80:80', '80:81/udp', "
      "'127.0.0.1:80:82']}}");
  EXPECT_EQ(Find(conversion, "Service", "web-published")["spec"]["ports"].size(), 2u);
}

TEST_F(ComposeConvertTest, OneThatIsPublishedTwiceIsOneToAPolicy) {
  const Conversion conversion = Converted(
      "services:\n"
      "  web: {image: x, ports: ['80:80', '81:80'], networks: [front]}\n"
      "  db: {image: x, networks: [back]}\n"
      "networks: {front: {}, back: {}}\n");
  EXPECT_EQ(Find(conversion, "Service", "web-published")["spec"]["ports"].size(), 2u);
  size_t policies = 0;
  for (const Json& object : conversion.shared) {
    if (object["kind"] != "NetworkPolicy" || !NameOf(object).ends_with("web-published")) continue;
    EXPECT_EQ(object["spec"]["ingress"][0]["ports"].size(), 1u);
    ++policies;
  }
  EXPECT_EQ(policies, 1u);
}

TEST_F(ComposeConvertTest, APortOfTheHostIsThereBesideOneOfTheService) {
  const std::string host = "{target: 80, mode: host, published: ";
  const Conversion conversion =
      Converted("services:\n  web:\n    image: x\n    ports:\n    - 8081:80\n    - " + host +
                "8083}\n    - " + host + "8083}\n    - " + host + "8084}\n");
  EXPECT_EQ(ContainerOf(Find(conversion, "Deployment", "web"))["ports"],
            Json::parse(R"([{"containerPort": 80, "protocol": "TCP", "hostPort": 8083}])"));
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:8: services.web.ports: 80/tcp is at the node's port 8083 "
                          "already, and at one alone: not at 8084"));
}

TEST_F(ComposeConvertTest, AServiceWithoutPortsIsFoundByAHeadlessService) {
  const Conversion conversion = Converted("services: {db: {image: x}}");
  const Json service = Find(conversion, "Service", "db");
  EXPECT_EQ(service["spec"]["clusterIP"], "None");
  EXPECT_FALSE(service["spec"].contains("ports"));
  EXPECT_TRUE(Find(conversion, "Service", "db-published").is_null());
}

TEST_F(ComposeConvertTest, WhatIsStartedAgainWhenItFailsIsFoundWhileItRuns) {
  const Conversion conversion = Converted(
      "services:\n"
      "  cache:\n    image: x\n    container_name: store\n"
      "    deploy: {restart_policy: {condition: on-failure}}\n"
      "  once: {image: x, restart: 'no'}\n"
      "  first: {image: x, restart: on-failure}\n"
      "  web: {image: x, depends_on: {first: {condition: service_completed_successfully}}}\n");
  for (const char* name : {"cache", "once", "first"}) {
    EXPECT_FALSE(Find(conversion, "Job", name).is_null()) << name;
  }
  for (const char* name : {"cache", "store"}) {
    EXPECT_EQ(Find(conversion, "Service", name)["spec"]["clusterIP"], "None") << name;
  }
  EXPECT_TRUE(Find(conversion, "Service", "once").is_null());
  EXPECT_TRUE(Find(conversion, "Service", "first").is_null());
  for (const Workload& workload : conversion.workloads) {
    EXPECT_EQ(workload.is_task, workload.service == "once" || workload.service == "first")
        << workload.service;
  }
}

TEST_F(ComposeConvertTest, WhatWasForLoopbackAloneIsNotPublished) {
  const Conversion conversion =
      Converted("services:\n  db:\n    image: x\n    ports: ['127.0.0.1:5432:5432']\n");
  EXPECT_TRUE(Find(conversion, "Service", "db-published").is_null());
  EXPECT_THAT(Notes(conversion)[0], HasSubstr("compose.yaml:4: services.db.ports[0]: published at "
                                              "127.0.0.1 alone"));
}

TEST_F(ComposeConvertTest, WhatOthersNeedToRunIsFoundThoughItIsNeverStartedAgain) {
  const Conversion conversion = Converted(
      "services:\n"
      "  db: {image: x, restart: 'no'}\n"
      "  cache: {image: x, restart: 'no'}\n"
      "  seed: {image: x, restart: 'no', depends_on: [db]}\n"
      "  web: {image: x, depends_on: {cache: {condition: service_started, required: false}}}\n");
  for (const char* name : {"db", "cache"}) {
    EXPECT_FALSE(Find(conversion, "Job", name).is_null()) << name;
    EXPECT_EQ(Find(conversion, "Service", name)["spec"]["clusterIP"], "None") << name;
  }
  EXPECT_TRUE(Find(conversion, "Service", "seed").is_null()) << "nobody asks it anything";
  for (const Workload& workload : conversion.workloads) {
    EXPECT_EQ(workload.is_task, workload.service == "seed") << workload.service;
  }
}

// Docker takes both beside each other, Kubernetes refuses them.
TEST_F(ComposeConvertTest, WhatDoesNotGoTogetherInAPodIsLeftOut) {
  const Conversion conversion = Converted(
      "services:\n  a: {image: x, init: true, pid: host, privileged: true,\n"
      "      security_opt: ['no-new-privileges:true']}\n  b: {image: x, init: true}\n");
  const Json a = Find(conversion, "Deployment", "a");
  EXPECT_EQ(a["spec"]["template"]["spec"]["hostPID"], true);
  EXPECT_FALSE(a["spec"]["template"]["spec"].contains("shareProcessNamespace"));
  EXPECT_EQ(ContainerOf(a)["securityContext"], (Json{{"privileged", true}}));
  EXPECT_THAT(Notes(conversion),
              testing::Contains("compose.yaml:3: services.a.security_opt: a privileged container "
                                "cannot be kept from privileges"));
  const Json b = Find(conversion, "Deployment", "b");
  EXPECT_EQ(b["spec"]["template"]["spec"]["shareProcessNamespace"], true);
}

TEST_F(ComposeConvertTest, AModeThatIsNoneIsPassedOver) {
  const Conversion conversion = Converted(
      "services:\n  web:\n    image: x\n"
      "    volumes: ['a:/a:rwz', 'b:/b:ro,cached', '/c:/c:unshared']\n"
      "volumes: {a: , b: }\n");
  EXPECT_THAT(Notes(conversion),
              testing::Contains("compose.yaml:4: services.web.volumes[0]: rwz is no mode of a "
                                "mount: it is as without"));
  const Json mounts = ContainerOf(Find(conversion, "StatefulSet", "web"))["volumeMounts"];
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_FALSE(mounts[0].contains("readOnly"));
  EXPECT_EQ(mounts[1]["readOnly"], true);
  EXPECT_FALSE(mounts[2].contains("mountPropagation"));
}

TEST_F(ComposeConvertTest, OtherMountedFilesMakeOtherPods) {
  const std::string text = "services: {web: {image: x, volumes: ['./c.conf:/etc/c.conf:ro']}}";
  files_.files["/shop/c.conf"] = "one";
  const Json before = Find(Converted(text), "Deployment", "web");
  files_.files["/shop/c.conf"] = "two";
  const Json after = Find(Converted(text), "Deployment", "web");
  const auto digest = [](const Json& object) {
    return object["spec"]["template"]["metadata"]["annotations"][kFilesAnnotation];
  };
  EXPECT_NE(digest(before), digest(after));
  EXPECT_EQ(ContainerOf(before), ContainerOf(after));
}

TEST_F(ComposeConvertTest, MountedFilesKeepTheirModesAndBytes) {
  files_.files["/shop/run.sh"] = "#!/bin/sh\n";
  files_.files["/shop/blob"] = "\xff\xfe";
  files_.executables = {"/shop/run.sh"};
  const Conversion conversion = Converted(
      "services: {web: {image: x, volumes: ['./run.sh:/run.sh:ro', './blob:/blob:ro']}}");
  const Json volumes = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"]["volumes"];
  EXPECT_EQ(volumes[0]["configMap"]["items"][0]["mode"], 0755);
  EXPECT_FALSE(volumes[1]["configMap"]["items"][0].contains("mode"));
  const std::string blob = volumes[1]["configMap"]["name"];
  EXPECT_EQ(Find(conversion, "ConfigMap", blob)["binaryData"]["blob"], "//4=");
}

TEST_F(ComposeConvertTest, WhatIsTooMuchForAConfigMapIsNotedAndNotMounted) {
  files_.files["/shop/data/large"] = std::string(2'000'000, 'x');
  const Conversion conversion =
      Converted("services:\n  web:\n    image: x\n    volumes: ['./data:/data:ro']\n");
  EXPECT_THAT(Notes(conversion)[0],
              HasSubstr("services.web.volumes[0]: /shop/data cannot go along"));
  EXPECT_FALSE(ContainerOf(Find(conversion, "Deployment", "web")).contains("volumeMounts"));
}

TEST_F(ComposeConvertTest, AnImageThatIsToBeBuiltIsNeverPulledUnderANameOfOurs) {
  const Json web = ContainerOf(
      Find(Converted("services: {web: {build: .}}"), "Deployment", "web"));
  EXPECT_EQ(web["image"], "shop-web");
  EXPECT_EQ(web["imagePullPolicy"], "Never");
}

TEST_F(ComposeConvertTest, AnImageThatIsThereIsNotPulledUnlessTheFileSaysSo) {
  const auto policy_of = [&](const std::string& more) {
    const Json web = ContainerOf(
        Find(Converted("services: {web: {image: x" + more + "}}"), "Deployment", "web"));
    return web.value("imagePullPolicy", "");
  };
  EXPECT_EQ(policy_of(""), "IfNotPresent") << "Kubernetes would always pull it, as of no tag";
  EXPECT_EQ(policy_of(", pull_policy: always"), "Always");
}

TEST_F(ComposeConvertTest, ServicesWhoseNamesFallTogetherAreRefused) {
  EXPECT_EQ(FailureOf("services:\n  a_b: {image: x}\n  a.b: {image: x}\n"),
            "compose.yaml:3: services a_b and a.b would both be called a-b");
}

TEST_F(ComposeConvertTest, NothingTakesTheNameOfAnother) {
  EXPECT_EQ(FailureOf("services:\n  web: {image: x, ports: ['80:80']}\n"
                      "  web-published: {image: x, ports: ['81:81']}\n"),
            "compose.yaml:2: services.web.ports: the Service for them would be called "
            "web-published, as that of service web-published is");
  EXPECT_EQ(FailureOf("services:\n  web: {image: x, volumes: ['V_1:/a', 'v.1:/b']}\n"
                      "volumes:\n  V_1:\n  v.1: {}\n"),
            "compose.yaml:5: volumes V_1 and v.1 would both be called shop-v-1");
  EXPECT_EQ(FailureOf("services:\n  web: {image: x, configs: [a_b, a.b]}\n"
                      "configs:\n  a_b: {content: x}\n  a.b: {content: y}\n"),
            "compose.yaml:5: configs a_b and a.b would both be called shop-a-b");
  const auto conversion = Converted(
      "services:\n  web: {image: x, volumes: ['a:/a', 'b:/b']}\n"
      "volumes:\n  a: {name: one}\n  b: {name: one}\n");
  EXPECT_EQ(Find(conversion, "PersistentVolumeClaim", "one")["kind"], "PersistentVolumeClaim")
      << "one volume by two names";
}

TEST_F(ComposeConvertTest, AnAliasOfTwoServicesIsToldOf) {
  const auto conversion = Converted(
      "services:\n  a: {image: x, networks: {default: {aliases: [db]}}}\n"
      "  b: {image: x, networks: {default: {aliases: [db]}}}\n");
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:3: services.b.aliases: db is a name of another service "
                          "already, and leads to that alone"));
}

TEST_F(ComposeConvertTest, RefusesValuesThatMeanNothing) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"mem_limit: lots", "invalid size: \"lots\""},
      {"cpus: x", "invalid number of processors: \"x\""},
      {"restart: sometimes", "invalid restart policy: sometimes"},
      {"restart: always:3", "invalid restart policy: always:3: only on-failure has a count"},
      {"stop_grace_period: soon", "invalid duration: \"soon\""},
      {"command: 'a \"b'", "invalid command line: unclosed quote in \"a \\\"b\""},
      {"healthcheck: {test: [curl]}", "healthcheck.test must start either by"},
      {"deploy: {mode: odd}", "invalid deploy mode: odd"},
      {"deploy: {replicas: -1}", "invalid number: \"-1\": it must be between 0 and 100000"},
      {"deploy: {update_config: {order: odd}}", "invalid update order: odd"},
      {"deploy: {placement: {constraints: [odd]}}", "invalid constraint: odd"},
      {"expose: ['99999']", "invalid port: 99999"},
      {"expose: ['53/upd']", "invalid port: 53/upd"},
      {"ports: [{target: 53, protocol: upd}]", "invalid proto: \"upd\""},
      {"healthcheck: {test: x, start_period: soon}", "invalid duration: \"soon\""},
      {"depends_on: {db: {condition: odd}}\n  db: {image: x}",
       "services.web.depends_on.db.condition value must be one of "
       "'service_completed_successfully', 'service_healthy', 'service_started'"},
      {"depends_on: [web]", "dependency cycle detected: web -> web"},
      {"ports: [{target: 80, published: x}]", "invalid published port: x"},
      {"volumes: ['/a:b']", "invalid mount target \"b\": it must be an absolute path"}};
  for (const auto& [line, why] : kWrong) {
    const std::string failure =
        FailureOf(std::string("services:\n  web:\n    image: x\n    ") + line + "\n");
    EXPECT_THAT(failure, HasSubstr("compose.yaml:")) << line;
    EXPECT_THAT(failure, HasSubstr(why)) << line;
    EXPECT_EQ(failure.find('\n'), failure.npos)
        << "told once, and nothing that follows: " << failure;
  }
}

TEST_F(ComposeConvertTest, AllThatIsWrongIsToldInOneGo) {
  EXPECT_EQ(FailureOf("services:\n"
                      "  web:\n"
                      "    image: Bad Image\n"
                      "    environment: ['=x']\n"
                      "    mem_limit: lots\n"
                      "    restart: sometimes\n"
                      "  db:\n"
                      "    image: x\n"
                      "    stop_grace_period: soon\n"),
            "compose.yaml:3: services.web.image: \"Bad Image\" is no name of an image: it is "
            "[HOST/]NAME[:TAG], and but for HOST and TAG in lower case\n"
            "compose.yaml:4: services.web.environment: \"=x\" is a variable without a name\n"
            "compose.yaml:5: invalid size: \"lots\"\n"
            "compose.yaml:6: invalid restart policy: sometimes\n"
            "compose.yaml:9: invalid duration: \"soon\"");
  EXPECT_EQ(FailureOf("services:\n  my web: {image: x}\n  'a/b': {image: x}\n"),
            "compose.yaml:2: services: additional property my web is not allowed: names of "
            "services have letters, digits, '.', '_' and '-' alone\n"
            "compose.yaml:3: services: additional property a/b is not allowed: names of services "
            "have letters, digits, '.', '_' and '-' alone");
  std::string many = "services:\n";
  for (int i = 0; i < 25; ++i) many += "  s" + std::to_string(i) + ": {image: x, restart: odd}\n";
  EXPECT_THAT(FailureOf(many), EndsWith("compose.yaml:21: invalid restart policy: odd\n"
                                        "... and 5 more"));
}

TEST_F(ComposeConvertTest, AHostMayHaveSeveralAddresses) {
  const auto conversion = Converted(
      "services:\n  web:\n    image: x\n"
      "    extra_hosts: {a: 192.0.2.1, b: [192.0.2.2, '[::1]']}\n");
  EXPECT_EQ(Find(conversion, "Deployment", "web")["spec"]["template"]["spec"]["hostAliases"],
            Json::parse(R"([{"ip": "192.0.2.1", "hostnames": ["a"]},
                            {"ip": "192.0.2.2", "hostnames": ["b"]},
                            {"ip": "::1", "hostnames": ["b"]}])"));
}

TEST_F(ComposeConvertTest, AHostNameMayHaveADomain) {
  const auto conversion = Converted(
      "services:\n"
      "  plain: {image: x, hostname: mail}\n"
      "  whole: {image: x, hostname: mail.example.com}\n"
      "  parts: {image: x, hostname: mail, domainname: example.com}\n"
      "  odd: {image: x, hostname: my_mail.example.com}\n"
      "  node: {image: x, hostname: mail.example.com, network_mode: host}\n"
      "  nameless: {image: x, domainname: example.com}\n");
  const auto pod = [&](const char* name) {
    return Find(conversion, "Deployment", name)["spec"]["template"]["spec"];
  };
  EXPECT_EQ(pod("plain")["hostname"], "mail");
  EXPECT_FALSE(pod("plain").contains("hostnameOverride"));
  EXPECT_EQ(pod("whole")["hostnameOverride"], "mail.example.com");
  EXPECT_EQ(pod("parts")["hostnameOverride"], "mail.example.com");
  for (const char* name : {"odd", "node", "nameless"}) {
    EXPECT_FALSE(pod(name).contains("hostname")) << name;
    EXPECT_FALSE(pod(name).contains("hostnameOverride")) << name;
  }
  std::vector<std::string> noted;
  for (const Note& note : conversion.notes) noted.push_back(note.key);
  EXPECT_THAT(noted, ElementsAre("services.odd.hostname", "services.node.hostname",
                                 "services.nameless.domainname"));
}

TEST_F(ComposeConvertTest, AHostNameStaysWhereItsDomainCannot) {
  const auto conversion = Converted(
      "services:\n"
      "  odd: {image: x, hostname: mail, domainname: Example.com}\n"
      "  far: {image: x, hostname: a.example.com, domainname: Example.com}\n"
      "  long: {image: x, hostname: mail, domainname: " +
      std::string(60, 'd') +
      "}\n"
      "  node: {image: x, hostname: mail, domainname: example.com, network_mode: host}\n"
      "  twice: {image: x, hostname: a.example.com, domainname: example.com}\n");
  const auto pod = [&](const char* name) {
    return Find(conversion, "Deployment", name)["spec"]["template"]["spec"];
  };
  for (const char* name : {"odd", "long", "node"}) {
    EXPECT_EQ(pod(name)["hostname"], "mail") << name;
    EXPECT_FALSE(pod(name).contains("hostnameOverride")) << name;
  }
  for (const char* name : {"far", "twice"}) {
    EXPECT_EQ(pod(name)["hostnameOverride"], "a.example.com") << name;
  }
  std::vector<std::string> noted;
  for (const Note& note : conversion.notes) noted.push_back(note.key);
  EXPECT_THAT(noted, ElementsAre("services.odd.domainname", "services.far.domainname",
                                 "services.long.domainname", "services.node.domainname"));
}

TEST_F(ComposeConvertTest, RootHasANumber) {
  const auto context = [&](const std::string& user) {
    const auto conversion = Converted("services:\n  web: {image: x, user: '" + user + "'}\n");
    EXPECT_EQ(Notes(conversion).size(), user.find("unit") == user.npos ? 0U : 1U) << user;
    return ContainerOf(Find(conversion, "Deployment", "web"))["securityContext"];
  };
  EXPECT_EQ(context("root"), Json::parse(R"({"runAsUser": 0})"));
  EXPECT_EQ(context("root:root"), Json::parse(R"({"runAsUser": 0, "runAsGroup": 0})"));
  EXPECT_EQ(context("1000:root"), Json::parse(R"({"runAsUser": 1000, "runAsGroup": 0})"));
  EXPECT_EQ(context("unit:root"), Json::parse(R"({"runAsGroup": 0})"));
}

// By the server's own rules, without it.
TEST_F(ComposeConvertTest, WhatTheServerWouldRefuseIsToldWithItsLine) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"environment: {fine: 1, 'gr\u00fcn': 2}", "compose.yaml:4: services.web.environment.gr\u00fcn: "},
      {"extra_hosts: ['db:not-an-address']", "compose.yaml:4: services.web.extra_hosts: "},
      {"user: '4294967295'", "compose.yaml:4: services.web.user: Invalid value: 4294967295: "}};
  for (const auto& [line, why] : kWrong) {
    const std::string failure =
        FailureOf(std::string("services:\n  web:\n    image: x\n    ") + line + "\n");
    EXPECT_THAT(failure, HasSubstr(why)) << line;
  }
}

TEST(ComposeScalars, DurationsAreRoundedUpToSeconds) {
  const auto seconds = [](const char* text) { return ReadSeconds(TextNode(text, {})).value(); };
  EXPECT_EQ(seconds("1m30s"), 90);
  EXPECT_EQ(seconds("1500ms"), 2);
  EXPECT_EQ(seconds("0s"), 0);
  EXPECT_EQ(seconds("1d12h"), 36 * 3600);
  EXPECT_EQ(seconds("1w2d1.5h"), 9 * 86400 + 5400);
  EXPECT_EQ(seconds("+0.5d"), 43200);
  for (const char* wrong : {"", "d", "1", "1h0", "-1d", "1h-1d", "++1h", "20000w", "1 d", "1D"}) {
    EXPECT_FALSE(ReadSeconds(TextNode(wrong, {}))) << wrong;
  }
  EXPECT_EQ(seconds("2562047h47m16.854775807s"), 9'223'372'037) << "the longest that there is";
}

// What somebody's slip of the hand may put where a value stood.
constexpr const char* kOddValues[] = {"null",   "[]",     "{}",  "''",     "-1",   "'x:80'",
                                      "x",      "{a: b}", "yes", "[null]", "[{}]", "[a, b]",
                                      "1.5",    "::",     "/",   "'a:b'",  "1e99", "[[[x]]]",
                                      "'1:2/q'", "!reset null", "99999999999999999999"};

// A line taken out, doubled, moved in, or with another value.
std::string Mutilated(std::vector<std::string> lines, std::minstd_rand& random) {
  const auto any = [&](size_t count) { return static_cast<size_t>(random()) % count; };
  for (size_t changes = 1 + any(3); changes > 0; --changes) {
    const size_t at = any(lines.size());
    const size_t colon = lines[at].find(": ");
    switch (any(4)) {
      case 0:
        lines.erase(lines.begin() + static_cast<long>(at));
        break;
      case 1:
        lines.insert(lines.begin() + static_cast<long>(any(lines.size())), lines[at]);
        break;
      case 2:
        lines[at].insert(0, "  ");
        break;
      default:
        if (colon == std::string::npos) break;
        lines[at] = lines[at].substr(0, colon + 2) + kOddValues[any(std::size(kOddValues))];
    }
    if (lines.empty()) lines.emplace_back("services:");
  }
  return Join(lines, "\n");
}

TEST_P(GoldenProjects, AreAnsweredByAnErrorOrObjectsHoweverTheyAreMutilated) {
  const std::string folder =
      std::string(kSourceRoot) + "/cli/compose/testdata/" + GetParam();
  FilesInMemory files;
  const auto below = DiskFiles().Below(folder, 100);
  ASSERT_TRUE(below);
  for (const std::string& name : below->files) {
    files.files["/shop/" + name] = FileText(folder + "/" + name);
  }
  const std::vector<std::string> lines = Split(files.files["/shop/compose.yaml"], '\n');
  std::minstd_rand random(7);
  int converted_count = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text = Mutilated(lines, random);
    files.files["/shop/compose.yaml"] = text;
    Mistakes wrong;
    const auto project = Load(InShop(), files, wrong);
    wrong.Add(project);
    if (!project) continue;
    for (const Json& object : Convert(*project, files, wrong).Objects()) {
      EXPECT_NE(object.dump(), "");
    }
    if (wrong.empty()) ++converted_count;
  }
  // Most slips are noticed, and some mean something.
  EXPECT_GT(converted_count, 10);
  EXPECT_LT(converted_count, 490);
}

}  // namespace
}  // namespace skiff::cli::compose
