// What a file asks for is carried over or noted, in the cases where that was once forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "cli/compose/conversion_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using NotedTest = ConversionFixture;

TEST_F(NotedTest, AVolumeThatIsMountedReadOnlyIsThatInPodsToo) {
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, volumes: ['share:/s', 'local:/l']}\n"
      "volumes:\n"
      "  share:\n    labels: {a: b}\n"
      "    driver_opts: {type: nfs, o: 'addr=192.0.2.1,ro,nolock,nfsvers=4', device: ':/x'}\n"
      "  local:\n    driver_opts: {type: none, o: 'bind,ro', device: /srv/x}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  EXPECT_EQ(pod["volumes"][0]["nfs"], (Json{{"server", "192.0.2.1"}, {"path", "/x"}}));
  EXPECT_EQ(pod["volumes"][1]["hostPath"], (Json{{"path", "/srv/x"}}));
  for (const Json& mount : pod["containers"][0]["volumeMounts"]) {
    EXPECT_EQ(mount["readOnly"], true) << mount;
  }
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:5: volumes.share.labels: what a pod mounts without a claim "
                          "has no labels",
                          "compose.yaml:6: volumes.share.driver_opts.o: nolock,nfsvers=4: the "
                          "volume of a pod has no mount options beside ro; a PersistentVolume that "
                          "is made by hand has",
                          "compose.yaml:8: volumes.local.driver_opts.device: it is the node's "
                          "/srv/x, not this machine's"));
}

TEST_F(NotedTest, PortZeroIsAnyPort) {
  const Conversion conversion =
      Converted("services:\n  a: {image: x, ports: ['0:80', {target: 81, published: 0}]}\n");
  EXPECT_THAT(
      Notes(conversion),
      ElementsAre("compose.yaml:2: services.a.ports[0]: Docker would choose a port; publish "
                  "one, or skiff port-forward 80",
                  "compose.yaml:2: services.a.ports[1]: Docker would choose a port; publish "
                  "one, or skiff port-forward 81"));
}

TEST_F(NotedTest, NoAttemptsAreAnyNumberOfThem) {
  const Conversion conversion = Converted(
      "services:\n  a: {image: x, restart: 'on-failure:0'}\n"
      "  b: {image: x, deploy: {restart_policy: {condition: on-failure, max_attempts: 0}}}\n"
      "  c: {image: x, restart: 'on-failure:3'}\n"
      "  d: {image: x, ports: ['80'], deploy: {restart_policy: {max_attempts: 0}}}\n");
  const auto limit = [&](const char* name) {
    return Find(conversion, "Job", name)["spec"]["backoffLimit"];
  };
  EXPECT_EQ(limit("a"), 1'000'000);
  EXPECT_EQ(limit("b"), 1'000'000);
  EXPECT_EQ(limit("c"), 3);
  EXPECT_THAT(Notes(conversion), Not(Contains(HasSubstr("max_attempts"))));
}

TEST_F(NotedTest, WhatRunsOnEachNodeIsReplacedAsItSays) {
  const auto strategy = [&](const std::string& update) {
    return Find(
        Converted("services:\n  a:\n    image: x\n    deploy: {mode: global, update_config: {" +
                  update + "}}\n"),
        "DaemonSet", "a")["spec"]["updateStrategy"]["rollingUpdate"];
  };
  EXPECT_EQ(strategy("parallelism: 2"), (Json{{"maxSurge", 0}, {"maxUnavailable", 2}}));
  EXPECT_EQ(strategy("parallelism: 0, order: start-first"),
            (Json{{"maxSurge", "100%"}, {"maxUnavailable", 0}}));
  for (const char* mode : {"global", "replicated", "replicated-job"}) {
    EXPECT_EQ(FailureOf(std::string("services:\n  a:\n    image: x\n    deploy:\n      mode: ") +
                        mode + "\n      update_config: {order: sideways}\n"),
              "compose.yaml:6: invalid update order: sideways")
        << mode;
  }
  EXPECT_THAT(Notes(Converted("services:\n  a:\n    image: x\n    deploy: {mode: replicated-job, "
                              "update_config: {parallelism: 2}}\n")),
              ElementsAre("compose.yaml:4: services.a.deploy.update_config: pods of a Job are not "
                          "replaced: it runs to its end"));
}

