// The verbs of `compose` as they are typed, where no server is needed or none is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/text/yaml.h"
#include "cli/compose/load.h"
#include "cli/environment.h"
#include "cli/program.h"

namespace skiff::cli::compose {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ComposeCommandTest : public testing::Test {
 protected:
  ComposeCommandTest() : folder_(testing::TempDir() + "/compose-command-test") {
    std::filesystem::create_directories(folder_);
  }
  ~ComposeCommandTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  int Run(const std::vector<std::string>& args, const std::string& input = "") {
    out_.clear();
    err_.clear();
    const SystemClock clock;
    Environment environment{
        .out = [this](std::string_view text) { out_ += text; },
        .err = [this](std::string_view text) { err_ += text; },
        .read_input = [&] { return input; },
        .variable = [](const std::string&) { return std::string(); },
        .has_variable = [](const std::string& name) { return name == "EMPTY"; },
        .connect = [](const HttpsOptions&) -> Result<std::unique_ptr<Transport>> {
          return Fail(Reason::kServiceUnavailable, "no server here");
        },
        .pause = [](Duration) {},
        .clock = clock};
    return RunCli(environment, "compose", args);
  }

  const std::string folder_;
  std::string out_;
  std::string err_;
};

TEST_F(ComposeCommandTest, ConvertPrintsObjectsAndNotesApart) {
  const std::string path =
      Write("a.yaml", "name: a\nservices:\n  web:\n    image: x\n    ulimits: {nproc: 1}\n");
  ASSERT_EQ(Run({"convert", "-f", path, "-n", "there"}), 0) << err_;
  const auto objects = ParseYamlStream(out_);
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 2u);
  EXPECT_EQ((*objects)[0].value["kind"], "Service");
  EXPECT_EQ((*objects)[1].value["kind"], "Deployment");
  EXPECT_EQ((*objects)[1].value["metadata"]["namespace"], "there");
  EXPECT_THAT(err_, HasSubstr("a.yaml:5: services.web.ulimits: "));
}

TEST_F(ComposeCommandTest, AVariableThatIsSetToNothingIsThere) {
  const std::string path = Write(
      "a.yaml",
      "name: a\nservices:\n  web:\n    image: x\n    labels: {a: '-${EMPTY-no}',\n"
      "      b: '-${EMPTY:-yes}', c: '-${EMPTY+yes}', d: '-${EMPTY?why}', e: '-${NONE-yes}'}\n"
      "    environment: [EMPTY, NONE]\n");
  ASSERT_EQ(Run({"config", "-f", path}), 0) << err_;
  for (const char* line : {"a: '-'", "b: -yes", "c: -yes", "d: '-'", "e: -yes", "EMPTY: \"\""}) {
    EXPECT_THAT(out_, HasSubstr(line));
  }
}

TEST_F(ComposeCommandTest, FilesMayStandBeforeTheVerbAndWithoutAFlag) {
  const std::string one = Write("one.yaml", "name: a\nservices: {web: {image: first}}\n");
  const std::string two = Write("two.yaml", "services: {web: {image: second}}\n");
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"-f", one, "-f", two, "convert"},
        std::vector<std::string>{"-f" + one, "convert", "--file=" + two},
        std::vector<std::string>{"convert", one, two, "-o", "json"}}) {
    EXPECT_EQ(Run(args), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("second"));
    EXPECT_THAT(out_, Not(HasSubstr("first")));
  }
  EXPECT_EQ(Run({"convert", "-f", "-"}, "name: x\nservices: {web: {image: three}}"), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("three"));
}

TEST_F(ComposeCommandTest, WhatIsReadOnStandardInputHasTheBoundOfAFile) {
  const std::string large(kComposeFileBytesMax, '#');
  EXPECT_EQ(Run({"convert", "-f", "-"}, "name: x\nservices: {web: {image: a}}\n" + large), 1);
  EXPECT_EQ(err_, "error: STDIN: more than 1048576 bytes\n");
}

