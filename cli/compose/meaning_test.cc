// Values of a compose file mean what they mean to Docker, and what goes along is the project's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/compose/conversion_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ComposeMeaningTest = ConversionFixture;

TEST_F(ComposeMeaningTest, StepsBeforeTheStartAreInitContainers) {
  const Conversion conversion = Converted(
      "services:\n"
      "  web:\n"
      "    image: app\n"
      "    user: '7'\n"
      "    privileged: true\n"
      "    environment: {A: 1, B: 2}\n"
      "    volumes: ['data:/data']\n"
      "    deploy: {replicas: 2}\n"
      "    pre_start:\n"
      "      - {command: [migrate], environment: [B=3], per_replica: true}\n"
      "      - {image: busybox, command: sh -c 'chown 7 /data', working_dir: /data}\n"
      "volumes: {data: {}}\n");
  const Json pod = Find(conversion, "StatefulSet", "web")["spec"]["template"]["spec"];
  ASSERT_EQ(pod["initContainers"].size(), 2u) << pod;
  const Json& first = pod["initContainers"][0];
  EXPECT_EQ(first["image"], "app");
  EXPECT_EQ(first["args"], Json::array({"migrate"}));
  EXPECT_EQ(first["env"],
            Json::array({{{"name", "A"}, {"value", "1"}}, {{"name", "B"}, {"value", "3"}}}));
  EXPECT_EQ(first["securityContext"], (Json{{"runAsUser", 7}}));
  EXPECT_EQ(first["volumeMounts"], pod["containers"][0]["volumeMounts"]);
  const Json& second = pod["initContainers"][1];
  EXPECT_EQ(second["image"], "busybox");
  EXPECT_EQ(second["args"], Json::array({"sh", "-c", "chown 7 /data"}));
  EXPECT_EQ(second["workingDir"], "/data");
  EXPECT_FALSE(second.contains("securityContext")) << second;
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:11: services.web.pre_start[1]: it runs in each pod before "
                          "its container, not once for all of them"));
  EXPECT_EQ(FailureOf("services: {web: {image: x, pre_start: [{image: X Y}]}}\n"),
            "compose.yaml:1: services.web.pre_start[0].image: \"X Y\" is no name of an image: it "
            "is [HOST/]NAME[:TAG], and but for HOST and TAG in lower case");
}

// A link, dots, or ~: what it leads to is of who runs the file, not of who wrote it.
TEST_F(ComposeMeaningTest, WhatLiesOutsideOfTheProjectIsNamedAndConfidential) {
  files_.files["/etc/keys/key"] = "x";
  files_.links["/shop/conf"] = "/etc/keys";
  const Conversion conversion =
      Converted("services:\n  web: {image: x, volumes: ['./conf:/k:ro']}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["volumes"][0].contains("secret")) << pod;
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:2: services.web.volumes[0]: /etc/keys is outside of the "
                          "project's folder: it goes along as a Secret"));
}

TEST_F(ComposeMeaningTest, NothingFromElsewhereIsInAConfigMap) {
  files_.files = {{"/home/me/.ssh/key", "hush"}, {"/other/.env", "hush"}, {"/shop/own/a", "a"}};
  files_.links = {{"/shop/conf", "/home/me/.ssh"}, {"/there", "/shop"}};
  const Conversion conversion = Converted(
      "services:\n  a:\n    image: x\n    volumes:\n"
      "      - ~/.ssh:/1:ro\n"
      "      - ../other:/2:ro\n"
      "      - /shop/conf:/3\n"
      "      - /there/own:/4:ro\n"
      "      - ../missing:/5\n"
      "      - /other:/6\n");
  for (const Json& object : conversion.Objects()) {
    EXPECT_THAT(object.dump(), Not(HasSubstr("hush"))) << object;
  }
  const std::string outside = " is outside of the project's folder: it goes along as a Secret";
  const auto at = [](int mount, const std::string& why) {
    return fmt::format("compose.yaml:{}: services.a.volumes[{}]: {}", mount + 5, mount, why);
  };
  EXPECT_THAT(
      Notes(conversion),
      ElementsAre(at(0, "/home/me/.ssh" + outside), at(1, "/other" + outside),
                  at(2, "/home/me/.ssh" + outside + ": containers cannot write it"),
                  at(4, "/missing is not there yet: a volume of the cluster takes its place"),
                  at(5, "it is the node's /other, not this machine's")));
  const Json pod = Find(conversion, "StatefulSet", "a")["spec"]["template"]["spec"];
  ASSERT_EQ(pod["volumes"].size(), 6u) << pod;
  const Json other = Find(conversion, "Secret", pod["volumes"][1]["secret"]["secretName"]);
  EXPECT_EQ(other["data"], (Json{{".env", "aHVzaA=="}}));
  EXPECT_TRUE(pod["volumes"][3].contains("configMap")) << pod;
}

TEST_F(ComposeMeaningTest, TheProjectsFolderIsItsOwnAlsoByItsFullPath) {
  files_.links = {{"/there", "/shop"}};
  for (const char* source : {".", "/shop", "/shop/", "/there", "${PWD}"}) {
    files_.files["/shop/compose.yaml"] =
        std::string("services: {a: {image: x, volumes: ['") + source + ":/app:ro']}}\n";
    const auto project = Load(InShop({{"PWD", "/shop"}}), files_);
    ASSERT_TRUE(project) << project.error().message;
    const auto conversion = Convert(*project, files_);
    ASSERT_TRUE(conversion) << conversion.error().message;
    const Json pod = Find(*conversion, "Deployment", "a")["spec"]["template"]["spec"];
    EXPECT_TRUE(pod["volumes"][0].contains("configMap")) << source;
    EXPECT_THAT(Notes(*conversion), IsEmpty()) << source;
  }
}

