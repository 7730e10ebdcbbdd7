#include "cli/compose/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/compose/files_fixture.h"

namespace skiff::cli::compose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LoadTest : public testing::Test {
 protected:
  // The project of /shop.
  Project Loaded(const LoadOptions& options = InShop()) {
    auto project = Load(options, files_);
    EXPECT_TRUE(project) << project.error().message;
    return project ? *project : Project();
  }
  std::string Failure(const LoadOptions& options = InShop()) {
    const auto project = Load(options, files_);
    return project ? "none" : project.error().message;
  }
  // What is wrong with a compose.yaml.
  std::string FailureOf(const std::string& text) {
    files_.files = {{"/shop/compose.yaml", text}};
    return Failure();
  }
  // What is wrong with a service that says that, "LINE: why"; `rest` stands below it.
  std::string Refused(const std::string& said, const std::string& rest = "") {
    const std::string failure =
        FailureOf("services:\n  a:\n    image: i\n    " + said + "\n" + rest);
    const std::string prefix = "compose.yaml:";
    return failure.starts_with(prefix) ? failure.substr(prefix.size()) : failure;
  }
  std::string At(const Project& project, const std::string& service, const std::string& key) {
    return project.root["services"][service][key].Text();
  }
  std::vector<std::string> Services(const Project& project) {
    std::vector<std::string> names;
    for (const Member& member : project.root["services"].members) names.push_back(member.key);
    return names;
  }
  FilesInMemory files_;
};

TEST_F(LoadTest, LabelsOfFilesLieBelowThoseThatAServiceSays) {
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  web:\n    image: a\n    label_file: [a.labels, sub/b.labels]\n"
                   "    labels: {own: here, two: mine}\n"},
                  {"/shop/a.labels", "# of the team\none=1\ntwo=\"2\"\nhome=$HOME\n"},
                  {"/shop/sub/b.labels", "one=${two}nd\nthree='3'\n"}};
  const Project project = Loaded();
  std::string labels;
  for (const Member& each : project.root["services"]["web"]["labels"].members) {
    labels += each.key + "=" + each.node.Text() + " ";
  }
  EXPECT_EQ(labels, "one=2nd two=mine home= three=3 own=here ");
  files_.files.erase("/shop/a.labels");
  EXPECT_THAT(Failure(), HasSubstr("compose.yaml:4: label file /shop/a.labels: "));
  files_.files["/shop/a.labels"] = "one=1\n=\n";
  EXPECT_THAT(Failure(), HasSubstr("/shop/a.labels:2: unexpected character in variable name"));
}

TEST_F(LoadTest, FindsFilesByTheirUsualNamesHereAndFurtherUp) {
  files_.files = {{"/shop/docker-compose.yml", "services: {web: {image: a, hostname: h}}"},
                  {"/shop/docker-compose.override.yml", "services: {web: {image: b}}"}};
  const Project project = Loaded();
  EXPECT_EQ(project.name, "shop");
  EXPECT_EQ(At(project, "web", "image"), "b");
  EXPECT_EQ(At(project, "web", "hostname"), "h");
  LoadOptions below = InShop();
  below.working_directory = "/shop/src/deep";
  EXPECT_EQ(Loaded(below).directory, "/shop");
  files_.files.clear();
  EXPECT_THAT(Failure(), HasSubstr("no configuration file provided: not found"));
}

TEST_F(LoadTest, FilesThatAreNamedAreMergedInOrder) {
  files_.files = {{"/shop/a.yml", "services: {web: {image: a, ports: ['80:80']}}"},
                  {"/other/b.yml",
                   "services: {web: {image: b, ports: ['81:80']}, db: {image: d}}"}};
  LoadOptions options = InShop();
  options.files = {"a.yml", "../other/b.yml"};
  const Project project = Loaded(options);
  EXPECT_THAT(Services(project), ElementsAre("web", "db"));
  EXPECT_EQ(At(project, "web", "image"), "b");
  EXPECT_EQ(project.root["services"]["web"]["ports"].items.size(), 2u);
  EXPECT_EQ(project.root["services"]["db"]["image"].place.Text(), "/other/b.yml:1");
  options.files = {"none.yml"};
  EXPECT_EQ(Failure(options), "open none.yml: no such file");
}

