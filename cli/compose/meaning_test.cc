// Values of a compose file mean what they mean to Docker, and what goes along is the project's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/compose/conversion_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;

using ComposeMeaningTest = ConversionFixture;

// A link, dots, or ~: what it leads to is of who runs the file, not of who wrote it.
TEST_F(ComposeMeaningTest, WhatLiesOutsideOfTheProjectIsNamedAndConfidential) {
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

TEST_F(ComposeMeaningTest, TheProjectsFolderIsItsOwnAlsoByItsFullPath) {
  const Conversion conversion =
      Converted("services:\n  web: {image: x, volumes: ['/shop:/app:ro']}\n");
  const Json pod = Find(conversion, "Deployment", "web")["spec"]["template"]["spec"];
  EXPECT_TRUE(pod["volumes"][0].contains("configMap")) << pod;
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
}

}  // namespace
}  // namespace skiff::cli::compose