TEST_F(ComposeCommandTest, WhatIsWrongWithAFileEndsTheVerb) {
  const std::string path = Write("bad.yaml", "services:\n  web: {imag: x}\n");
  EXPECT_EQ(Run({"up", "-f", path}), 1);
  EXPECT_THAT(err_, StartsWith("error: "));
  EXPECT_THAT(err_, HasSubstr("bad.yaml:2: services.web: additional property imag is not allowed"));
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"up", "-f", folder_ + "/none.yaml"}), 1);
  EXPECT_THAT(err_, HasSubstr("none.yaml: no such file"));
  EXPECT_EQ(Run({"dwon"}), 1);
  EXPECT_EQ(err_, "error: unknown command \"dwon\"\n\nDid you mean this?\n\tdown\n\nSee 'skiff "
                  "compose -h' for help and examples\n");
  EXPECT_EQ(Run({"destroy"}), 1);
  EXPECT_EQ(err_, "error: unknown command \"destroy\"\nSee 'skiff compose -h' for help and "
                  "examples\n");
}

TEST_F(ComposeCommandTest, ServicesAreRefusedByWhatIsAboutTheWholeProject) {
  const std::string path = Write("a.yaml", "name: a\nservices: {web: {image: x}}\n");
  for (const std::string verb : {"convert", "down", "up"}) {
    EXPECT_EQ(Run({verb, path, "web"}), 1) << verb;
    EXPECT_THAT(err_, StartsWith("error: unexpected arguments: [web]: it is about all services"))
        << verb;
  }
}

TEST_F(ComposeCommandTest, UpTakesDAndIsWhatItIsWithout) {
  const std::string path = Write("bad.yaml", "services:\n  web: {imag: x}\n");
  for (const std::string flag : {"-d", "--detach"}) {
    EXPECT_EQ(Run({"up", flag, "-f", path}), 1);
    EXPECT_THAT(err_, HasSubstr("additional property imag is not allowed")) << flag;
  }
}

TEST_F(ComposeCommandTest, ConfigPrintsOneFileThatComesToTheSame) {
  Write("base.yaml", "services: {app: {image: 'x:${TAG:-1}', environment: {Z: '$$b'}}}\n");
  Write("web.env", "FROM=file\n");
  const std::string path = Write(
      "a.yaml",
      "name: a\nservices:\n  web:\n    extends: {file: base.yaml, service: app}\n"
      "    env_file: web.env\n    ports: ['80:8080']\n    volumes: ['data:/data', /tmp/x:/x]\n"
      "    command: [sh, -c, 'echo $$HOME']\n    depends_on: [db]\n"
      "    healthcheck: {test: [CMD, true], interval: 1m}\n"
      "  db: {build: ., deploy: {replicas: 2}}\nvolumes: {data: }\n");
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  const std::string objects = out_;
  ASSERT_EQ(Run({"config", path}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("image: x:1"));
  EXPECT_THAT(out_, HasSubstr("FROM: file"));
  EXPECT_THAT(out_, HasSubstr("echo $$HOME"));
  const std::string whole = Write("whole.yaml", out_);
  ASSERT_EQ(Run({"convert", whole}), 0) << err_;
  EXPECT_EQ(out_, objects);
  EXPECT_EQ(Run({"config", "--services", path}), 0);
  EXPECT_EQ(out_, "web\ndb\n");
  EXPECT_EQ(Run({"config", "--images", path}), 0);
  EXPECT_EQ(out_, "x:1\na-db\n");
  EXPECT_EQ(Run({"config", "--volumes", path}), 0);
  EXPECT_EQ(out_, "data\n");
  EXPECT_EQ(Run({"config", "-q", path}), 0);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run({"config", "--format=json", path}), 0);
  EXPECT_THAT(out_, StartsWith("{\n"));
  EXPECT_EQ(Run({"config", "--format=xml", path}), 1);
  EXPECT_EQ(err_, "error: --format: \"xml\" is neither yaml nor json\n");
}

TEST_F(ComposeCommandTest, ConfigPrintsNoSecretOfTheEnvironment) {
  Write(".env", "WORD=hush\n");
  const std::string path = Write("a.yaml",
                                 "services: {web: {image: x, secrets: [s], configs: [c]}}\n"
                                 "secrets: {s: {environment: WORD}}\n"
                                 "configs: {c: {content: 'a $${B}'}}\n");
  ASSERT_EQ(Run({"config", path}), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("environment: WORD"), HasSubstr("content: a $${B}"),
                          Not(HasSubstr("hush"))));
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("aHVzaA=="));
}