TEST_F(LoadTest, EnvFilesAreBoundedHoweverOftenOneIsNamed) {
  std::string files;
  for (int i = 0; i < 100; ++i) files += std::string(i == 0 ? "" : ", ") + "e";
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  web:\n    image: a\n    env_file: [" + files + "]\n"},
                  {"/shop/e", "A=" + std::string(100'000, 'x') + "\n"}};
  EXPECT_EQ(Failure(), "compose.yaml:4: env files make more than 8388608 bytes of the project");
}

TEST_F(LoadTest, VariablesComeFromUsAndThenFromDotEnv) {
  files_.files = {{"/shop/compose.yaml", "services: {web: {image: '$IMAGE:${TAG:-1}', "
                                         "environment: [TAG, NONE, IMAGE=x]}}"},
                  {"/shop/.env", "IMAGE=nginx\nTAG=2\n"}};
  const Project project = Loaded(InShop({{"TAG", "3"}}));
  EXPECT_EQ(At(project, "web", "image"), "nginx:3");
  const Node& environment = project.root["services"]["web"]["environment"];
  EXPECT_EQ(environment["TAG"].Text(), "3");
  EXPECT_EQ(environment["IMAGE"].Text(), "x");
  EXPECT_EQ(environment.Find("NONE"), nullptr);
  EXPECT_THAT(project.warnings, IsEmpty());
  files_.files["/shop/.env"] = "";
  EXPECT_THAT(Loaded().warnings,
              ElementsAre("compose.yaml:1: The \"IMAGE\" variable is not set. Defaulting to a "
                          "blank string."));
}

TEST_F(LoadTest, TheProjectIsCalledAsItsFileOrFolderSays) {
  files_.files = {{"/shop/compose.yaml", "name: ${N:-mine}\nservices: {web: {image: a}}"}};
  EXPECT_EQ(Loaded().name, "mine");
  EXPECT_EQ(Loaded(InShop({{"COMPOSE_PROJECT_NAME", "ours"}})).name, "ours");
  LoadOptions options = InShop();
  options.project_name = "Bad Name";
  EXPECT_THAT(Failure(options), HasSubstr("invalid project name \"Bad Name\": must consist only"));
  EXPECT_EQ(LoadName(InShop(), files_)->name, "mine");
  EXPECT_FALSE(LoadName(InShop(), files_)->is_of_folder);
  files_.files = {{"/My Shop.2/compose.yaml", "services: {web: {image: a}}"}};
  LoadOptions elsewhere = InShop();
  elsewhere.working_directory = "/My Shop.2";
  EXPECT_EQ(Loaded(elsewhere).name, "myshop2");
  EXPECT_TRUE(LoadName(elsewhere, files_)->is_of_folder);
  EXPECT_EQ(LoadName(elsewhere, files_)->directory, "/My Shop.2");
}

TEST_F(LoadTest, ServicesOfProfilesAreThereWhenTheirProfileIs) {
  files_.files = {{"/shop/compose.yaml", "services: {web: {image: a}, "
                                         "debug: {image: b, profiles: [dev, test]}}"}};
  EXPECT_THAT(Services(Loaded()), ElementsAre("web"));
  LoadOptions options = InShop();
  options.profiles = {"test"};
  EXPECT_THAT(Services(Loaded(options)), ElementsAre("web", "debug"));
  EXPECT_THAT(Services(Loaded(InShop({{"COMPOSE_PROFILES", "x,dev"}}))),
              ElementsAre("web", "debug"));
}

TEST_F(LoadTest, ExtendedServicesLieBelowThoseThatExtendThem) {
  files_.files = {
      {"/shop/compose.yaml",
       "services:\n  web:\n    extends: {file: base/common.yml, service: app}\n    image: b\n"
       "  two: {extends: web, hostname: two}\n"},
      {"/shop/base/common.yml",
       "services:\n  app: {extends: root, image: a, volumes: ['./conf:/conf']}\n"
       "  root: {environment: {A: 1}, tty: true}\n"}};
  const Project project = Loaded();
  EXPECT_EQ(At(project, "two", "image"), "b");
  EXPECT_EQ(At(project, "two", "hostname"), "two");
  EXPECT_EQ(At(project, "web", "tty"), "true");
  EXPECT_EQ(project.root["services"]["two"]["volumes"].items[0]["source"].Text(),
            "/shop/base/conf");
  EXPECT_THAT(FailureOf("services:\n  a: {extends: b}\n  b: {extends: a}\n"),
              HasSubstr("deeper than 16, or in a circle"));
  EXPECT_EQ(FailureOf("services:\n  a: {extends: nobody}\n"),
            "compose.yaml:2: cannot extend service \"nobody\": service not found");
}

TEST_F(LoadTest, IncludedFilesHaveTheirOwnFolderAndVariables) {
  files_.files = {
      {"/shop/compose.yaml",
       "include:\n- db/compose.yaml\nservices: {web: {image: a, depends_on: [db]}}\n"},
      {"/shop/db/compose.yaml",
       "services: {db: {image: '$IMAGE', env_file: db.env}}\nvolumes: {data: {}}\n"},
      {"/shop/db/.env", "IMAGE=postgres\n"},
      {"/shop/db/db.env", "A=1\n"}};
  const Project project = Loaded();
  EXPECT_EQ(At(project, "db", "image"), "postgres");
  EXPECT_EQ(project.root["services"]["db"]["environment"]["A"].Text(), "1");
  EXPECT_NE(project.root["volumes"].Find("data"), nullptr);
  files_.files["/shop/compose.yaml"] =
      "include: [db/compose.yaml]\nservices:\n  db: {image: mine}\n";
  EXPECT_EQ(Failure(),
            "compose.yaml:3: services.db conflicts with imported resource of "
            "db/compose.yaml:1");
  files_.files = {{"/shop/compose.yaml", "include: [compose.yaml]\nservices: {a: {image: a}}\n"}};
  EXPECT_THAT(Failure(), HasSubstr("include each other deeper than 16, or in a circle"));
}

TEST_F(LoadTest, ALaterFileMaySaySomethingElseOfWhatOneBeforeIncludes) {
  files_.files = {{"/shop/compose.yaml", "include: [db/compose.yaml]\nservices: {a: {image: a}}\n"},
                  {"/shop/compose.override.yaml", "services: {db: {image: mine, tty: true}}\n"},
                  {"/shop/db/compose.yaml", "services: {db: {image: postgres, hostname: h}}\n"}};
  const Project project = Loaded();
  EXPECT_EQ(At(project, "db", "image"), "mine");
  EXPECT_EQ(At(project, "db", "hostname"), "h");
  EXPECT_THAT(Services(project), ElementsAre("a", "db"));
}

TEST_F(LoadTest, ModelsOfAnIncludedFileAreOfTheProject) {
  files_.files = {
      {"/shop/compose.yaml", "include: [b.yaml]\nservices: {a: {image: a}}\n"},
      {"/shop/b.yaml", "services: {b: {image: b, models: [m]}}\nmodels: {m: {model: ai/m}}\n"}};
  EXPECT_NE(Loaded().root["models"].Find("m"), nullptr);
}

TEST_F(LoadTest, AFormatOfVariablesThatNobodyKnowsIsRefused) {
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  a:\n    image: a\n"
                   "    env_file: [{path: a.env, format: json}]\n"},
                  {"/shop/a.env", "A=1\n"}};
  EXPECT_EQ(Failure(),
            "compose.yaml:4: unsupported env_file format \"json\": it is raw, or not said");
}