TEST_F(NotedTest, TheTestOfAHealthcheckIsKeptFromTheKubelet) {
  const Json command = ContainerOf(
      Find(Converted("services:\n  a:\n    image: x\n    healthcheck:\n"
                     "      test: ['CMD-SHELL', 'kill -0 $$$$ && test $$(hostname) = a']\n"),
           "Deployment", "a"))["readinessProbe"]["exec"]["command"];
  // "$$$" is "$$" to the kubelet, "$$(" is "$(".
  EXPECT_EQ(command[2], "kill -0 $$$ && test $$(hostname) = a");
}

TEST_F(NotedTest, ABooleanOfAVariableIsOneHoweverItIsWritten) {
  for (const char* yes : {"Yes", "ON", "tRUE", "Y", "1"}) {
    const Conversion conversion =
        Converted(std::string("services:\n  a: {image: x, read_only: '") + yes + "'}\n");
    EXPECT_EQ(ContainerOf(
                  Find(conversion, "Deployment", "a"))["securityContext"]["readOnlyRootFilesystem"],
              true)
        << yes;
  }
  EXPECT_THAT(Notes(Converted("services:\n  a: {image: x, attach: 'No'}\n")), IsEmpty());
}

TEST_F(NotedTest, MoreExposedPortsThanFitAreNoted) {
  const Conversion conversion =
      Converted("services:\n  a:\n    image: x\n    expose: ['80', '3000-4000']\n");
  EXPECT_EQ(Find(conversion, "Service", "a")["spec"]["ports"].size(), 1u);
  EXPECT_THAT(
      Notes(conversion),
      ElementsAre("compose.yaml:4: services.a.expose: a Service has at most 256 ports here"));
}

TEST_F(NotedTest, WhatHasNoNetworkPublishesNothing) {
  const Conversion conversion = Converted(
      "services:\n  a:\n    image: x\n    network_mode: none\n    ports: ['8080:80']\n"
      "  b: {image: x}\n");
  EXPECT_TRUE(Find(conversion, "Service", "a-published").is_null());
  EXPECT_TRUE(Find(conversion, "NetworkPolicy", "shop-a-published").is_null());
  EXPECT_FALSE(Find(conversion, "NetworkPolicy", "shop-a-none").is_null());
  EXPECT_THAT(Notes(conversion), ElementsAre("compose.yaml:5: services.a.ports[0]: network_mode: "
                                             "none: nobody reaches it"));
}

TEST_F(NotedTest, FromAnInternalNetworkNobodyBeyondTheClusterIsAsked) {
  const Conversion conversion =
      Converted("services:\n  a: {image: x, networks: [db]}\nnetworks: {db: {internal: true}}\n");
  const Json policy = Find(conversion, "NetworkPolicy", "shop-network-db-internal");
  ASSERT_FALSE(policy["spec"]["egress"].empty());
  for (const Json& rule : policy["spec"]["egress"]) EXPECT_TRUE(rule.contains("to")) << rule;
}

TEST_F(NotedTest, AnExternalNetworkIsOfSeveralProjectsAndNamespaces) {
  const std::string of_network = std::string(kNetworkLabelPrefix) + "proxy";
  const std::string networks = "networks: {proxy: {external: true}, own: }\n";
  const Conversion apart = Converted(
      "services:\n  app: {image: x, networks: [proxy, own]}\n  db: {image: x, networks: [own]}\n" +
      networks);
  const Json spec = Find(apart, "NetworkPolicy", "shop-network-proxy")["spec"];
  // Not pods of another project, of which this one does not know who asks them.
  EXPECT_EQ(spec["podSelector"]["matchLabels"],
            Json({{of_network, "true"}, {"compose.skiff.io/project", "shop"}}));
  EXPECT_EQ(spec["ingress"][0]["from"],
            Json::parse(R"([{"namespaceSelector": {}, "podSelector": {"matchLabels": {")" +
                        of_network + R"(": "true"}}}])"));
  const Json own = Find(apart, "NetworkPolicy", "shop-network-own")["spec"];
  EXPECT_FALSE(own["ingress"][0]["from"][0].contains("namespaceSelector"));
  EXPECT_THAT(Notes(apart), ElementsAre("compose.yaml:4: networks.proxy.external: who is in it in "
                                        "another namespace is found as SERVICE.NAMESPACE"));
  const Conversion alone =
      Converted("services:\n  web: {image: x, networks: [proxy]}\n" + networks);
  const Json pod = Find(alone, "Deployment", "web")["spec"]["template"];
  EXPECT_EQ(pod["metadata"]["labels"][of_network], "true") << "the other project lets it in";
  EXPECT_TRUE(Find(alone, "NetworkPolicy", "shop-network-proxy").is_null());
}

