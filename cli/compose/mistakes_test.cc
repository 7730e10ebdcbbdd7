// What is wrong with a project is told in one go, whatever step would find it, and once.
#include "cli/compose/mistakes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/text/utf8.h"
#include "cli/compose/conversion_fixture.h"

namespace skiff::cli::compose {
namespace {

class ComposeMistakesTest : public ConversionFixture {};

TEST(MistakesTest, AreToldOnceInTheOrderOfLines) {
  Mistakes wrong;
  EXPECT_TRUE(wrong.Told());
  for (const char* line : {"nowhere", "b.yaml:2: second", "a.yaml:10: last", "a.yaml:9: it: that",
                           "a.yaml:1: broken", "b.yaml:2: first", "a.yaml:10: last"}) {
    wrong.Add(line);
  }
  EXPECT_EQ(wrong.Told().error().message,
            "a.yaml:1: broken\na.yaml:9: it: that\na.yaml:10: last\nb.yaml:2: second\n"
            "b.yaml:2: first\nnowhere");
}

TEST_F(ComposeMistakesTest, AValueOfAWrongFormHidesNoOtherMistake) {
  EXPECT_EQ(
      FailureOf("services:\n"
                "  web:\n"
                "    image: Bad Image\n"
                "    deploy: {replicas: many}\n"
                "    depends_on: [databse]\n"
                "    ports: ['x:80', {target: [1]}]\n"
                "    volumes: ['data:/d']\n"
                "    user: '4294967295'\n"
                "    cpus: x\n"
                "    mem_limit: lots\n"
                "  database:\n"
                "    imgae: '${WHICH?say which}'\n"
                "    env_file: none.env\n"
                "    environment: {FROM: '${NONE?say from where}'}\n"),
      "compose.yaml:3: services.web.image: \"Bad Image\" is no name of an image: it is "
      "[HOST/]NAME[:TAG], and but for HOST and TAG in lower case\n"
      "compose.yaml:4: services.web.deploy.replicas must be a number\n"
      "compose.yaml:5: service \"web\" depends on undefined service \"databse\"\n"
      "compose.yaml:6: services.web.ports[1].target must be a string or a number\n"
      "compose.yaml:6: invalid hostPort: \"x:80\"\n"
      "compose.yaml:7: service \"web\" refers to undefined volume data\n"
      "compose.yaml:8: services.web.user: Invalid value: 4294967295: must be between 0 and "
      "2147483647, inclusive (spec.template.spec.containers[0].securityContext.runAsUser of "
      "StatefulSet web)\n"
      "compose.yaml:9: invalid number of processors: \"x\"\n"
      "compose.yaml:10: invalid size: \"lots\"\n"
      "compose.yaml:12: required variable WHICH is missing a value: say which\n"
      "compose.yaml:12: services.database: additional property imgae is not allowed; is image "
      "meant?\n"
      "compose.yaml:13: env file /shop/none.env: no such file\n"
      "compose.yaml:14: required variable NONE is missing a value: say from where");
}

// What stood there was wrong; that it is missing now is no second mistake.
TEST_F(ComposeMistakesTest, WhatIsToldOfIsNotMissed) {
  const char* kWrong[] = {
      "services:\n  web: [x]\n  db: {image: x, depends_on: [web]}\n",
      "services:\n  web: {image: [x]}\n",
      "services:\n  web: {imag: x}\n",
      "services: {web: {image: x, depends_on: {db: [x]}}, db: {image: x}}\n",
      "services: {web: {image: x, depends_on: {db: {condition: [x]}}}, db: {image: x}}\n",
      "services: {web: {image: x, depends_on: {db: {conditoin: x}}}, db: {image: x}}\n",
      "services: {web: {image: x, depends_on: {db: x}}, db: {image: x}}\n",
      "services: {web: {image: x, ports: [{target: [80]}]}}\n",
      "services: {web: {image: x, volumes: [{type: bind, target: /x, source: [a]}]}}\n",
      "services: {web: {image: x, volumes: [{tpye: bind, target: /x, source: /a}]}}\n",
      "services: {web: {image: x, volumes: ['v:/v']}}\nvolumes: [v]\n",
      "services: {web: {image: x, volumes: ['v:/v']}}\nvolumes: {v: 1}\n",
      "services: {web: {image: x, configs: [c]}}\nconfigs: {c: x}\n",
      "services: {web: {image: x, configs: [c]}}\nconfigs: {c: {file: [x]}}\n",
      "services: {web: {image: x, secrets: [c]}}\nsecrets: {c: {flie: x}}\n",
      "services: {web: {image: x, configs: [c]}}\nconfigs: {c: {}}\n",
      "services: {web: {image: x, configs: [{source: [c]}]}}\n",
      "services: {web: {image: x, networks: [n]}}\nnetworks: {n: 1}\n",
      "services: {web: {image: x, post_start: [{command: {a: b}}]}}\n",
      "services: {web: {image: x, healthcheck: {test: {a: b}}}}\n",
      "services: {web: {image: x, env_file: [{path: [x]}]}}\n",
      "services: {web: {extends: [x]}}\n",
      "services: {web: {extends: {service: [x]}}}\n",
      "services: {web: {extends: {service: none}}}\n",
      "services: {web: {extends: {service: a, file: none.yaml}}}\n",
      "services: [web]\n",
      "service: {web: {image: x}}\n",
      "name: [x]\nservices: {web: {image: x}}\n",
      "name: Bad Name\nservices: {web: {image: x}}\n",
      "include: [none.yaml]\nservices: {web: {image: x, depends_on: [db], volumes: ['v:/v']}}\n",
      "include: none.yaml\nservices: {web: {image: x, depends_on: [db], volumes: ['v:/v']}}\n",
      "services: {web: {image: '${X?}'}}\n",
      "services: {web: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: [x]}}}}}\n",
      "[]\n"};
  for (const std::string text : kWrong) {
    const std::string failure = FailureOf(text);
    EXPECT_NE(failure, "none") << text;
    EXPECT_EQ(failure.find('\n'), failure.npos) << text << "is told:\n" << failure;
  }
}

TEST_F(ComposeMistakesTest, NothingThatIsToldMovesATerminal) {
  EXPECT_EQ(FailureOf("services:\n  web: {image: x, restart: \"\\e]0;x\\a\\x9b2J\\x7f\"}\n"),
            "compose.yaml:2: invalid restart policy: \\x1b]0;x\\x07\\u009b2J\\x7f");
  const Note note{.place = {}, .key = "services.web", .why = "\x1b[2J gr\xc3\xbcn"};
  EXPECT_EQ(note.Text(), "compose:0: services.web: \\x1b[2J gr\xc3\xbcn");
}

// Whatever stands in the file, keys and values alike; what is wrong with them is still to be read.
TEST_F(ComposeMistakesTest, NothingThatIsToldIsLongerThanALook) {
  const std::string k(10'000, 'k');
  const std::string texts[] = {"services: {web: {image: x, ? " + k + " : 1}}\n",
                               "services: {web: {image: x, restart: " + k + "}}\n",
                               "services: {web: {image: x, environment: {" + k + ": [1]}}}\n",
                               "services: {web: {image: x, depends_on: [" + k + "]}}\n",
                               "services: {web: {image: x, volumes: ['" + k + ":/x']}}\n",
                               "services: {web: {image: x, ports: ['" + k + "']}}\n",
                               "services: {web: {image: '${" + k + "?}'}}\n",
                               "services: {web: {image: '${" + k + "'}}\n",
                               "services: {web: {image: '" + k + " '}}\n",
                               "services: {web: {image: x, env_file: " + k + "}}\n",
                               "services: {web: {image: x, extends: {service: " + k + "}}}\n",
                               "services: {web: {image: x, mem_limit: " + k + "}}\n",
                               "services: {" + k + ": {imag: x}}\n",
                               "services: {web: {image: x, configs: [" + k + "]}}\n",
                               "include: " + k + "\nservices: {web: {image: x}}\n",
                               "name: '" + k + " '\nservices: {web: {image: x}}\n",
                               "a: *" + k + "\n",
                               "? [" + k + "]\n: 1\n"};
  for (const std::string& text : texts) {
    const std::string failure = FailureOf(text);
    EXPECT_NE(failure, "none") << text.substr(0, 60);
    EXPECT_LE(failure.size(), kToldBytesMax + 10) << text.substr(0, 60) << failure.substr(0, 200);
  }
  EXPECT_THAT(FailureOf(texts[0]), testing::EndsWith("kkk is not allowed"));
  EXPECT_EQ(WithoutMiddle(std::string(kToldBytesMax, 'k')), std::string(kToldBytesMax, 'k'));
  std::string letters;
  while (letters.size() < 2 * kToldBytesMax) letters += "\xc3\xbc";
  EXPECT_TRUE(IsUtf8(WithoutMiddle(letters)));
}

TEST_F(ComposeMistakesTest, WhatIsWrongInSeveralFilesIsToldOfEach) {
  files_.files["/shop/more.yaml"] = "services:\n  db: {image: X, tty: maybe}\n";
  files_.files["/shop/broken.yaml"] = "services: [\n";
  EXPECT_EQ(FailureOf("include: [more.yaml, broken.yaml]\n"
                      "services:\n  web: {image: x, restart: odd}\n"),
            "broken.yaml:1: yaml: did not find expected node content\n"
            "compose.yaml:3: invalid restart policy: odd\n"
            "more.yaml:2: services.db.tty must be a boolean\n"
            "more.yaml:2: services.db.image: \"X\" is no name of an image: it is "
            "[HOST/]NAME[:TAG], and but for HOST and TAG in lower case");
}

// As etcd takes no larger requests.
TEST_F(ComposeMistakesTest, AnObjectThatNoServerKeepsIsToldOfWithWhatToDo) {
  for (int i = 0; i < 2; ++i) {
    std::string& text = files_.files[fmt::format("/shop/{}.env", i)];
    for (int j = 0; j < 900; ++j) text += fmt::format("V{}_{}={}\n", i, j, std::string(1000, 'x'));
  }
  const std::string remedy =
      "and a server keeps 1572864 at most: put what is large into files of `configs` or `secrets` "
      ".a million bytes each., into a volume, or into the image";
  EXPECT_THAT(FailureOf("services:\n  web:\n    image: x\n    env_file: [0.env, 1.env]\n"),
              testing::MatchesRegex("compose.yaml:[0-9]+: services.web.environment: Deployment web "
                                    "would have [0-9]+ bytes, [0-9]+ of them variables .`env_file` "
                                    "counts., " + remedy));
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: x\n    env_file: [0.env]\n"), "none");
}

TEST_F(ComposeMistakesTest, WhatJsonEscapesIsKeptAsItIsButSentEscaped) {
  const auto failure = [this](size_t bytes, char byte) {
    files_.files["/shop/config"] = std::string(bytes, byte);
    return FailureOf(
        "services: {web: {image: x, configs: [c]}}\n"
        "configs:\n  c: {file: config}\n");
  };
  EXPECT_EQ(failure(900'000, '\n'), "none") << "1.8 MB of JSON";
  EXPECT_THAT(failure(600'000, '\x01'),
              testing::MatchesRegex("compose.yaml:3: configs.c: ConfigMap shop-c would have "
                                    "36[0-9]+ bytes, and a server takes requests of 3145728 at "
                                    "most: put what is large into .*"));
}

}  // namespace
}  // namespace skiff::cli::compose