TEST_F(LoadTest, WhatNamesAFileThatIsNotThereIsNamed) {
  EXPECT_EQ(FailureOf("services: {a: {image: a}}\ninclude:\n- path: none.yaml\n"),
            "compose.yaml:3: open none.yaml: no such file");
  EXPECT_EQ(FailureOf("services: {a: {image: a}}\ninclude:\n- none.yaml\n"),
            "compose.yaml:3: open none.yaml: no such file");
  EXPECT_EQ(FailureOf("services:\n  a:\n    extends:\n      file: none.yaml\n      service: b\n"),
            "compose.yaml:3: open none.yaml: no such file");
  files_.files = {{"/shop/compose.yaml",
                   "services: {a: {image: a}}\ninclude:\n- {path: b.yaml, env_file: none.env}\n"},
                  {"/shop/b.yaml", "services: {b: {image: b}}"}};
  EXPECT_EQ(Failure(), "compose.yaml:3: open none.env: no such file");
  EXPECT_EQ(FailureOf("services:\n  a:\n    image: '${TAG?say which}'\n"),
            "compose.yaml:3: required variable TAG is missing a value: say which");
}

TEST_F(LoadTest, WhatWouldHaveToBeFetchedIsNoFileHere) {
  const char* kWhy = " is none of this machine's files, and nothing is fetched: name a copy";
  EXPECT_EQ(FailureOf("services: {a: {image: a}}\ninclude:\n- https://b.c/d.git\n"),
            std::string("compose.yaml:3: https://b.c/d.git") + kWhy);
  EXPECT_EQ(FailureOf("services: {a: {extends: {file: 'oci://b.c/d', service: b}}}\n"),
            std::string("compose.yaml:1: oci://b.c/d") + kWhy);
}