TEST_F(NotedTest, PortsAtWhichOthersAskForAServiceAreItsServices) {
  const Conversion conversion = Converted(
      "services:\n  mq: {image: x, ports: ['15672:15672'], container_name: broker}\n"
      "  cache: {image: x}\n"
      "  app:\n    image: redis:7\n    environment:\n"
      "      URL: 'amqp://guest:123@mq:5672/,amqp://mq:15672,cache:6379'\n"
      "      NOT: 'smq:1 mq:2x mq:70000 mq:-3 mq: mq:4.5 10:30:00'\n"
      "    command: [serve, '--upstream=broker:61613']\n    ports: ['80:80']\n");
  const Json broker = Find(conversion, "Service", "mq");
  std::string ports;
  for (const Json& port : broker["spec"]["ports"]) {
    ports += port["name"].get<std::string>() + " " + port["targetPort"].dump() + ", ";
  }
  EXPECT_EQ(ports, "tcp-15672 15672, tcp-61613 61613, tcp-5672 5672, ");
  EXPECT_EQ(Find(conversion, "Service", "broker")["spec"]["ports"].size(), 3u);
  EXPECT_EQ(Find(conversion, "Service", "mq-published")["spec"]["ports"].size(), 1u);
  EXPECT_EQ(Find(conversion, "Service", "cache")["spec"]["clusterIP"], "None");
  EXPECT_EQ(Find(conversion, "Service", "app")["spec"]["ports"].size(), 1u);
}

TEST_F(NotedTest, NoTwoPortsOfAServiceHaveOneName) {
  const Conversion conversion = Converted(
      "services:\n  mq:\n    image: x\n    expose: ['80']\n    ports:\n"
      "      - {target: 5671, name: tcp-5672}\n      - {target: 90, name: tcp-80}\n"
      "      - {target: 91, name: tcp-80}\n"
      "  app: {image: x, environment: {URL: 'amqp://mq:5672/'}}\n");
  const Json queue = Find(conversion, "Service", "mq");
  std::string ports;
  for (const Json& port : queue["spec"]["ports"]) {
    ports += port["name"].get<std::string>() + " " + port["targetPort"].dump() + ", ";
  }
  EXPECT_EQ(ports, "tcp-5672 5671, tcp-80 90, tcp-91 91, tcp-80-2 80, tcp-5672-2 5672, ");
}

TEST_F(NotedTest, WhoAsksItselfByItsNameIsLedThereBeforeItIsHealthy) {
  const Conversion conversion = Converted(
      "services:\n"
      "  kafka:\n    image: x\n    ports: ['9092:9092']\n    healthcheck: {test: nc -z kafka "
      "9092}\n"
      "  web:\n    image: x\n    ports: ['80:80']\n"
      "    healthcheck: {test: [CMD, curl, 'http://web-1/']}\n    environment: {URL: "
      "'kafka:9092'}\n"
      "  mysql: {image: x, ports: ['3:3'], healthcheck: {test: mysqladmin ping -h mysql}}\n"
      "  api: {image: x, ports: ['4:4'], healthcheck: {test: [CMD, curl, 'http://api/ready']}}\n"
      "  postgres:\n    image: x\n    ports: ['5:5']\n    healthcheck:\n"
      "      test: pg_isready -U postgres -d postgres://postgres:word@localhost\n"
      "  raft:\n    image: x\n    ports: ['1:1']\n    environment: {VOTERS: "
      "'1@raft:2,2@other:2'}\n");
  const auto is_led = [&](const char* name) {
    return Find(conversion, "Service", name)["spec"].contains("publishNotReadyAddresses");
  };
  EXPECT_TRUE(is_led("kafka"));
  EXPECT_TRUE(is_led("raft"));
  EXPECT_TRUE(is_led("mysql"));
  EXPECT_TRUE(is_led("api"));
  EXPECT_FALSE(is_led("postgres")) << "that is its user";
  EXPECT_FALSE(is_led("web"));
  EXPECT_FALSE(is_led("kafka-published"));
}

