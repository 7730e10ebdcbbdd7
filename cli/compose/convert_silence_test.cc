// What a file asks for comes to be, or is noted: nothing is dropped in silence, and nothing is
// taken for what it does not say. carried_test.cc has that of each key alone.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/compose/conversion_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class ComposeSilenceTest : public ConversionFixture {};

TEST_F(ComposeSilenceTest, OptionsOfAMountAreCarriedOverOrNoted) {
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, volumes: ['share:/share', 'srv:/srv', 'both:/both']}\n"
      "volumes:\n"
      "  share: {driver_opts: {type: nfs, o: 'addr=192.0.2.1,ro,nolock,soft', device: ':/x'}}\n"
      "  srv: {driver_opts: {type: none, o: 'bind,ro', device: /srv/x}, labels: {a: b}}\n"
      "  both: {driver_opts: {type: nfs4, o: 'addr=192.0.2.1,rw', device: ':/y'}}\n");
  EXPECT_EQ(ContainerOf(Find(conversion, "Deployment", "web"))["volumeMounts"],
            Json::parse(R"([{"mountPath": "/share", "name": "share", "readOnly": true},
                            {"mountPath": "/srv", "name": "srv", "readOnly": true},
                            {"mountPath": "/both", "name": "both"}])"));
  EXPECT_THAT(
      Notes(conversion),
      UnorderedElementsAre(
          "compose.yaml:4: volumes.share.driver_opts.o: nolock,soft: a volume of a pod has no such "
          "options",
          "compose.yaml:5: volumes.srv.driver_opts.device: it is the node's /srv/x, not this "
          "machine's",
          "compose.yaml:5: volumes.srv.labels: nothing is made for the volume that could have "
          "them"));
}

TEST_F(ComposeSilenceTest, ACountOfRestartsThatIsZeroIsNoLimit) {
  const Conversion conversion = Converted(
      "services:\n  a: {image: x, restart: 'on-failure:0'}\n  b: {image: x, restart: on-failure}\n"
      "  c:\n    image: x\n    deploy: {restart_policy: {condition: on-failure, max_attempts: 0}}\n"
      "  d: {image: x, deploy: {restart_policy: {max_attempts: 0}}}\n");
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(Find(conversion, "Job", name)["spec"]["backoffLimit"], 1'000'000) << name;
  }
  EXPECT_THAT(Notes(conversion), ElementsAre());
}

TEST_F(ComposeSilenceTest, UpdatesOfWhatRunsOnceANodeAreAsTheFileSays) {
  const Conversion conversion = Converted(
      "services:\n"
      "  a: {image: x, deploy: {mode: global, update_config: {parallelism: 2}}}\n"
      "  b: {image: x, deploy: {mode: global, update_config: {order: start-first}}}\n"
      "  c: {image: x, deploy: {mode: global, update_config: {delay: 5s}}}\n"
      "  d: {image: x, deploy: {mode: replicated-job, update_config: {parallelism: 2}}}\n");
  const auto strategy = [&](const char* name) {
    return Find(conversion, "DaemonSet", name)["spec"]["updateStrategy"];
  };
  EXPECT_EQ(strategy("a")["rollingUpdate"], Json::parse(R"({"maxSurge": 0, "maxUnavailable": 2})"));
  EXPECT_EQ(strategy("b")["rollingUpdate"], Json::parse(R"({"maxSurge": 1, "maxUnavailable": 0})"));
  EXPECT_TRUE(strategy("c").is_null());
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:5: services.d.deploy.update_config: a Job that has changed "
                          "is made anew"));
  for (const char* rest : {"mode: global, ", "mode: global-job, ", ""}) {
    EXPECT_EQ(
        FailureOf(fmt::format("services: {{a: {{image: x, deploy: {{{}update_config: {{order: "
                              "sideways}}}}}}}}\n",
                              rest)),
        "compose.yaml:1: invalid update order: sideways");
  }
}

TEST_F(ComposeSilenceTest, NothingOfAProbeIsTheKubeletsToExpand) {
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, healthcheck: {test: [CMD, kill, '$$$$', '$$(A)']}}\n");
  EXPECT_EQ(ContainerOf(Find(conversion, "Deployment", "web"))["readinessProbe"]["exec"]["command"],
            Json::parse(R"json(["kill", "$$$", "$$(A)"])json"));
}

TEST_F(ComposeSilenceTest, WhoHasNoNetworkPublishesNothing) {
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, network_mode: none, ports: ['8080:80']}\n"
      "  db: {image: x}\n");
  EXPECT_TRUE(Find(conversion, "Service", "web-published").is_null());
  EXPECT_TRUE(Find(conversion, "NetworkPolicy", "shop-web-published").is_null());
  EXPECT_FALSE(Find(conversion, "NetworkPolicy", "shop-web-none").is_null());
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:2: services.web.ports[0]: nobody reaches "
                          "pods without a network"));
}