TEST_F(LoadTest, WhatIsActiveHasAnImageOrIsBuilt) {
  EXPECT_EQ(FailureOf("services:\n  web: {tty: true}\n"),
            "compose.yaml:2: service web has neither an image nor a build context specified");
  EXPECT_EQ(FailureOf("services: {web: {build: .}, debug: {tty: true, profiles: [debug]}}"), "none");
}

TEST_F(LoadTest, AllThatIsWrongWithAFileIsNamed) {
  EXPECT_EQ(FailureOf("services:\n  web:\n    imgae: x\n    deploy: {replicas: many}\n"
                      "    nonsense: 1\nservice: {}\n"),
            "compose.yaml:3: services.web: additional property imgae is not allowed; is image "
            "meant?\n"
            "compose.yaml:4: services.web.deploy.replicas must be a number\n"
            "compose.yaml:5: services.web: additional property nonsense is not allowed\n"
            "compose.yaml:6: the file: additional property service is not allowed; is services "
            "meant?");
  std::string many = "services:\n  web:\n    image: x\n";
  for (int i = 0; i < 25; ++i) many += "    wrong-key-" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(FailureOf(many), testing::EndsWith("wrong-key-19 is not allowed\n... and 5 more"));
}

TEST_F(LoadTest, ServicesThatAreKeptAreActiveWhateverTheirProfile) {
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  web: {image: a}\n"
                   "  debug: {image: a, profiles: [debug], depends_on: [Tool]}\n"
                   "  Tool: {image: a, profiles: [tools]}\n"}};
  EXPECT_THAT(Loaded().inactive, ElementsAre("Tool", "debug"));
  LoadOptions options = InShop();
  options.kept = {"debug"};
  const Project kept = Loaded(options);
  EXPECT_THAT(Services(kept), ElementsAre("web", "debug"));
  EXPECT_THAT(kept.inactive, ElementsAre("Tool"));
  options.kept = {};
  options.profiles = {"debug"};
  EXPECT_THAT(Failure(options), HasSubstr("depends on a profile's inactive service \"Tool\"; "
                                          "--profile tools makes it active"));
}

TEST_F(LoadTest, FilesOfVariablesStandBelowWhatTheServiceSays) {
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  web:\n    image: a\n    env_file:\n    - a.env\n"
                   "    - path: b.env\n"
                   "      required: false\n    environment: {B: mine}\n"},
                  {"/shop/a.env", "A=1\nB=2\nC=$A$HOST\nD=$B\n"}};
  const Node environment =
      Loaded(InShop({{"HOST", "h"}})).root["services"]["web"]["environment"];
  EXPECT_EQ(environment["A"].Text(), "1");
  EXPECT_EQ(environment["B"].Text(), "mine");
  EXPECT_EQ(environment["C"].Text(), "1h");
  EXPECT_EQ(environment["D"].Text(), "mine");
  files_.files.erase("/shop/a.env");
  EXPECT_EQ(Failure(), "compose.yaml:5: env file /shop/a.env: no such file");
}