TEST_F(NotedTest, EachEmptyDirectoryIsOneOfItsOwn) {
  const Conversion conversion = Converted(
      "services:\n  a:\n    image: x\n    tmpfs: [/run, /tmp, /a/b, /a-b]\n    volumes:\n"
      "    - /app/node_modules\n    - /app/cache\n    - scratch:/one\n    - scratch:/two\n"
      "    - other:/three\n"
      "volumes:\n  scratch: &m {driver_opts: {type: tmpfs, device: tmpfs}}\n  other: *m\n");
  const Json pod = Find(conversion, "Deployment", "a")["spec"]["template"]["spec"];
  std::map<std::string, std::string> volume_at;
  std::set<std::string> volumes;
  for (const Json& mount : pod["containers"][0]["volumeMounts"]) {
    const auto name = mount["name"].get<std::string>();
    volume_at[mount["mountPath"].get<std::string>()] = name;
    volumes.insert(name);
  }
  EXPECT_EQ(volume_at["/one"], volume_at["/two"]) << "they have one name";
  EXPECT_EQ(volume_at.size(), 9u);
  EXPECT_EQ(volumes.size(), 8u) << "what is written to one is in no other";
  EXPECT_EQ(pod["volumes"].size(), 8u);
}

TEST_F(NotedTest, SecretsBesideTheFileStayOutOfConfigMaps) {
  files_.files = {{"/shop/app.py", "print()"},
                  {"/shop/.env", "A=1"},
                  {"/shop/.env.local", "A=2"},
                  {"/shop/pass", "word"},
                  {"/shop/vars", "B=1"}};
  const Conversion conversion = Converted(
      "services:\n  a:\n    image: x\n    volumes: ['.:/app']\n    env_file: [vars]\n"
      "    secrets: [pass]\nsecrets: {pass: {file: ./pass}}\n");
  std::set<std::string> keys;
  for (const Json& object : conversion.Objects()) {
    if (object["kind"] != "ConfigMap") continue;
    for (const auto& [key, value] : object["data"].items()) keys.insert(key);
  }
  EXPECT_THAT(keys,
              Not(testing::AnyOf(Contains(HasSubstr("env")), Contains("pass"), Contains("vars"))));
  EXPECT_THAT(keys, Contains("app.py"));
  EXPECT_THAT(Notes(conversion), Contains(HasSubstr("services.a.volumes[0]: pass stays behind")));
}

TEST_F(NotedTest, EnvFilesMayBeNamedByAVariableOrLeftOut) {
  files_.files = {{"/shop/compose.yaml", "services: {a: {image: 'x:${TAG-none}'}}\n"},
                  {"/shop/.env", "TAG=usual\n"},
                  {"/shop/one.env", "TAG=one\n"},
                  {"/shop/two.env", "TAG=two\n"}};
  const auto image = [&](std::map<std::string, std::string> variables) {
    const auto project = Load(InShop(std::move(variables)), files_);
    return project ? project->root["services"]["a"]["image"].Text() : project.error().message;
  };
  EXPECT_EQ(image({}), "x:usual");
  EXPECT_EQ(image({{"COMPOSE_ENV_FILES", "one.env,two.env"}}), "x:two");
  EXPECT_EQ(image({{"COMPOSE_DISABLE_ENV_FILE", "True"}}), "x:none");
  EXPECT_THAT(image({{"COMPOSE_ENV_FILES", "no.env"}}), HasSubstr("couldn't read env file"));
}

}  // namespace
}  // namespace skiff::cli::compose