TEST_F(ComposeCommandTest, WhatKubectlCannotApplyInItsUsualWayIsTold) {
  Write("large", std::string(300'000, 'x'));
  const std::string path =
      Write("a.yaml", "services: {web: {image: x, volumes: ['./large:/large:ro']}}\n");
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("`apply` takes them with --server-side alone"));
  Write("large", "small");
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  EXPECT_THAT(err_, Not(HasSubstr("--server-side")));
}

// What is printed is read by docker compose.
TEST_F(ComposeCommandTest, ConfigPrintsWhatIsAFileByItself) {
  Write(".env", "WORD=hush\n");
  Write("common/base.yaml",
        "services:\n  app: {build: {context: ., additional_contexts: [q=./q]}}\n"
        "  far: {build: 'https://example.com/x.git#main'}\n");
  const std::string path = Write(
      "a.yaml",
      "services:\n  web:\n    extends: {file: common/base.yaml, service: app}\n"
      "    ports: ['3000-3001:4000-4001/udp', '7000-7001', '8080-8081:80', {target: 9}]\n"
      "  far: {extends: {file: common/base.yaml, service: far}}\n"
      "  near: {build: ./d}\n"
      "configs: {c: {environment: WORD}}\n");
  ASSERT_EQ(Run({"config", "--format=json", path}), 0) << err_;
  const Json file = Json::parse(out_);
  EXPECT_EQ(file["configs"]["c"], (Json{{"environment", "WORD"}}));
  const std::string folder =
      std::filesystem::path(path).parent_path().lexically_normal().string();
  const Json& services = file["services"];
  EXPECT_EQ(services["web"]["build"]["context"], folder + "/common");
  EXPECT_EQ(services["web"]["build"]["additional_contexts"]["q"], folder + "/common/q");
  EXPECT_EQ(services["near"]["build"]["context"], folder + "/d");
  EXPECT_EQ(services["far"]["build"]["context"], "https://example.com/x.git#main");
  std::string ports;
  for (const Json& port : services["web"]["ports"]) {
    ports += (port.contains("published") ? port["published"].get<std::string>() : "") + ":" +
             (port["target"].is_string() ? port["target"].get<std::string>() : "9") + " ";
  }
  EXPECT_EQ(ports, "3000:4000 3001:4001 :7000 :7001 8080-8081:80 :9 ");
}

TEST_F(ComposeCommandTest, ConfigPrintsWhatTheFileSaysOfMountsAndNoMore) {
  Write("c.conf", "x");
  const std::string path =
      Write("a.yaml",
            "name: a\nservices:\n  web:\n    image: x\n    volumes:\n      - ./c.conf:/c:rwz\n"
            "      - {type: bind, source: /etc, target: /e, x-relative: 'true', x-mine: 1}\n");
  ASSERT_EQ(Run({"config", "--format=json", path}), 0) << err_;
  const Json mounts = Json::parse(out_)["services"]["web"]["volumes"];
  const Json first = {
      {"type", "bind"},
      {"source", std::filesystem::path(folder_).lexically_normal().string() + "/c.conf"},
      {"target", "/c"},
      {"bind", {{"create_host_path", "true"}}}};
  EXPECT_EQ(mounts[0], first);
  EXPECT_EQ(mounts[1]["x-mine"], 1);
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  EXPECT_THAT(err_, AllOf(HasSubstr("rwz is no mode of a mount"),
                          HasSubstr("a.yaml:7: services.web.volumes[1]: it is the node's /etc")));
}

TEST_F(ComposeCommandTest, AFolderWhoseNameIsNoTextIsReadAllTheSame) {
  const std::string path = Write("caf\xe9/a.yaml",
                                 "services:\n  web:\n    build: .\n"
                                 "    volumes: ['./x:/x:ro', '.:/app:ro', './new:/n']\n"
                                 "    configs: [c]\nconfigs: {c: {file: ./x}}\n");
  Write("caf\xe9/x", "x");
  ASSERT_EQ(Run({"config", "--format=json", path}), 0) << err_;
  EXPECT_EQ(Json::parse(out_)["name"], "caf");
  ASSERT_EQ(Run({"config", path}), 0) << err_;
  for (const char* format : {"yaml", "json"}) {
    ASSERT_EQ(Run({"convert", path, "-o", format}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("ConfigMap"));
  }
}

TEST_F(ComposeCommandTest, OfAMountedFolderIsNamedWhatStaysBehind) {
  Write("c/r/f", "x");
  std::filesystem::create_directory_symlink("r", folder_ + "/c/cur");
  const std::string path = Write("a.yaml", "services: {web: {image: x, volumes: ['./c:/c:ro']}}\n");
  ASSERT_EQ(Run({"convert", path}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("r_f: x"));
  EXPECT_THAT(err_,
              HasSubstr("services.web.volumes[0]: files alone go along: what of it is a link "
                        "to a folder or to nowhere, a socket, a pipe or a device stays behind: "
                        "cur\n"));
}

// No file says that a content was made of a variable.
TEST_F(ComposeCommandTest, ConfigPrintsAContentWhateverItsTagIs) {
  const std::string path =
      Write("a.yaml",
            "services: {web: {image: x, configs: [c]}}\nconfigs: {c: {content: !made hello}}\n");
  ASSERT_EQ(Run({"config", "--format=json", path}), 0) << err_;
  EXPECT_EQ(Json::parse(out_)["configs"]["c"]["content"], "hello");
}

TEST_F(ComposeCommandTest, ConfigPrintsThePartsOfAFileAsDockerComposeDoes) {
  const std::string path = Write(
      "a.yaml",
      "x-b: 1\nconfigs: {c: {content: x}}\nsecrets: {s: {environment: X}}\nx-a: {z: 1, y: 2}\n"
      "volumes: {v: }\nnetworks: {n: }\nservices: {web: {image: x}, db: {image: y}}\nname: a\n");
  ASSERT_EQ(Run({"config", path}), 0) << err_;
  std::string order;
  std::istringstream lines(out_);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(' ')) order += line.substr(0, line.find(':')) + " ";
  }
  EXPECT_EQ(order, "name services networks volumes secrets configs x-a x-b ");
  EXPECT_THAT(out_, HasSubstr("services:\n  db:\n    image: \"y\"\n  web:\n    image: x\n"));
  EXPECT_THAT(out_, HasSubstr("x-a:\n  \"y\": 2\n  z: 1\n"));
}

TEST_F(ComposeCommandTest, VerbsOfDockerComposeThatAreOthersHereAreNamed) {
  EXPECT_EQ(Run({"restart", "web"}), 1);
  EXPECT_THAT(err_, StartsWith("error: skiff compose has no \"restart\": skiff rollout restart "));
  EXPECT_EQ(Run({"-f", "a.yaml", "exec", "-it", "web", "sh"}), 1);
  EXPECT_EQ(err_, "error: skiff compose has no \"exec\": skiff exec -it deployment/SERVICE -- "
                  "COMMAND\n");
  const std::string path = Write("a.yaml", "name: a\nservices: {web: {image: x}}\n");
  EXPECT_EQ(Run({"up", "--build", path}), 1);
  EXPECT_THAT(err_, HasSubstr("skiff image load"));
  EXPECT_EQ(Run({"ps", "--format=xml", path}), 1);
  EXPECT_EQ(err_, "error: --format: \"xml\" is neither table nor json\n");
}

TEST_F(ComposeCommandTest, VerbsHaveHelp) {
  for (const std::string verb : {"config", "convert", "down", "logs", "ps", "up"}) {
    EXPECT_EQ(Run({verb, "--help"}), 0) << verb;
    EXPECT_THAT(out_, HasSubstr("Usage:\n  skiff compose " + verb + " [-f"));
    EXPECT_THAT(out_, HasSubstr("--project-name"));
  }
}

TEST_F(ComposeCommandTest, ThoseThatNeedAServerSayThatThereIsNone) {
  const std::string path = Write("a.yaml", "name: a\nservices: {web: {image: x}}\n");
  for (const std::string verb : {"down", "logs", "ps", "up"}) {
    EXPECT_EQ(Run({verb, path, "--server=https://127.0.0.1:1"}), 1) << verb;
    EXPECT_NE(err_, "") << verb;
  }
}

}  // namespace
}  // namespace skiff::cli::compose