TEST_F(LoadTest, WhatIsUnknownOrOfTheWrongFormIsToldWithItsLine) {
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: a\n    prots: []\n"),
            "compose.yaml:4: services.web: additional property prots is not allowed; is ports "
            "meant?");
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: a\n    ports: {a: b}\n"),
            "compose.yaml:4: services.web.ports must be a list");
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: [a]\n"),
            "compose.yaml:3: services.web.image must be a string");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, deploy: {replicas: many}}\n"),
            "compose.yaml:2: services.web.deploy.replicas must be a number");
  EXPECT_EQ(FailureOf("- a\n"), "compose.yaml:1: the file must be a mapping");
  EXPECT_EQ(FailureOf("bogus: 1\nservices: {web: {image: a}}\n"),
            "compose.yaml:1: the file: additional property bogus is not allowed");
  EXPECT_EQ(FailureOf("services: {web: {image: a}}\nx-mine: {any: [thing]}\n"), "none");
  EXPECT_EQ(FailureOf("services: [\n"), "compose.yaml:1: yaml: did not find expected node content");
  EXPECT_EQ(FailureOf("services: {web: {image: '${X?must be}'}}\n"),
            "compose.yaml:1: required variable X is missing a value: must be");
  EXPECT_EQ(FailureOf(""), "no service selected: the files have none under services:");
  EXPECT_EQ(FailureOf("services: {a: {image: a, profiles: [one, two]}}"),
            "no service selected: all are of profiles that are not active; --profile one or two "
            "makes it active");
}

TEST_F(LoadTest, WhatIsReferredToHasToBeThere) {
  EXPECT_EQ(FailureOf("services:\n  web:\n    image: a\n    volumes: ['data:/d']\n"),
            "compose.yaml:4: service \"web\" refers to undefined volume data");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, networks: [front]}\n"),
            "compose.yaml:2: service \"web\" refers to undefined network front");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, secrets: [s]}\n"),
            "compose.yaml:2: service \"web\" refers to undefined secret s");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, depends_on: [db]}\n"),
            "compose.yaml:2: service \"web\" depends on undefined service \"db\"");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, depends_on: {db: {condition: "
                      "service_started, required: false}}}\n"),
            "compose.yaml:2: service \"web\" depends on undefined service \"db\"");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, depends_on: {db: {condition: "
                      "service_started, required: false}}}\n  db: {image: d, profiles: [p]}\n"),
            "none");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, models: [m]}\n"),
            "compose.yaml:2: service \"web\" refers to undefined model m");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, models: {m: {endpoint_var: E}}}\n"
                      "models: {m: {model: ai/m}}\n"),
            "none");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, ports: ['x:80']}\n"),
            "compose.yaml:2: invalid hostPort: \"x:80\"");
  EXPECT_EQ(FailureOf("services:\n  web: {image: a, volumes: ['a:b:c:d']}\n"),
            "compose.yaml:2: invalid spec: \"a:b:c:d\": expected [SOURCE:]TARGET[:MODE]");
}