// Who may read ConfigMaps may not read Secrets.
TEST_F(ComposeSilenceTest, AFolderWithConfidentialFilesGoesAlongAsASecret) {
  files_.files["/shop/.env"] = "PASSWORD=x\n";
  files_.files["/shop/pass"] = "x";
  files_.files["/shop/site/index.html"] = "hello";
  const Conversion conversion = Converted(
      "services:\n  web: {image: x, volumes: ['.:/app', './site:/site', './pass:/pass:ro']}\n"
      "  db: {image: x, secrets: [pass]}\nsecrets: {pass: {file: ./pass}}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  ASSERT_EQ(pod["volumes"].size(), 3u);
  EXPECT_TRUE(pod["volumes"][0].contains("secret")) << pod;
  EXPECT_TRUE(pod["volumes"][1].contains("configMap")) << pod;
  EXPECT_TRUE(pod["volumes"][2].contains("secret")) << pod;
  const Json secret =
      Find(conversion, "Secret", pod["volumes"][0]["secret"]["secretName"].get<std::string>());
  EXPECT_EQ(secret["data"][".env"], "UEFTU1dPUkQ9eAo=");
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:2: services.web.volumes[0]: it goes along as a Secret, as "
                          "pass is in it: containers cannot write it",
                          "compose.yaml:2: services.web.volumes[1]: it goes along as a ConfigMap: "
                          "containers cannot write it"));
}

// A link, dots, or ~: what it leads to is of who runs the file, not of who wrote it.
TEST_F(ComposeSilenceTest, WhatLiesOutsideOfTheProjectIsNamedAndConfidential) {
  files_.files["/shop/conf/key"] = files_.files["/etc/keys/key"] = "x";
  files_.links["/shop/conf"] = "/etc/keys";
  const Conversion conversion =
      Converted("services:\n  web: {image: x, volumes: ['./conf:/k:ro']}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["volumes"][0].contains("secret")) << pod;
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:2: services.web.volumes[0]: /etc/keys is outside of the "
                          "project's folder: it goes along as a Secret"));
}

TEST_F(ComposeSilenceTest, TheProjectsFolderIsItsOwnAlsoByItsFullPath) {
  const Conversion conversion =
      Converted("services:\n  web: {image: x, volumes: ['/shop:/app:ro']}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["volumes"][0].contains("configMap")) << pod;
}

TEST_F(ComposeSilenceTest, ZeroIsNoLimitAndNoProbeByTheSecond) {
  const Conversion conversion = Converted(
      "services:\n  web:\n    image: x\n    cpus: 0\n    mem_limit: 0\n"
      "    healthcheck: {test: a, interval: 0s, timeout: 0s, retries: 0}\n");
  const Json container = ContainerOf(Find(conversion, "Deployment", "web"));
  EXPECT_FALSE(container.contains("resources") && !container["resources"].empty()) << container;
  EXPECT_EQ(container["readinessProbe"]["periodSeconds"], 30);
  EXPECT_EQ(container["readinessProbe"]["timeoutSeconds"], 30);
  EXPECT_EQ(container["readinessProbe"]["failureThreshold"], 3);
}

TEST_F(ComposeSilenceTest, DaysAndWeeksAreDurations) {
  const Conversion conversion =
      Converted("services:\n  web: {image: x, stop_grace_period: 1w1d12h}\n");
  EXPECT_EQ(Find(conversion, "Deployment",
                 "web")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
            8 * 86'400 + 12 * 3'600);
}

TEST_F(ComposeSilenceTest, SwitchesMayBeSaidInAnyCase) {
  for (const char* on : {"Yes", "ON", "'Y'", "tRUE", "True"}) {
    const Conversion conversion =
        Converted(fmt::format("services: {{web: {{image: x, read_only: {}}}}}\n", on));
    EXPECT_EQ(ContainerOf(Find(conversion, "Deployment", "web"))["securityContext"]
                         ["readOnlyRootFilesystem"],
              true)
        << on;
  }
}

TEST_F(ComposeSilenceTest, EachFileOfVariablesSeesWhatThoseBeforeItSay) {
  files_.files["/shop/a.env"] = "HOST_A=a\n";
  files_.files["/shop/b.env"] = "URL=http://$HOST_A/\n";
  files_.files["/shop/compose.yaml"] = "services: {web: {image: x, environment: {U: $URL}}}\n";
  LoadOptions options = InShop();
  options.env_files = {"a.env", "b.env"};
  const auto project = Load(options, files_);
  ASSERT_TRUE(project) << project.error().message;
  EXPECT_EQ(project->root["services"]["web"]["environment"]["U"].Text(), "http://a/");
}

TEST_F(ComposeSilenceTest, WhoIsInInternalNetworksAloneAsksForNamesAndReachesNobodyElse) {
  const Conversion conversion = Converted(
      "services:\n  db: {image: x, networks: [back]}\nnetworks: {back: {internal: true}}\n");
  const Json policy = Find(conversion, "NetworkPolicy", "shop-network-back-internal");
  ASSERT_EQ(policy["spec"]["egress"].size(), 2u);
  for (const Json& rule : policy["spec"]["egress"]) EXPECT_TRUE(rule.contains("to")) << rule;
}

TEST_F(ComposeSilenceTest, MorePortsThanAServiceCanHaveAreNotedWhereverTheyAreSaid) {
  const Conversion conversion =
      Converted("services:\n  web: {image: x, expose: ['3000-4000', '80']}\n");
  EXPECT_EQ(Find(conversion, "Service", "web")["spec"]["ports"].size(), 1u);
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:2: services.web.expose: a Service has at "
                          "most 256 ports here"));
}

}  // namespace
}  // namespace skiff::cli::compose