// Who begins a project in "/" does not take all of the machine along.
TEST_F(ComposeMeaningTest, OfTheMachinesOwnFolderNothingIsTheProjectsThatIsSaidInFull) {
  files_.files = {{"/compose.yaml", "services: {a: {image: x, volumes: ['/:/host:ro']}}\n"},
                  {"/etc/shadow", "hush"}};
  LoadOptions options = InShop();
  options.working_directory = "/";
  options.project_name = "shop";
  const auto project = Load(options, files_);
  ASSERT_TRUE(project) << project.error().message;
  const auto conversion = Convert(*project, files_);
  ASSERT_TRUE(conversion) << conversion.error().message;
  const Json pod = Find(*conversion, "Deployment", "a")["spec"]["template"]["spec"];
  EXPECT_EQ(pod["volumes"][0]["hostPath"], (Json{{"path", "/"}})) << pod;
}

TEST_F(ComposeMeaningTest, OfAConfigFromElsewhereItIsSaidThatAllMayReadIt) {
  files_.files = {{"/home/me/.kube/config", "x"}, {"/shop/c", "x"}};
  const Conversion conversion = Converted(
      "services: {a: {image: x, configs: [c, d], secrets: [e]}}\n"
      "configs:\n  c: {file: ~/.kube/config}\n  d: {file: ./c}\n"
      "secrets: {e: {file: ~/.kube/config}}\n");
  EXPECT_THAT(Notes(conversion),
              ElementsAre("compose.yaml:3: configs.c.file: /home/me/.kube/config is outside of the "
                          "project's folder: it goes along as a ConfigMap, which whoever may look "
                          "at the namespace reads; is it not for all, make it one of `secrets`"));
}

// Also by a link to it.
TEST_F(ComposeMeaningTest, AFileOfSecretsThatIsMountedByItselfIsASecret) {
  files_.files = {{"/shop/.env", "A=1"}, {"/shop/pass", "word"}, {"/shop/vars", "B=1"}};
  files_.links = {{"/shop/link", "/shop/pass"}};
  const Conversion conversion = Converted(
      "services:\n  a:\n    image: x\n    env_file: [vars]\n    secrets: [pass]\n"
      "    volumes: ['./.env:/app/.env:ro', './link:/p:ro', './vars:/v:ro']\n"
      "secrets: {pass: {file: ./pass}}\n");
  for (const Json& object : conversion.Objects()) EXPECT_NE(object["kind"], "ConfigMap") << object;
}

TEST_F(ComposeMeaningTest, ZeroIsNoLimitAndNoProbeByTheSecond) {
  const Conversion conversion = Converted(
      "services:\n  web:\n    image: x\n    cpus: 0\n    mem_limit: 0\n"
      "    healthcheck: {test: a, interval: 0s, timeout: 0s, retries: 0}\n");
  const Json container = ContainerOf(Find(conversion, "Deployment", "web"));
  EXPECT_FALSE(container.contains("resources") && !container["resources"].empty()) << container;
  EXPECT_EQ(container["readinessProbe"]["periodSeconds"], 30);
  EXPECT_EQ(container["readinessProbe"]["timeoutSeconds"], 30);
  EXPECT_EQ(container["readinessProbe"]["failureThreshold"], 3);
}

TEST_F(ComposeMeaningTest, DaysAndWeeksAreDurations) {
  const Conversion conversion =
      Converted("services:\n  web: {image: x, stop_grace_period: 1w1d12h}\n");
  EXPECT_EQ(Find(conversion, "Deployment",
                 "web")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
            8 * 86'400 + 12 * 3'600);
}

// What is known of the short form of a mount no file can say, and `config` does not print.
TEST_F(ComposeMeaningTest, NoFileSaysOfAPathThatItWasRelative) {
  const Conversion conversion = Converted(
      "services:\n  web:\n    image: x\n    volumes:\n"
      "    - {type: bind, source: /etc, target: /e, x-relative: 'true'}\n    - ./a:/a:rwz\n");
  // ./a is not there, and a claim takes its place.
  const Json pod = Find(conversion, "StatefulSet", "web")["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["volumes"][0].contains("hostPath")) << pod;
  EXPECT_THAT(Notes(conversion), testing::Contains(testing::HasSubstr("rwz is no mode")));
  const auto project = Load(InShop(), files_);
  ASSERT_TRUE(project);
  const Node& mount = project->root["services"]["web"]["volumes"].items[1];
  for (const Member& member : mount.members) EXPECT_FALSE(member.key.starts_with("x-"));
}

TEST_F(ComposeMeaningTest, EachFileOfVariablesSeesWhatThoseBeforeItSay) {
  files_.files["/shop/a.env"] = "HOST_A=a\n";
  files_.files["/shop/b.env"] = "URL=http://$HOST_A/\n";
  files_.files["/shop/compose.yaml"] = "services: {web: {image: x, environment: {U: $URL}}}\n";
  LoadOptions options = InShop();
  options.env_files = {"a.env", "b.env"};
  const auto project = Load(options, files_);
  ASSERT_TRUE(project) << project.error().message;
  EXPECT_EQ(project->root["services"]["web"]["environment"]["U"].Text(), "http://a/");
  // What a file says itself comes first.
  files_.files["/shop/b.env"] = "HOST_A=b\nURL=http://$HOST_A/\n";
  EXPECT_EQ(Load(options, files_)->root["services"]["web"]["environment"]["U"].Text(), "http://b/");
}

}  // namespace
}  // namespace skiff::cli::compose