// As docker compose 2.40 (compose-go 2.9) refuses them, and takes what is beside.
TEST_F(LoadTest, WhatDoesNotGoTogetherIsRefused) {
  const std::string limits = "deploy: {resources: {limits: {memory: 1g, cpus: '1.5'}}}";
  EXPECT_EQ(Refused("mem_limit: 1024m\n    cpus: 1.5\n    " + limits), "none");
  EXPECT_EQ(Refused("mem_limit: 2g\n    " + limits),
            "4: services.a: can't set distinct values on 'mem_limit' and "
            "'deploy.resources.limits.memory'");
  EXPECT_EQ(Refused("pids_limit: 5\n    " + limits),
            "4: services.a: can't set distinct values on 'pids_limit' and "
            "'deploy.resources.limits.pids'");
  EXPECT_EQ(Refused("cpus: 2\n    " + limits),
            "4: services.a: can't set distinct values on 'cpus' and "
            "'deploy.resources.limits.cpus'");
  EXPECT_EQ(Refused("mem_reservation: 1g\n    " + limits), "none");
  EXPECT_EQ(Refused("scale: 2\n    deploy: {replicas: 2}"), "none");
  EXPECT_EQ(Refused("scale: 2\n    deploy: {replicas: 3}"),
            "4: services.a: can't set distinct values on 'scale' and 'deploy.replicas'");
  EXPECT_EQ(Refused("container_name: one\n    scale: 1"), "none");
  EXPECT_EQ(Refused("container_name: one\n    deploy: {replicas: 2}"),
            "4: services.a: can't set container_name and deploy.replicas as container name must be "
            "unique");
  EXPECT_EQ(Refused("container_name: x"),
            "4: services.a.container_name 'x' does not match pattern "
            "'[a-zA-Z0-9][a-zA-Z0-9_.-]+'");
  EXPECT_EQ(Refused("pull_policy: every_12h"), "none");
  EXPECT_THAT(Refused("pull_policy: sometimes"), HasSubstr("'sometimes' does not match pattern"));
  EXPECT_EQ(Refused("network_mode: host\n    networks: [n]", "networks: {n: {}}\n"),
            "4: service a declares mutually exclusive `network_mode` and `networks`");
  EXPECT_EQ(Refused("network_mode: 'service:b'"),
            "4: service \"a\" depends on undefined service \"b\"");
  EXPECT_EQ(Refused("links: ['b:db']"), "4: service \"a\" depends on undefined service \"b\"");
  EXPECT_EQ(Refused("volumes_from: ['b:ro']"),
            "4: service \"a\" depends on undefined service \"b\"");
  EXPECT_EQ(Refused("ports: ['nope:80:80']"), "4: services.a.ports: invalid ip address: nope");
  EXPECT_EQ(Refused("ports: ['[::1]:80:80']"), "none");
  EXPECT_EQ(Refused("tmpfs: [/x]\n    volumes: ['/a:/x']"),
            "5: services.a.volumes[0]: target /x already mounted as services.a.tmpfs[0]");
  EXPECT_EQ(Refused("gpus: [{count: 1, device_ids: [a]}]"),
            "4: services.a: \"count\" and \"device_ids\" attributes are exclusive");
}

TEST_F(LoadTest, WhatDependsOnItselfIsRefusedBeforeAnythingIsMadeOfIt) {
  EXPECT_EQ(Refused("depends_on: [a]"), "4: dependency cycle detected: a -> a");
  EXPECT_EQ(Refused("depends_on: [b]", "  b: {image: i, links: [a]}\n"),
            "5: dependency cycle detected: a -> b -> a");
  EXPECT_EQ(Refused("network_mode: 'service:a'"), "4: dependency cycle detected: a -> a");
  EXPECT_EQ(Refused("depends_on: {b: {condition: service_started, required: false}}",
                    "  b: {image: i, depends_on: [a]}\n"),
            "5: dependency cycle detected: a -> b -> a");
  // What is not active does not count.
  EXPECT_EQ(Refused("depends_on: {b: {condition: service_started, required: false}}",
                    "  b: {image: i, profiles: [p], depends_on: [a]}\n"),
            "none");
}

TEST_F(LoadTest, PartsThatContradictEachOtherAreRefused) {
  EXPECT_EQ(Refused("build: {dockerfile: x, dockerfile_inline: FROM x}"),
            "4: service \"a\" declares mutually exclusive dockerfile and dockerfile_inline");
  EXPECT_EQ(Refused("build: {context: ., secrets: [s]}"),
            "4: service \"a\" refers to undefined build secret s");
  EXPECT_EQ(Refused("build: {context: ., additional_contexts: ['c=service:b']}"),
            "4: service \"a\" declares unknown service \"b\" as additional contexts c");
  EXPECT_EQ(Refused("build: {context: ., additional_contexts: {c: 'service:b'}}",
                    "  b: {image: i}\n"),
            "4: service \"a\" declares non-buildable service \"b\" as additional contexts c");
  EXPECT_EQ(Refused("build: {context: ., additional_contexts: {c: 'service:b', d: ./d}}",
                    "  b: {build: .}\n"),
            "none");
  EXPECT_EQ(Refused("develop: {watch: [{path: ., action: sync}]}"),
            "4: services.a.develop.watch: target is required for non-rebuild actions");
  EXPECT_EQ(Refused("", "secrets: {s: {file: ./x, environment: Y}}\n"),
            "5: secrets.s: file|environment attributes are mutually exclusive");
  EXPECT_EQ(Refused("", "configs: {s: {}}\n"),
            "5: configs.s: one of file|environment|content must be set");
  EXPECT_EQ(Refused("", "configs: {s: {environment: X, content: y}}\n"),
            "5: configs.s: file|environment|content attributes are mutually exclusive");
  files_.files["/shop/compose.yaml"] =
      "services: {a: {image: i}}\nconfigs: {c: {environment: X}}\nsecrets: {s: {environment: X}}";
  EXPECT_TRUE(Load(InShop({{"X", "x"}}), files_));
  EXPECT_EQ(Refused("depends_on: {b: {restart: true}}", "  b: {image: i}\n"),
            "4: services.a.depends_on.b missing property 'condition'");
  EXPECT_EQ(Refused("", "networks: {n: {external: {name: x}, name: y}}\n"),
            "5: networks.n: name and external.name conflict; only use name");
  EXPECT_EQ(Refused("", "networks: {n: {external: {name: x}, name: x}}\n"), "none");
  EXPECT_EQ(Refused("", "volumes: {v: {external: true, driver: local}}\n"),
            "5: volumes.v: conflicting parameters \"external\" and \"driver\" specified");
}

// Whom they name starts before them, and has to be there.
TEST_F(LoadTest, WhatStandsBesideAnotherServiceDependsOnIt) {
  files_.files["/shop/compose.yaml"] =
      "services:\n"
      "  a: {image: i, links: ['b:db'], volumes_from: ['c:ro', 'container:x'], ipc: 'service:d',\n"
      "      depends_on: {b: {condition: service_healthy}}}\n"
      "  b: {image: i}\n  c: {image: i}\n  d: {image: i, profiles: [p]}\n";
  LoadOptions options = InShop();
  EXPECT_EQ(Failure(options),
            "compose.yaml:2: service \"a\" depends on a profile's inactive service \"d\"; "
            "--profile p makes it active");
  options.profiles = {"p"};
  const Node depends_on = Loaded(options).root["services"]["a"]["depends_on"];
  std::vector<std::string> told;
  for (const Member& each : depends_on.members) {
    told.push_back(each.key + " " + each.node["condition"].Text());
  }
  EXPECT_THAT(told, ElementsAre("b service_healthy", "d service_started", "c service_started"));
}

TEST_F(LoadTest, IsBoundedInAllThatFilesCanAskFor) {
  EXPECT_THAT(FailureOf(std::string(2 << 20, '#')), HasSubstr("too many bytes"));
  std::string many = "services:\n";
  for (int i = 0; i < 1001; ++i) many += "  s" + std::to_string(i) + ": {image: a}\n";
  EXPECT_EQ(FailureOf(many), "more than 1000 services");
  // A large service that each of many extends.
  std::string large = "services:\n  base: {image: a, environment: {";
  for (int i = 0; i < 2000; ++i) large += "V" + std::to_string(i) + ": 1, ";
  large += "Z: 1}}\n";
  for (int i = 0; i < 100; ++i) large += "  s" + std::to_string(i) + ": {extends: base}\n";
  EXPECT_THAT(FailureOf(large), HasSubstr("comes to more than 100000 values"));
}

TEST_F(LoadTest, NotesWhatNoObjectCanSay) {
  files_.files = {{"/shop/compose.yaml",
                   "services:\n  web:\n    image: a\n    ulimits: {nofile: 10}\n    build: .\n"
                   "    attach: false\n"}};
  std::vector<std::string> notes;
  for (const Note& note : Loaded().notes) notes.push_back(note.Text());
  EXPECT_THAT(notes,
              ElementsAre("compose.yaml:4: services.web.ulimits: the runtime of the node sets "
                          "them for all pods",
                          "compose.yaml:5: services.web.build: no image is built: it has to be on "
                          "the nodes (skiff image load) or in a registry"));
}

}  // namespace
}  // namespace skiff::cli::compose
